"""Which of a run's students is the smallest that keeps enough of its teacher."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgedistill.atari.games import action_count, retention
from edgedistill.runs.config import TrainConfig


@dataclass(frozen=True)
class StudentRetention:
    """A student at the end of its run."""

    student: str
    ratio: float
    """Parameters as a share of the plain Nature DQN's"""
    retention: float | None
    """Of the run's best teacher; None where that one does not beat a random player"""


def retention_by_size(config: TrainConfig, scores: Mapping[str, float], best_teacher: float) -> list[StudentRetention]:
    """What each student of a run keeps, the smallest first.

    Args:
        scores: mean return of each student, by name, on the validation seeds.
        best_teacher: the best that the teacher had on them. As the best of several evaluations it stands a little too
            high, so retention errs on the low side.
    """
    actions = action_count(config.game)
    kept = [
        StudentRetention(entry.name, entry.ratio(actions), retention(config.game, scores[entry.name], best_teacher))
        for entry in config.students
    ]
    return sorted(kept, key=lambda each: each.ratio)


def smallest_that_keeps(kept: Sequence[StudentRetention], share: float) -> StudentRetention | None:
    """The smallest student with at least this retention, or None."""
    return next((each for each in kept if each.retention is not None and each.retention >= share), None)


def verdict(kept: Sequence[StudentRetention], share: float, episodes: int) -> str:
    """The same in words.

    Args:
        episodes: games of each validation score.
    """
    known = [f"{each.student} {each.retention:.1%}" for each in kept if each.retention is not None]
    if not known:
        return "The teacher does not beat a random player yet, so there is nothing to keep. Train longer."
    text = f"Retention of the best teacher over {episodes} validation games: {', '.join(known)}.\n"
    smallest = smallest_that_keeps(kept, share)
    if smallest is None:
        return f"{text}None keeps {share:.0%}. Train longer, or a larger student: --student net1 --keep {share:g}"
    return (
        f"{text}The smallest that keeps {share:.0%}: {smallest.student}, {smallest.ratio:.2%} of the Nature DQN. "
        f"So few games tell it roughly; the card of its export plays others, and more."
    )
