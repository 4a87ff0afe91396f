"""What happens in a run, as those who watch it are told."""

from dataclasses import dataclass, field

from edgedistill.runs.metrics import Progress as Progress


@dataclass(frozen=True)
class Evaluating:
    """A network's evaluation goes into its next game; the run goes on after all have played."""

    step: int
    network: str
    """A student's name, or "teacher"; several may play beside each other"""
    game: int
    """From 1: how many games will be over when the next one is"""
    games: int
    """Of this network"""


@dataclass(frozen=True)
class Evaluated:
    """Mean returns at one step, by network ("teacher", then the students' names), on the validation seeds."""

    step: int
    scores: dict[str, float]
    best_teacher: float
    returns: dict[str, tuple[float, ...]] = field(default_factory=dict)
    """Of single games, by the networks that played"""


@dataclass(frozen=True)
class Interrupted:
    """The evaluation of this step was stopped before its end; a resumed run makes up for it."""

    step: int


@dataclass(frozen=True)
class Saved:
    """A checkpoint of this step is on disk."""

    step: int


@dataclass(frozen=True)
class Resumed:
    """The run goes on from a checkpoint."""

    step: int


Event = Progress | Evaluating | Evaluated | Interrupted | Saved | Resumed
