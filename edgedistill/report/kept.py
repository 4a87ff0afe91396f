"""What trained students keep of their teachers, game by game and size by size, from their cards."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgedistill.atari.games import reference_scores, retention
from edgedistill.errors import BadRequest
from edgedistill.report.statistics import Estimate, interquartile_mean_estimate
from edgedistill.runtime.card import COMPARED_EPSILON, INTERVAL_DEVIATIONS, Card, Score
from edgedistill.runtime.policy import Policy


@dataclass(frozen=True)
class Kept:
    """One student of one game."""

    game: str
    student: str
    ratio: float
    """Parameters as a share of the plain Nature DQN's for the same actions"""
    bytes: int
    score: Score
    """Of the int8 student"""
    teacher: Score
    """Of the best teacher of the same run, on the same seeds"""
    retention: float | None
    """None where the teacher does not beat a random player"""
    trained_steps: int
    """Agent steps"""

    @property
    def interval(self) -> tuple[float, float] | None:
        """95%, for the games played: the errors of student's and teacher's mean, carried over to their ratio (delta
        method). What another training seed would give is not in it. None where either played one game."""
        if self.retention is None or self.score.interval is None or self.teacher.interval is None:
            return None
        random, _ = reference_scores()[self.game]
        error = (_error(self.score) ** 2 + (self.retention * _error(self.teacher)) ** 2) ** 0.5
        half = INTERVAL_DEVIATIONS * error / (self.teacher.mean - random)
        return self.retention - half, self.retention + half


def read_kept(files: Iterable[Path]) -> list[Kept]:
    """What the cards of exported students say, smallest ratio last within each game; files whose card has no scores at
    ε 0.01 are left out.

    Raises:
        BadRequest: a file is no exported student, or two are the same student of the same game.
    """
    found: dict[tuple[str, str], tuple[Path, Kept]] = {}
    for file in files:
        card = Policy.load(file).card
        other, _ = found.get((card.game, card.student), (None, None))
        if other is not None:
            raise BadRequest(f"{other} and {file} are both {card.student} of {card.game}; a table has room for one.")
        kept = kept_of_card(card, file.stat().st_size)
        if kept is not None:
            found[card.game, card.student] = file, kept
    return sorted((kept for _, kept in found.values()), key=lambda kept: (kept.game, -kept.ratio))


def over_games(found: Sequence[Kept]) -> dict[str, Estimate]:
    """By student, the interquartile mean of retention over all games, where these are two or more.

    A student that lacks a game has none, since a mean over other games does not compare.

    Its interval tells how much hangs on the choice of games.
    """
    games = {kept.game for kept in found if kept.retention is not None}
    by_student: dict[str, dict[str, float]] = {}
    for kept in found:
        if kept.retention is not None:
            by_student.setdefault(kept.student, {})[kept.game] = kept.retention
    return {
        student: interquartile_mean_estimate(list(retentions.values()), list(retentions))
        for student, retentions in by_student.items()
        if len(retentions) == len(games) > 1
    }


def students_of(found: Sequence[Kept]) -> list[str]:
    """The names of all students, largest first."""
    ratios: dict[str, float] = {}
    for kept in found:
        ratios[kept.student] = max(kept.ratio, ratios.get(kept.student, 0.0))
    return sorted(ratios, key=lambda student: -ratios[student])


def kept_of_card(card: Card, size: int) -> Kept | None:
    """What a card says of a file of `size` bytes; None where it has no scores at ε 0.01."""
    student, teacher = card.score("student", COMPARED_EPSILON), card.score("best_teacher", COMPARED_EPSILON)
    if student is None or teacher is None:
        return None
    kept = retention(card.game, student.mean, teacher.mean)
    return Kept(card.game, card.student, card.ratio, size, student, teacher, kept, card.trained_steps)


def _error(score: Score) -> float:
    return (score.high - score.low) / (2 * INTERVAL_DEVIATIONS)
