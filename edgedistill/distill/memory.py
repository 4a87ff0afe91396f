"""The distillation memory: recent frames with the Q-values on which the teacher acted.

On PQN's own minibatches, correlated and from one moment's policy, small students learn nothing; a memory of the last
rollouts, sampled uniformly, averages over many recent teachers. Its targets cost nothing: they were computed to act.
"""

import numpy as np
from numpy.typing import NDArray

from edgedistill.atari.emulator import STACK
from edgedistill.atari.resize import SIDE
from edgedistill.teachers.pqn import Rollout


class DistillationMemory:
    """A ring of the last rollouts; each frame is stored once and stacks are put together when sampled."""

    def __init__(self, frames: int, envs: int, rollout_length: int, actions: int) -> None:
        """Room for at least `frames` frames, rounded up to whole rollouts of `rollout_length` steps × `envs`."""
        self._length = rollout_length
        self._rows = max(2, -(-frames // (envs * rollout_length))) * rollout_length
        self._frames = np.zeros((self._rows, envs, SIDE, SIDE), np.uint8)
        self._q = np.zeros((self._rows, envs, actions), np.float32)
        # Right after a reset the older frames of a stack are black, not the previous game's: remember which.
        self._seen = np.zeros((self._rows, envs, STACK), np.uint8)
        self._added = 0

    @staticmethod
    def bytes_needed(frames: int) -> int:
        """Memory that `frames` frames take, to say before a run."""
        return frames * SIDE * SIDE

    def __len__(self) -> int:
        """Frames held."""
        return min(self._added, self._rows) * self._frames.shape[1]

    @property
    def capacity(self) -> int:
        """Frames held when full."""
        return self._rows * self._frames.shape[1]

    def add(self, rollout: Rollout) -> None:
        """Store a rollout over the oldest one. The rollout's first stack must follow the last one added, or a reset."""
        start = self._added % self._rows
        rows = slice(start, start + self._length)
        obs = rollout.obs[:-1]  # (T, N, 4, 84, 84)
        self._frames[rows] = obs[:, :, -1]
        self._q[rows] = rollout.q[:-1]
        self._seen[rows] = obs.any(axis=(3, 4))
        self._added += self._length

    def mean_brightness(self) -> float:
        """Mean of the newest rollout's frames, from 0 to 1."""
        newest = (self._added - 1) % self._rows
        return float(self._frames[newest - self._length + 1 : newest + 1].mean()) / 255

    def sample(self, batch: int, rng: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """Stacks (B, 4, 84, 84) and the teacher's Q-values (B, A), drawn uniformly with replacement."""
        held = min(self._added, self._rows)
        # The oldest three rows lack the older frames of their stacks, except before the first row was ever replaced.
        age = rng.integers(0, held - (STACK - 1), size=batch)
        row = (self._added - 1 - age) % self._rows
        env = rng.integers(self._frames.shape[1], size=batch)
        stack_rows = (row[:, None] - np.arange(STACK - 1, -1, -1)) % self._rows
        stacks = self._frames[stack_rows, env[:, None]]
        stacks *= self._seen[row, env][:, :, None, None]
        return stacks, self._q[row, env]
