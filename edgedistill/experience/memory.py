"""The ring of recent play: DQN's replay memory, and the distillation memory of students beside PQN or a frozen teacher.

On PQN's own minibatches, correlated and from one moment's policy, small students learn nothing; a memory of the last
rollouts, sampled uniformly, averages over many recent teachers. The targets of a teacher without an average cost
nothing: they were computed to act. An average, which teaches by default, looks at each rollout once more
(`LearningTeacher.relabel`), and the best teacher at the whole memory when it takes over (`revalue`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edgedistill.atari.blocks import BLOCKS, CELL, PIXELS, newest, shown, stacked
from edgedistill.atari.emulator import STACK
from edgedistill.errors import EdgeDistillError
from edgedistill.experience.packing import pack_frames, unpack_frames
from edgedistill.experience.rollout import Rollout
from edgedistill.profiler import timed


@dataclass(frozen=True)
class Transitions:
    """B steps of play, and what followed each."""

    blocks_t: NDArray[np.uint8]
    """(B, 21, 21, 64)"""
    q_t: NDArray[np.float32]
    """(B, A): the values that teach: the teacher's when it acted, its average's, or the best teacher's"""
    action_t: NDArray[np.int64]
    """(B,)"""
    reward_t: NDArray[np.float32]
    """(B,), unclipped"""
    done_t: NDArray[np.bool_]
    """(B,)"""
    blocks_tp1: NDArray[np.uint8] | None
    """(B, 21, 21, 64), if asked for; of no meaning where done"""
    q_tp1: NDArray[np.float32]
    """(B, A)"""


class ReplayMemory:
    """A ring of the last rollouts; each frame is stored once and stacks are put together when sampled."""

    def __init__(self, frames: int, envs: int, rollout_length: int, actions: int) -> None:
        """Room for at least `frames` frames, rounded up to whole rollouts of `rollout_length` steps × `envs`."""
        self._length = rollout_length
        # Sampling leaves out the oldest rows and the newest, so there must be some between.
        least = -(-2 * STACK // rollout_length)
        self._rows = max(2, least, -(-frames // (envs * rollout_length))) * rollout_length
        shape = (self._rows, envs)
        self._frames = np.zeros((*shape, BLOCKS, BLOCKS, PIXELS), np.uint8)
        self._q = np.zeros((*shape, actions), np.float32)
        self._action = np.zeros(shape, np.uint8)
        self._reward = np.zeros(shape, np.float32)
        self._done = np.zeros(shape, np.bool_)
        # Right after a reset the older frames of a stack are black, not the previous game's: remember which.
        self._shown = np.zeros((*shape, STACK), np.bool_)
        # The same of the step that will be added next.
        self._shown_next = np.zeros((envs, STACK), np.bool_)
        # The row after such a one does not follow it: the games were restarted in between.
        self._cut = np.zeros(self._rows, np.bool_)
        self._added = 0

    @staticmethod
    def bytes_needed(frames: int, actions: int) -> int:
        """Memory that `frames` frames take with all that is kept beside them."""
        return frames * (BLOCKS * BLOCKS * PIXELS + 4 * actions + STACK + 6)

    def __len__(self) -> int:
        """Frames held."""
        return min(self._added, self._rows) * self._frames.shape[1]

    @property
    def capacity(self) -> int:
        """Frames held when full."""
        return self._rows * self._frames.shape[1]

    @timed("adding")
    def add(self, rollout: Rollout) -> None:
        """Store a rollout over the oldest one. Its first stack must follow the last one added, unless it restarted."""
        if rollout.restarted:
            self.cut()
        start = self._added % self._rows
        rows = slice(start, start + self._length)
        self._frames.view(CELL)[rows] = newest(rollout.blocks[:-1]).view(CELL)
        self._q[rows] = rollout.q[:-1]
        self._action[rows] = rollout.action
        self._reward[rows] = rollout.reward
        self._done[rows] = rollout.done
        self._shown[rows] = self._shown_in(rollout)
        self._cut[rows] = False
        self._added += self._length

    def _shown_in(self, rollout: Rollout) -> NDArray[np.bool_]:
        """(T, N, 4): a game's first stack tells which of its frames show anything; each step then brings one more."""
        if rollout.restarted or not self._added:
            self._shown_next = shown(rollout.blocks[0])
        found = []
        for over, blocks_tp1 in zip(rollout.game_over, rollout.blocks[1:], strict=True):
            found.append(self._shown_next)
            self._shown_next = np.roll(self._shown_next, -1, axis=1)
            self._shown_next[:, -1] = True
            self._shown_next[over] = shown(blocks_tp1[over])
        return np.stack(found)

    def cut(self) -> None:
        """All games are restarted now: what is added next does not follow what was added last."""
        self._cut[(self._added - 1) % self._rows] = True

    def revalue(self, values: Callable[[NDArray[np.uint8]], NDArray[np.float32]]) -> None:
        """Replace the teacher's values of all that it holds.

        Args:
            values: (T, N, 21, 21, 64) -> (T, N, A)
        """
        envs = np.arange(self._frames.shape[1])
        for start in range(0, min(self._added, self._rows), self._length):
            rows, env = np.meshgrid(np.arange(start, start + self._length), envs, indexing="ij")
            blocks = self._stacks(rows.reshape(-1), env.reshape(-1))
            self._q[start : start + self._length] = values(blocks.reshape(*rows.shape, *blocks.shape[1:]))

    def tensors(self) -> dict[str, Tensor]:
        """All that it holds, by name; the frames are packed."""
        return {**self._beside_frames(), "packed_frames": torch.from_numpy(pack_frames(self._frames))}

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Put back, into an empty one, what `tensors` gave.

        Raises:
            EdgeDistillError: it is damaged, or of a memory of another size; this one is as good as empty.
        """
        beside_frames = self._beside_frames()
        if tensors.keys() != {*beside_frames, "packed_frames"}:
            raise EdgeDistillError("not what is kept of a memory")
        for name, tensor in beside_frames.items():
            if tensors[name].shape != tensor.shape or tensors[name].dtype != tensor.dtype:
                raise EdgeDistillError(f"'{name}' is of another size")
            tensor.copy_(tensors[name])
        unpack_frames(tensors["packed_frames"].numpy(), self._frames)
        self._added = int(beside_frames["added"])

    def _beside_frames(self) -> dict[str, Tensor]:
        """All but the frames, and but for `added` in the same memory."""
        arrays = {
            "q": self._q, "action": self._action, "reward": self._reward, "done": self._done, "shown": self._shown,
            "shown_next": self._shown_next, "cut": self._cut, "added": np.array(self._added),
        }  # fmt: skip
        return {name: torch.from_numpy(array) for name, array in arrays.items()}

    def is_ready(self, learning_starts: int) -> bool:
        """Whether it holds so many frames, or is full where that is 0, and enough rows for a sample."""
        return len(self) >= (learning_starts or self.capacity) and self._oldest_age > 1

    @property
    def _oldest_age(self) -> int:
        """Rows from the newest to the first that is too old for a sample.

        The oldest three lack the older frames of their stacks, except before the first row was ever replaced; one more
        is spared for the steps that a cut pushes back.
        """
        return min(self._added, self._rows) - STACK

    def background(self) -> int:
        """The most frequent pixel value of the newest rollout's frames, from 0 to 255."""
        newest = (self._added - 1) % self._rows
        frames = self._frames[newest - self._length + 1 : newest + 1]
        return int(np.bincount(frames.reshape(-1), minlength=256).argmax())

    def sample(self, batch: int, rng: np.random.Generator, *, with_next: bool = False) -> Transitions:
        """Steps drawn uniformly with replacement."""
        # The newest row lacks its successor.
        age = rng.integers(1, self._oldest_age, size=batch)
        row_t = (self._added - 1 - age) % self._rows
        row_t = np.where(self._cut[row_t], (row_t - 1) % self._rows, row_t)
        env = rng.integers(self._frames.shape[1], size=batch)
        row_tp1 = (row_t + 1) % self._rows
        return Transitions(
            self._stacks(row_t, env),
            self._q[row_t, env],
            self._action[row_t, env].astype(np.int64),
            self._reward[row_t, env],
            self._done[row_t, env],
            self._stacks(row_tp1, env) if with_next else None,
            self._q[row_tp1, env],
        )

    def _stacks(self, row: NDArray[np.int64], env: NDArray[np.int64]) -> NDArray[np.uint8]:
        """(B, 21, 21, 64)"""
        rows = (row[:, None] - np.arange(STACK - 1, -1, -1)) % self._rows
        frames = self._frames[rows, env[:, None]]
        frames[~self._shown[row, env]] = 0
        return stacked(frames)
