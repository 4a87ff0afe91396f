"""A rollout: what some steps of all environments gave."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Rollout:
    """T steps of N environments."""

    blocks: NDArray[np.uint8]
    """(T+1, N, 21, 21, 64); the last is what the next rollout starts from."""
    action: NDArray[np.int64]
    """(T, N)"""
    reward: NDArray[np.float32]
    """(T, N), unclipped"""
    done: NDArray[np.bool_]
    """(T, N): life lost or game over"""
    game_over: NDArray[np.bool_]
    """(T, N); what follows is the first of the next game"""
    q: NDArray[np.float32]
    """(T+1, N, A): the teacher's values when it acted, or watched a student act; for students, its average's instead,
    where there is one"""
    restarted: bool = False
    """Whether all games began anew with it; otherwise it goes on where the one before ended"""

    @classmethod
    def empty(cls, first: NDArray[np.uint8], length: int, actions: int, *, restarted: bool = False) -> "Rollout":
        """Room for `length` steps from `first` (N, 21, 21, 64)."""
        count = len(first)
        blocks = np.empty((length + 1, *first.shape), np.uint8)
        blocks[0] = first
        return cls(
            blocks,
            np.empty((length, count), np.int64),
            np.empty((length, count), np.float32),
            np.empty((length, count), np.bool_),
            np.empty((length, count), np.bool_),
            np.empty((length + 1, count, actions), np.float32),
            restarted,
        )

    def of(self, envs: slice) -> "Rollout":
        """The part of some environments, in the same memory."""
        return Rollout(
            self.blocks[:, envs],
            self.action[:, envs],
            self.reward[:, envs],
            self.done[:, envs],
            self.game_over[:, envs],
            self.q[:, envs],
            self.restarted,
        )
