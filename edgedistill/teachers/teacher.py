"""What a run asks of its teacher, whichever kind it is."""

from collections.abc import Iterable, Mapping
from concurrent.futures import Executor
from dataclasses import replace
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edgedistill.atari.blocks import blocks_to_input
from edgedistill.experience.batch import Batch
from edgedistill.experience.memory import ReplayMemory
from edgedistill.experience.rollout import Rollout
from edgedistill.networks.learner import Learner
from edgedistill.networks.network import ActionNetwork, acting_copy
from edgedistill.networks.tensors import module_tensors
from edgedistill.profiler import results, timed
from edgedistill.runs.config import TrainConfig
from edgedistill.runs.schedule import Span, teacher_learns

NAME = "teacher"
# Of a rollout, that the averaged teacher looks at in turn: 260 of 2,080 frames, as many as fill a core.
PARTS = 8


class Teacher(Protocol):
    """Acts, rates what was played, and learns from it."""

    @property
    def player(self) -> ActionNetwork:
        """The network that is evaluated, kept as the best, and teaches."""

    def learns(self, step: int) -> bool:
        """Whether it learns from what is played at an agent step."""

    def actor(self, step: int) -> ActionNetwork:
        """A copy to act with in the rollout that begins at a step, while the original learns."""

    def relabel(self, rollout: Rollout, span: Span, lanes: Executor) -> Rollout:
        """The rollout as students learn from it, with the values that teach: `q` (T+1, N, A)."""

    def update(self, rollout: Rollout, memory: ReplayMemory, span: Span, lanes: Executor) -> Iterable[Batch]:
        """Learn, once it has learnt from a rollout. Gives the minibatches that students share, after each update."""

    def mean_loss(self) -> float | None:
        """Of its updates since this was last asked for; None where there were none."""

    def tensors(self) -> dict[str, Tensor]:
        """All that a checkpoint holds of it."""

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Put back what `tensors` gave."""


def player_tensors(teacher: Teacher) -> dict[str, Tensor]:
    """The weights that play, as `best_teacher.safetensors` holds them."""
    return module_tensors(teacher.player, NAME)


class LearningTeacher:
    """What teachers that learn have in common."""

    def __init__(self, config: TrainConfig, learner: Learner) -> None:
        self.config, self.learner = config, learner

    @property
    def network(self) -> ActionNetwork:
        """The network that learns."""
        return self.learner.network

    @property
    def player(self) -> ActionNetwork:
        return self.learner.player

    def learns(self, step: int) -> bool:
        return teacher_learns(self.config, step)

    def actor(self, step: int) -> ActionNetwork:
        # Q(λ) learns from what its own network does; the average lags behind it (docs/decisions.md).
        return acting_copy(self.learner.network if self.learns(step) else self.learner.player)

    def relabel(self, rollout: Rollout, span: Span, lanes: Executor) -> Rollout:
        """With the values of the averaged network, where there is one.

        They change less from rollout to rollout than those on which a teacher that learns has acted.
        """
        average = self.learner.average
        if average is None or not self.learns(span.step) or not self.config.students:
            return rollout
        network = acting_copy(average)
        parts = np.array_split(rollout.blocks, min(PARTS, len(rollout.blocks)))
        return replace(rollout, q=np.concatenate(results([lanes.submit(values_of, network, part) for part in parts])))

    def mean_loss(self) -> float | None:
        return self.learner.mean_loss()

    def tensors(self) -> dict[str, Tensor]:
        return self.learner.tensors()

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        self.learner.load(tensors)


@timed("acting")
@torch.inference_mode()
def values_of(network: ActionNetwork, blocks: NDArray[np.uint8]) -> NDArray[np.float32]:
    """A network's values of some steps of all environments: (T, N, 21, 21, 64) -> (T, N, A)."""
    x = blocks_to_input(blocks.reshape(-1, *blocks.shape[2:]), network.device, network.input_dtype)
    found: NDArray[np.float32] = network(x).cpu().numpy()
    return found.reshape(*blocks.shape[:2], -1)
