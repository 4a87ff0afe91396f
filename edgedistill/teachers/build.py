"""The teacher that a run's settings ask for."""

from importlib import import_module

import torch

from edgedistill.networks.network import AtariNetwork
from edgedistill.optimisers.choice import TEACHER
from edgedistill.optimisers.learner import Learner
from edgedistill.runs.config import TrainConfig
from edgedistill.runs.trained import teacher_network
from edgedistill.teachers.frozen import Frozen
from edgedistill.teachers.teacher import NAME, Teacher


def build_teacher(config: TrainConfig, actions: int, *, device: torch.device, bf16: bool) -> Teacher:
    """A new teacher, its weights drawn from torch's generator; a frozen one waits for those that it came with."""
    network = teacher_network(config, actions, bf16=bf16).to(device)
    if not isinstance(network, AtariNetwork) or config.frozen or config.kind.learns_by is None:
        return Frozen(network)
    module, name = config.kind.learns_by.split(":")
    optimisers = TEACHER[config.teacher_optimiser](network, config.learning_rate, config.muon_learning_rate)
    learner = Learner.build(
        NAME, network, optimisers, with_target=config.kind.from_replay, decay=config.teacher_average
    )
    teacher: Teacher = getattr(import_module(module), name)(config, learner)
    return teacher
