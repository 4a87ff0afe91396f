"""The optimisers that a run may choose among, by the names that its settings have.

A new one is an entry here, with the function that makes it (`networks/optimisers.py`); nothing else names it. Functions
stand as text, since settings are read where torch is not.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class OptimiserKind:
    """One choice."""

    made_by: str
    """Module and function: network, learning rate, learning rate of Muon -> one or more optimisers"""
    use: str = ""
    """What for, after its name"""
    not_for: tuple[str, ...] = ()
    """Kinds of teacher that do not learn with it, and have another one among their settings"""
    settings: dict[str, Any] = field(default_factory=dict)
    """That go with it, where they differ from `TrainConfig`'s own defaults"""


TEACHER_OPTIMISERS = {
    "muon": OptimiserKind(
        "edgedistill.networks.optimisers:teacher_muon", "for convolutions beside radam for the rest", not_for=("dqn",)
    ),
    "radam": OptimiserKind("edgedistill.networks.optimisers:radam", "for all"),
    "rmsprop": OptimiserKind("edgedistill.networks.optimisers:rmsprop"),
}
STUDENT_OPTIMISERS = {
    "muon": OptimiserKind(
        "edgedistill.networks.optimisers:student_muon", "for the weights of its layers beside adam for biases and head"
    ),
    # Looser, units of small students die in the noise before a teacher of Pong knows anything (docs/decisions.md).
    "adam": OptimiserKind("edgedistill.networks.optimisers:adam", "for all", settings={"student_max_grad_norm": 0.25}),
}


def described(kinds: Mapping[str, OptimiserKind]) -> str:
    """The choices in a sentence."""
    *most, last = (f"{name} {kind.use}".strip() for name, kind in kinds.items())
    return f"{', '.join(most)}, or {last}."
