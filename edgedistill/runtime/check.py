"""Whether an exported student still plays as its card says.

Play is deterministic: the same file, seed and protocol give the same actions on every CPU. So a card that holds the
returns of its first games is compared exactly.

An older card has means alone. A mean over N of its E games is a draw without replacement: it lies around the card's
mean with a standard deviation of s·√(1/N − 1/E), where s is that of a single game, read from the card's interval. A
file counts as different beyond `TOLERATED_DEVIATIONS` of these. For returns that are distributed normally, that is a
false alarm in 1,000; whatever their distribution, at most 1 in 10 (Chebyshev). With N = E nothing is left to chance.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt
from statistics import fmean

from edgedistill.atari.protocol import Protocol, evaluate
from edgedistill.errors import BadRequest
from edgedistill.runtime.card import Score
from edgedistill.runtime.policy import Policy

# One wrong logit soon changes one game's return, and five take seconds on a board.
CHECKED_GAMES = 5
# Two-sided 0.1% of a normal distribution.
TOLERATED_DEVIATIONS = 3.29
# Cards round means to hundredths.
ROUNDING = 0.0051


@dataclass(frozen=True)
class Checked:
    """One student's play beside its card."""

    exact: bool
    """Whether single games were compared, or a mean with the card's interval"""
    returns: tuple[float, ...]
    """Played now"""
    expected: str
    """What the card says, in words"""
    agrees: bool


def check_student(
    policy: Policy, episodes: int = CHECKED_GAMES, on_episode: Callable[[int, float], None] = lambda number, score: None
) -> Checked:
    """Play a student's first games again.

    Args:
        episodes: at most so many games, and never more than the card tells of.
        on_episode: called with the number and return of each finished game.

    Raises:
        BadRequest: the card tells no score of its own student, or the emulator offers other actions than it knows.
    """
    card = policy.card
    scores = card.scores.get("student")
    if not scores or scores[0].episodes < 1:
        raise BadRequest(f"{policy.source}: its card has no score of the student.")
    score = scores[0]
    count = min(episodes, len(card.replayable) or score.episodes)
    protocol = Protocol(episodes=count, epsilon=score.epsilon, sticky=score.sticky, seed=score.seed)
    policy.require_actions(protocol.emulator(card.game))
    returns = evaluate(policy.act, card.game, protocol, on_episode=on_episode).returns
    if card.replayable:
        expected = card.replayable[:count]
        return Checked(True, returns, " ".join(f"{each:g}" for each in expected), returns == expected)
    tolerance = mean_tolerance(score, count)
    agrees = abs(fmean(returns) - score.mean) <= tolerance
    return Checked(False, returns, f"mean {score.mean:.2f} ± {tolerance:.2f}", agrees)


def mean_tolerance(score: Score, count: int) -> float:
    """How far the mean over `count` of a score's games may lie from its mean over all of them.

    >>> round(mean_tolerance(Score(10.0, 8.04, 11.96, 100, 0.01), 25), 2)
    5.7
    >>> mean_tolerance(Score(10.0, 8.04, 11.96, 100, 0.01), 100) == ROUNDING
    True
    """
    return TOLERATED_DEVIATIONS * score.deviation * sqrt(1 / count - 1 / score.episodes) + ROUNDING
