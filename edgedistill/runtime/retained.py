"""What a student retains of its teacher, told of games that both played."""

from dataclasses import dataclass
from statistics import fmean

from edgedistill.atari.games import retention
from edgedistill.atari.protocol import Scores
from edgedistill.runtime.card import Score


@dataclass(frozen=True)
class Retained:
    """Retention, or why there is none."""

    share: float | None
    """(student − random) / (best teacher − random)"""
    games: int
    """The first so many were compared, the same for both; 0 where none could be"""
    why_not: str | None = None
    """Where `share` is None, the reason as a sentence"""


def retained(game: str, student: Scores, teacher: Score | None) -> Retained:
    """Compare the means of the same seeds' first games, as many as both have played.

    Args:
        game: ROM name.
        student: played now.
        teacher: the best teacher's at the same ε, from a card; older ones keep the mean of all games alone.
    """
    protocol = student.protocol
    if teacher is None:
        return Retained(None, 0, f"the card has no score of the teacher at ε {protocol.epsilon:g}")
    if (teacher.sticky, teacher.seed) != (protocol.sticky, protocol.seed):
        return Retained(
            None, 0, f"the teacher played other games: --sticky {teacher.sticky:g} --seed {teacher.seed} are its own"
        )
    games = min(protocol.episodes, teacher.episodes)
    if games < teacher.episodes and not teacher.returns:
        return Retained(
            None, 0, f"the card has the mean of the teacher's {teacher.episodes} games, not each of them: --episodes "
            f"{teacher.episodes} compares the same games",
        )  # fmt: skip
    teachers_mean = fmean(teacher.returns[:games]) if teacher.returns else teacher.mean
    share = retention(game, fmean(student.returns[:games]), teachers_mean)
    return Retained(share, games, None if share is not None else "the teacher does not beat a random player")
