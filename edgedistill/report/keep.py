"""Which of a run's students is the smallest that keeps enough of its teacher."""

from collections.abc import Mapping
from dataclasses import dataclass

from edgedistill.atari.emulator import Emulator
from edgedistill.atari.games import retention
from edgedistill.runs.config import TrainConfig


@dataclass(frozen=True)
class Kept:
    """A student at the end of its run."""

    student: str
    ratio: float
    """Parameters as a share of the plain Nature DQN's"""
    retention: float | None
    """Of the run's best teacher; None where that one does not beat a random player"""

    def keeps(self, share: float) -> bool:
        return self.retention is not None and self.retention >= share


def kept_by_size(config: TrainConfig, scores: Mapping[str, float], best_teacher: float) -> list[Kept]:
    """What each student of a run keeps, the smallest first.

    Args:
        scores: mean return of each student, by name, on the validation seeds.
        best_teacher: the best that the teacher had on them. As the best of several evaluations it stands a little too
            high, so retention errs on the low side.
    """
    actions = len(Emulator(config.game).actions)
    kept = [
        Kept(entry.name, entry.ratio(actions), retention(config.game, scores[entry.name], best_teacher))
        for entry in config.students
    ]
    return sorted(kept, key=lambda each: each.ratio)
