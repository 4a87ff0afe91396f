"""The teacher that a run's settings ask for, and its network."""

from pkgutil import resolve_name

import torch

from edgedistill.networks.ensemble import EnsembleNetwork
from edgedistill.networks.integer_network import IntegerNetwork
from edgedistill.networks.learner import Learner
from edgedistill.networks.network import ActionNetwork, AtariNetwork
from edgedistill.networks.optimisers import make_optimisers
from edgedistill.runs.config import TrainConfig
from edgedistill.runs.ensemble import architecture_of
from edgedistill.runs.kinds import KINDS
from edgedistill.runs.optimisers import TEACHER_OPTIMISERS
from edgedistill.teachers.frozen import Frozen
from edgedistill.teachers.teacher import NAME, Teacher


def build_teacher(config: TrainConfig, actions: int, *, device: torch.device, bf16: bool) -> Teacher:
    """A new teacher, its weights drawn from torch's generator; a frozen one waits for those that it came with."""
    network = teacher_network(config, actions, bf16=bf16).to(device)
    if not isinstance(network, AtariNetwork) or config.frozen or config.kind.learns_by is None:
        return Frozen(network)
    made_by = TEACHER_OPTIMISERS[config.teacher_optimiser].made_by
    optimisers = make_optimisers(made_by, network, config.learning_rate, config.muon_learning_rate)
    learner = Learner.build(
        NAME, network, optimisers, with_target=config.kind.from_replay, decay=config.teacher_average
    )
    teacher: Teacher = resolve_name(config.kind.learns_by)(config, learner)
    return teacher


def network_of(kind: str, network: str, actions: int, *, bf16: bool) -> ActionNetwork:
    """A teacher's network of a kind (`KINDS`) and a name (`nature`, or one of the catalogue)."""
    if KINDS[kind].integers:
        return IntegerNetwork(architecture_of(network), actions)
    layer_norm = KINDS[kind].layer_norm
    return AtariNetwork(architecture_of(network), actions, layer_norm=layer_norm, plain=not layer_norm, bf16=bf16)


def teacher_network(config: TrainConfig, actions: int, *, bf16: bool) -> ActionNetwork:
    """The network of a run's teacher, its weights not yet loaded."""
    if not config.ensemble:
        return network_of(config.teacher, config.teacher_network, actions, bf16=bf16)
    members = [network_of(member.kind, member.network, actions, bf16=bf16) for member in config.ensemble]
    return EnsembleNetwork(members, [member.temperature for member in config.ensemble])
