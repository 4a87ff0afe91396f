"""Statistics over seeds and games: means, interquartile means, their intervals, and the paper's Max and Mean."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

RESAMPLES = 10_000
# Sun & Fazli 2019 average over the last ten epochs.
LAST_EVALUATIONS = 10


@dataclass(frozen=True)
class Estimate:
    """An average over runs with its 95% interval."""

    value: float
    interval: tuple[float, float] | None
    """Student's t of a mean over seeds, percentile bootstrap over games; None of one run"""
    runs: int
    """Runs that were averaged"""
    resampled: Literal["seeds", "runs"] | None = None
    """What a bootstrap resamples: the seeds within each game, or the runs whatever their game; None without one"""


def mean_estimate(values: Sequence[float]) -> Estimate:
    """The mean over seeds, with the interval of Student's t.

    A bootstrap of few seeds is too narrow: of three it reaches from the least to the largest, which holds the mean in
    three cases of four.

    >>> mean_estimate([0.5]).interval, mean_estimate([0.5, 0.5]).interval
    (None, (0.5, 0.5))
    >>> [round(end, 2) for end in mean_estimate([0.8, 0.9, 1.0]).interval]
    [0.65, 1.15]
    """
    # scipy takes a while to import, which only this function and `_trimmed` need.
    from scipy.special import stdtrit

    sample = np.array(values, dtype=np.float64)
    count, mean = len(sample), float(sample.mean())
    if count == 1:
        return Estimate(mean, None, 1)
    reach = float(stdtrit(count - 1, 0.975) * sample.std(ddof=1) / np.sqrt(count))
    return Estimate(mean, (mean - reach, mean + reach), count)


def interquartile_mean(values: Sequence[float]) -> float:
    """The mean of the middle half: a quarter of the values, rounded down, is cut at each end.

    >>> interquartile_mean([-100.0, 1.0, 3.0, 100.0])
    2.0
    """
    return float(_trimmed(np.array([values], dtype=np.float64))[0])


def interquartile_mean_estimate(values: Sequence[float], games: Sequence[str]) -> Estimate:
    """The interquartile mean over runs of several games (Agarwal et al. 2021).

    Where every game has several seeds, the interval resamples the seeds within each game, and the games are taken as
    given. Otherwise it resamples all runs together, and tells how much hangs on the choice of games.

    Args:
        values: one per run.
        games: the game of each run.
    """
    if len(values) == 1:
        return Estimate(values[0], None, 1)
    sample, game_of = np.array(values, dtype=np.float64), np.array(games)
    strata = [sample[game_of == game] for game in dict.fromkeys(games)]
    one_seed_somewhere = min(map(len, strata)) == 1
    if one_seed_somewhere:
        strata = [sample]
    # Each stratum draws from its own generator: equally large strata must not draw the same picks.
    drawn = np.concatenate([_resampled(stratum, number) for number, stratum in enumerate(strata)], axis=1)
    interval = _percentiles(_trimmed(drawn))
    return Estimate(interquartile_mean(values), interval, len(values), "runs" if one_seed_somewhere else "seeds")


def max_ratio(scores: Sequence[float], teacher_scores: Sequence[float]) -> float | None:
    """The paper's Max: the student's best score of the run over the teacher's best score of the run.

    Both are raw mean returns, at whichever evaluation each was best; 1.0 is the paper's 100%. None where the teacher's
    is 0 or below, or the student's is below 0: of such scores a percentage means nothing.

    >>> max_ratio([4.0, 18.0], [20.0, 10.0]), max_ratio([-3.0], [20.0])
    (0.9, None)
    """
    return _ratio(max(scores), max(teacher_scores))


def mean_ratio(scores: Sequence[float], teacher_scores: Sequence[float]) -> float | None:
    """The paper's Mean: over the last 10 evaluations, the mean of student's score / teacher's score.

    Both are raw mean returns of the same evaluation; 1.0 is the paper's 100%. A run with fewer evaluations is averaged
    over all of them. None where at one of them the teacher's score is 0 or below or the student's is below 0: of such
    scores a percentage means nothing, and without its bad evaluations the mean would flatter the student.

    >>> mean_ratio([1.0] * 5 + [6.0] * 10, [2.0] * 15), mean_ratio([-20.0, 18.0], [-19.0, 18.0])
    (3.0, None)
    """
    last = zip(scores[-LAST_EVALUATIONS:], teacher_scores[-LAST_EVALUATIONS:], strict=True)
    ratios = [_ratio(score, teacher_score) for score, teacher_score in last]
    known = [ratio for ratio in ratios if ratio is not None]
    return float(np.mean(known)) if len(known) == len(ratios) else None


def _ratio(score: float, teacher_score: float) -> float | None:
    return score / teacher_score if teacher_score > 0 and score >= 0 else None


def _resampled(sample: Floats, stream: int = 0) -> Floats:
    """Bootstrap samples of a sample (n,), drawn with replacement from a fixed seed: (RESAMPLES, n)."""
    picks = np.random.default_rng([0, stream]).integers(0, len(sample), (RESAMPLES, len(sample)))
    return np.asarray(sample[picks])


def _trimmed(samples: Floats) -> Floats:
    """Interquartile mean of each row of (rows, n): (rows,)."""
    # As above.
    from scipy.stats import trim_mean

    return np.asarray(trim_mean(samples, 0.25, axis=1))


def _percentiles(means: Floats) -> tuple[float, float]:
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)
