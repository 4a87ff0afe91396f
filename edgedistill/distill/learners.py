"""All that learns in a run, and how it goes to a checkpoint and back."""

from dataclasses import dataclass

import torch
from torch import Tensor

from edgedistill.distill.memory import DistillationMemory
from edgedistill.networks.network import AtariNetwork, native_bf16, nature_teacher
from edgedistill.runs.checkpoint import load_module, load_optimiser, module_tensors, optimiser_tensors
from edgedistill.runs.config import TrainConfig


@dataclass(frozen=True)
class Learner:
    """A network with its own optimiser."""

    name: str
    network: AtariNetwork
    optimiser: torch.optim.Optimizer


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
        teacher = nature_teacher(actions, bf16=bf16).to(device)
        # RAdam as in Gallici et al. 2024; Adam for students as measured (TrainConfig.student_learning_rate).
        teacher_optimiser = torch.optim.RAdam(teacher.parameters(), config.learning_rate, foreach=True)
        students = []
        for architecture in config.students:
            network = AtariNetwork(architecture, actions, bf16=bf16).to(device)
            optimiser = torch.optim.Adam(network.parameters(), config.student_learning_rate, fused=True)
            students.append(Learner(f"student.{architecture.name}", network, optimiser))
        return cls(Learner("teacher", teacher, teacher_optimiser), tuple(students))

    @property
    def device(self) -> torch.device:
        return self.teacher.network.head.weight.device

    @property
    def input_dtype(self) -> torch.dtype:
        return torch.bfloat16 if self.teacher.network.bf16 else torch.float32

    def centre_students(self, memory: DistillationMemory) -> None:
        """Let students see frames around the game's mean brightness, measured once, when they begin."""
        unset = [student.network for student in self.students if not student.network.is_centred]
        brightness = memory.mean_brightness() if unset else 0.0
        for network in unset:
            network.centre(brightness)

    def set_student_rate(self, rate: float) -> None:
        """The learning rate of every student from here on."""
        for student in self.students:
            for group in student.optimiser.param_groups:
                group["lr"] = rate

    def tensors(self) -> dict[str, Tensor]:
        """Weights and optimiser moments of all, by name."""
        tensors: dict[str, Tensor] = {}
        for learner in (self.teacher, *self.students):
            tensors |= module_tensors(learner.network, learner.name)
            tensors |= optimiser_tensors(learner.optimiser, f"optimiser.{learner.name}")
        return tensors

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Put back what `tensors` gave."""
        for learner in (self.teacher, *self.students):
            load_module(learner.network, tensors, learner.name)
            load_optimiser(learner.optimiser, tensors, f"optimiser.{learner.name}")

    def teacher_tensors(self) -> dict[str, Tensor]:
        return module_tensors(self.teacher.network, self.teacher.name)


def _device_name(config: TrainConfig) -> str:
    if config.device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return config.device
