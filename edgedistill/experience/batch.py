"""A batch of play, as networks take it."""

from dataclasses import dataclass

import torch
from torch import Tensor

from edgedistill.atari.blocks import blocks_to_input
from edgedistill.experience.memory import Transitions


@dataclass(frozen=True)
class Batch:
    """B steps of play, as networks take them."""

    x: Tensor
    """(B, 64, 21, 21)"""
    teacher: Tensor
    """(B, A): the teacher's values, without gradient"""
    action: Tensor
    """(B,)"""
    reward: Tensor
    """(B,), clipped to ±1"""
    done: Tensor
    """(B,)"""
    next_x: Tensor | None
    """(B, 64, 21, 21), where a loss needs it"""
    next_teacher: Tensor
    """(B, A): the teacher's values of what followed"""

    @classmethod
    def of(cls, transitions: Transitions, device: torch.device, dtype: torch.dtype) -> "Batch":
        """A sample of the memory on a device, in what its networks compute with."""
        following = transitions.next_blocks
        return cls(
            blocks_to_input(transitions.blocks, device, dtype),
            torch.from_numpy(transitions.q).to(device),
            torch.from_numpy(transitions.action).to(device),
            # Rewards are clipped to ±1 for learning only (Mnih et al. 2015).
            torch.from_numpy(transitions.reward).clamp(-1, 1).to(device),
            torch.from_numpy(transitions.done).to(device),
            None if following is None else blocks_to_input(following, device, dtype),
            torch.from_numpy(transitions.next_q).to(device),
        )
