"""All that learns in a run, and how it goes to a checkpoint and back."""

from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from edgedistill.networks.integers import measure_ranges
from edgedistill.networks.network import AtariNetwork, native_bf16, teacher_network, to_input
from edgedistill.optimisers.muon import Muon
from edgedistill.optimisers.radam import FusedRAdam
from edgedistill.phases import timed
from edgedistill.runs.checkpoint import load_module, load_optimiser, module_tensors, optimiser_tensors
from edgedistill.runs.config import TrainConfig
from edgedistill.teachers.dqn import nature_rmsprop
from edgedistill.teachers.replay import ReplayMemory

# Enough for the largest activations, which are clipped beyond what was seen, and learnt with from then on.
RANGE_FRAMES = 2_048


@dataclass(frozen=True)
class Learner:
    """A network with its own optimiser, and its target network where Q-learning needs one."""

    name: str
    network: AtariNetwork
    optimisers: tuple[torch.optim.Optimizer, ...]
    """One or more, of different weights"""
    target: AtariNetwork | None = None
    average: AtariNetwork | None = None
    """Its weights, averaged over its last updates: what teaches, is evaluated and exported"""
    decay: float = 0.0
    """Of the average"""

    @classmethod
    def build(
        cls,
        name: str,
        network: AtariNetwork,
        optimisers: tuple[torch.optim.Optimizer, ...],
        *,
        with_target: bool,
        decay: float = 0.0,
    ) -> "Learner":
        target = deepcopy(network).requires_grad_(False) if with_target else None
        average = deepcopy(network).requires_grad_(False) if decay else None
        return cls(name, network, optimisers, target, average, decay)

    @property
    def player(self) -> AtariNetwork:
        """The network that plays."""
        return self.network if self.average is None else self.average

    @property
    def networks(self) -> dict[str, AtariNetwork]:
        """All networks by the name that they have in checkpoints."""
        learning = self.name if self.average is None else f"learning.{self.name}"
        networks = {learning: self.network, self.name: self.player}
        return networks if self.target is None else {**networks, f"target.{self.name}": self.target}

    @property
    def updates(self) -> int:
        """Gradient steps so far."""
        states = (state for optimiser in self.optimisers for state in optimiser.state.values())
        return int(next((state["step"] for state in states if "step" in state), 0))

    def step(self, max_grad_norm: float | None) -> None:
        """One step along the gradients, which are clipped to a norm if there is one."""
        if max_grad_norm is not None:
            nn.utils.clip_grad_norm_(self.network.parameters(), max_grad_norm)
        for optimiser in self.optimisers:
            optimiser.step()
        if self.average is not None:
            # A mean of all weights so far, until there are enough for one that fades.
            share = max(1 - self.decay, 1 / self.updates)
            averaged: list[Tensor] = [*self.average.parameters()]
            torch._foreach_lerp_(averaged, [*self.network.parameters()], share)

    def update_target(self, every: int) -> None:
        """Copy the network to its target network, if it is time: `every` so many updates."""
        if self.target is not None and self.updates % every == 0:
            self.target.load_state_dict(self.network.state_dict())

    def set_rate(self, share: float) -> None:
        """The learning rates from here on, as a share of what the optimisers were made with."""
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = share * group.setdefault("initial_lr", group["lr"])


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
        network = teacher_network(config.teacher, actions, bf16=bf16, architecture=config.teacher_architecture)
        network = network.to(device)
        teacher = Learner.build(
            "teacher",
            network,
            teacher_optimisers(config, network),
            with_target=config.teacher == "dqn" and not config.frozen,
            decay=0.0 if config.frozen else config.teacher_average,
        )
        students = []
        for architecture in config.students:
            network = AtariNetwork(architecture, actions, bf16=bf16).to(device)
            students.append(student_learner(config, f"student.{architecture.name}", network))
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

    def tensors(self) -> dict[str, Tensor]:
        """Weights and optimiser moments of all, by name."""
        tensors: dict[str, Tensor] = {}
        for learner in (self.teacher, *self.students):
            for name, network in learner.networks.items():
                tensors |= module_tensors(network, name)
            for number, optimiser in enumerate(learner.optimisers):
                tensors |= optimiser_tensors(optimiser, f"optimiser.{learner.name}.{number}")
        return tensors

    def centre_students(self, memory: ReplayMemory) -> None:
        """Let students that begin to learn see frames around the game's background."""
        new = [student for student in self.students if student.updates == 0]
        background = memory.background() if new else 0
        for student in new:
            for network in student.networks.values():
                network.centre(background)

    def round_students(self, memory: ReplayMemory) -> None:
        """Let students compute with the integers of their export from here on, with ranges measured in the memory."""
        unset = [student for student in self.students if not student.network.is_integer]
        if not unset:
            return
        with timed("students"):
            frames = memory.sample(RANGE_FRAMES, np.random.default_rng(0)).frames
            x = to_input(frames, self.device, torch.float32)
            for student in unset:
                ranges = measure_ranges(student.player, x)
                for network in student.networks.values():
                    network.begin_integers(ranges)

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Put back what `tensors` gave."""
        for learner in (self.teacher, *self.students):
            for name, network in learner.networks.items():
                load_module(network, tensors, name)
            for number, optimiser in enumerate(learner.optimisers):
                load_optimiser(optimiser, tensors, f"optimiser.{learner.name}.{number}")

    def load_teacher(self, tensors: dict[str, Tensor]) -> None:
        """Take over a teacher's weights, as `teacher_tensors` gives them."""
        load_module(self.teacher.network, tensors, self.teacher.name)

    def teacher_tensors(self) -> dict[str, Tensor]:
        return module_tensors(self.teacher.player, self.teacher.name)


def teacher_optimisers(config: TrainConfig, network: AtariNetwork) -> tuple[torch.optim.Optimizer, ...]:
    """What the teacher learns with: one optimiser for all, or Muon for its convolutions beside RAdam for the rest."""
    parameters = list(network.parameters())
    if config.teacher_optimiser == "rmsprop":
        return (nature_rmsprop(parameters, config.learning_rate),)
    if config.teacher_optimiser == "radam":
        return (FusedRAdam(parameters, config.learning_rate),)
    # Not for the 512 × 3136 layer: three times the time of an update, and play was worse (docs/decisions.md).
    convolutions = [layer.weight for layer in network.trunk if isinstance(layer, nn.Conv2d)]
    rest = [parameter for parameter in parameters if all(parameter is not weight for weight in convolutions)]
    return Muon(convolutions, config.muon_learning_rate), FusedRAdam(rest, config.learning_rate)


def student_learner(config: TrainConfig, name: str, network: AtariNetwork) -> Learner:
    """A student with what it learns with: Adam for all, or Muon for its trunk's weights beside Adam for the rest."""
    parameters = list(network.parameters())
    optimisers: tuple[torch.optim.Optimizer, ...]
    if config.student_optimiser == "adam":
        optimisers = (torch.optim.Adam(parameters, config.student_learning_rate, fused=True),)
    else:
        matrices = [parameter for parameter in network.trunk.parameters() if parameter.ndim > 1]
        rest = [parameter for parameter in parameters if all(parameter is not weight for weight in matrices)]
        optimisers = (
            Muon(matrices, config.student_muon_learning_rate),
            torch.optim.Adam(rest, config.student_learning_rate, fused=True),
        )
    with_target = config.objective.td is not None
    return Learner.build(name, network, optimisers, with_target=with_target, decay=config.student_average)


def _device_name(config: TrainConfig) -> str:
    if config.device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return config.device
