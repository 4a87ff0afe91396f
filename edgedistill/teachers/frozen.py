"""A teacher that came ready and learns nothing more: one network, or several as one policy."""

from collections.abc import Iterable, Mapping
from concurrent.futures import Executor

from torch import Tensor

from edgedistill.experience.batch import Batch
from edgedistill.experience.memory import ReplayMemory
from edgedistill.experience.rollout import Rollout
from edgedistill.networks.network import ActionNetwork, acting_copy
from edgedistill.networks.tensors import load_module, module_tensors
from edgedistill.runs.schedule import Span
from edgedistill.teachers.teacher import NAME


class Frozen:
    """Acts with the weights that it came with, and its values while acting are what students learn towards."""

    def __init__(self, network: ActionNetwork) -> None:
        self.player = network

    def learns(self, step: int) -> bool:
        return False

    def actor(self, step: int) -> ActionNetwork:
        return acting_copy(self.player)

    def relabel(self, rollout: Rollout, span: Span, lanes: Executor) -> Rollout:
        return rollout

    def update(self, rollout: Rollout, memory: ReplayMemory, span: Span, lanes: Executor) -> Iterable[Batch]:
        return ()

    def mean_loss(self) -> None:
        return None

    def tensors(self) -> dict[str, Tensor]:
        return module_tensors(self.player, NAME)

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        load_module(self.player, tensors, NAME)
