"""All that learns in a run, and how it goes to a checkpoint and back."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor

from edgedistill.networks.network import AtariNetwork, native_bf16, teacher_network
from edgedistill.runs.checkpoint import load_module, load_optimiser, module_tensors, optimiser_tensors
from edgedistill.runs.config import TrainConfig
from edgedistill.teachers.dqn import nature_rmsprop
from edgedistill.teachers.radam import FusedRAdam
from edgedistill.teachers.replay import ReplayMemory


@dataclass(frozen=True)
class Learner:
    """A network with its own optimiser, and its target network where Q-learning needs one."""

    name: str
    network: AtariNetwork
    optimiser: torch.optim.Optimizer
    target: AtariNetwork | None = None

    @classmethod
    def build(
        cls, name: str, network: AtariNetwork, optimiser: torch.optim.Optimizer, *, with_target: bool
    ) -> "Learner":
        target = deepcopy(network).requires_grad_(False) if with_target else None
        return cls(name, network, optimiser, target)

    @property
    def updates(self) -> int:
        """Gradient steps so far."""
        return int(next((state["step"] for state in self.optimiser.state.values()), 0))

    def update_target(self, every: int) -> None:
        """Copy the network to its target network, if it is time: `every` so many updates."""
        if self.target is not None and self.updates % every == 0:
            self.target.load_state_dict(self.network.state_dict())

    @property
    def rate(self) -> float:
        """The learning rate."""
        return float(self.optimiser.param_groups[0]["lr"])

    def set_rate(self, rate: float) -> None:
        """The learning rate from here on."""
        for group in self.optimiser.param_groups:
            group["lr"] = rate


@dataclass(frozen=True)
class Learners:
    """One teacher and its students."""

    teacher: Learner
    students: tuple[Learner, ...]

    @classmethod
    def build(cls, config: TrainConfig, actions: int) -> "Learners":
        """New networks, their weights drawn from the run's seed."""
        device = torch.device(_device_name(config))
        bf16 = config.precision == "bf16" or (config.precision == "auto" and native_bf16(device))
        torch.manual_seed(config.seed)
        network = teacher_network(config.teacher, actions, bf16=bf16).to(device)
        parameters = list(network.parameters())
        # RAdam as in Gallici et al. 2024; Adam for students as measured (TrainConfig.student_learning_rate).
        optimiser = (
            nature_rmsprop(parameters, config.learning_rate)
            if config.teacher == "dqn"
            else FusedRAdam(parameters, config.learning_rate)
        )
        teacher = Learner.build(
            "teacher", network, optimiser, with_target=config.teacher == "dqn" and not config.frozen
        )
        students = []
        for architecture in config.students:
            network = AtariNetwork(architecture, actions, bf16=bf16).to(device)
            optimiser = torch.optim.Adam(network.parameters(), config.student_learning_rate, fused=True)
            with_target = config.objective.td is not None
            students.append(Learner.build(f"student.{architecture.name}", network, optimiser, with_target=with_target))
        return cls(teacher, tuple(students))

    @property
    def device(self) -> torch.device:
        return self.teacher.network.head.weight.device

    @property
    def input_dtype(self) -> torch.dtype:
        return torch.bfloat16 if self.teacher.network.bf16 else torch.float32

    def set_rates(self, config: TrainConfig, step: int) -> None:
        """The learning rates of an agent step."""
        self.teacher.set_rate(config.teacher_rate(step))
        for student in self.students:
            student.set_rate(config.student_rate(step))

    def centre_students(self, memory: ReplayMemory) -> None:
        """Let students see frames around the game's mean brightness, measured once, when they begin."""
        unset = [student for student in self.students if not student.network.is_centred]
        brightness = memory.mean_brightness() if unset else 0.0
        for student in unset:
            student.network.centre(brightness)
            if student.target is not None:
                student.target.centre(brightness)

    def _all(self) -> Iterator[tuple[Learner, dict[str, AtariNetwork]]]:
        """Every learner with its networks by name."""
        for learner in (self.teacher, *self.students):
            targets = {} if learner.target is None else {f"target.{learner.name}": learner.target}
            yield learner, {learner.name: learner.network, **targets}

    def tensors(self) -> dict[str, Tensor]:
        """Weights and optimiser moments of all, by name."""
        tensors: dict[str, Tensor] = {}
        for learner, networks in self._all():
            for name, network in networks.items():
                tensors |= module_tensors(network, name)
            tensors |= optimiser_tensors(learner.optimiser, f"optimiser.{learner.name}")
        return tensors

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Put back what `tensors` gave."""
        for learner, networks in self._all():
            for name, network in networks.items():
                load_module(network, tensors, name)
            load_optimiser(learner.optimiser, tensors, f"optimiser.{learner.name}")

    def load_teacher(self, tensors: dict[str, Tensor]) -> None:
        """Take over a teacher's weights, as `teacher_tensors` gives them."""
        load_module(self.teacher.network, tensors, self.teacher.name)

    def teacher_tensors(self) -> dict[str, Tensor]:
        return module_tensors(self.teacher.network, self.teacher.name)


def _device_name(config: TrainConfig) -> str:
    if config.device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return config.device
