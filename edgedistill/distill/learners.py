"""All that learns or teaches in a run: one teacher and its students."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from edgedistill.distill.students import Students
from edgedistill.networks.network import ActionNetwork, native_bf16
from edgedistill.runs.config import TrainConfig
from edgedistill.teachers.build import build_teacher
from edgedistill.teachers.teacher import Teacher


@dataclass(frozen=True)
class Learners:
    """One teacher and its students."""

    teacher: Teacher
    students: Students

    @classmethod
    def build(cls, config: TrainConfig, actions: int) -> "Learners":
        """New networks, their weights drawn from the run's seed."""
        device = torch.device(_device_name(config))
        bf16 = config.precision == "bf16" or (config.precision == "auto" and native_bf16(device))
        torch.manual_seed(config.seed)
        teacher = build_teacher(config, actions, device=device, bf16=bf16)
        return cls(teacher, Students.build(config, actions, device=device, bf16=bf16))

    @property
    def players(self) -> dict[str, ActionNetwork]:
        """The networks that play, by the name that their scores have."""
        students = {student.network.architecture.name: student.player for student in self.students.learners}
        return {"teacher": self.teacher.player, **students}

    def tensors(self) -> dict[str, Tensor]:
        """Weights and optimiser moments of all, by name."""
        return self.teacher.tensors() | self.students.tensors()

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Put back what `tensors` gave.

        Raises:
            EdgeDistillError: they do not fit.
        """
        self.teacher.load(tensors)
        self.students.load(tensors)


def _device_name(config: TrainConfig) -> str:
    if config.device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return config.device
