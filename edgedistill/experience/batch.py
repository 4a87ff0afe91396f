"""A batch of play, as networks take it."""

from dataclasses import dataclass

import torch
from torch import Tensor

from edgedistill.atari.blocks import blocks_to_input
from edgedistill.experience.memory import Transitions


@dataclass(frozen=True)
class Batch:
    """B steps of play, as networks take them."""

    x_t: Tensor
    """(B, 64, 21, 21)"""
    q_t: Tensor
    """(B, A): the teacher's values, without gradient"""
    action_t: Tensor
    """(B,)"""
    reward_t: Tensor
    """(B,), clipped to ±1"""
    done_t: Tensor
    """(B,)"""
    x_tp1: Tensor | None
    """(B, 64, 21, 21), where a loss needs it"""
    q_tp1: Tensor
    """(B, A): the teacher's values of what followed"""

    @classmethod
    def of(cls, transitions: Transitions, device: torch.device, dtype: torch.dtype) -> "Batch":
        """A sample of the memory on a device, in what its networks compute with."""
        blocks_tp1 = transitions.blocks_tp1
        return cls(
            blocks_to_input(transitions.blocks_t, device, dtype),
            torch.from_numpy(transitions.q_t).to(device),
            torch.from_numpy(transitions.action_t).to(device),
            # Rewards are clipped to ±1 for learning only (Mnih et al. 2015).
            torch.from_numpy(transitions.reward_t).clamp(-1, 1).to(device),
            torch.from_numpy(transitions.done_t).to(device),
            None if blocks_tp1 is None else blocks_to_input(blocks_tp1, device, dtype),
            torch.from_numpy(transitions.q_tp1).to(device),
        )
