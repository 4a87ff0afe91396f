"""Runs side by side: each student of each setting, averaged over seeds, and over games where that is asked for."""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from math import inf
from pathlib import Path

from edgedistill.report.curves import Curve, EvaluatedRun, Interval, Point, read_run
from edgedistill.report.grouping import fields_of_games, group_by_setting, refuse_unlike
from edgedistill.report.statistics import Estimate, interquartile_mean_estimate, mean_estimate

# Retention at which a student counts as having reached its teacher.
REACHED = 0.95

Average = Callable[[Sequence[Curve], Sequence[float]], Estimate]
"""Averages one value per curve."""


@dataclass(frozen=True)
class MeanPoint:
    """A student of one setting at an agent step that all its runs were evaluated at."""

    step: int
    minutes: float
    """Of training, mean over runs"""
    retention: Estimate | None
    """None where no run has a teacher that beats a random player"""
    score: float | None
    """Mean over seeds; None over several games, whose scores have no common unit"""
    teacher_score: float | None
    score_interval: Interval | None = None
    """95%, for the games played; this and the next two are None over several runs, and where the log has no single
    games"""
    teacher_interval: Interval | None = None
    games_interval: Interval | None = None
    """Of the retention, by that of the score"""


@dataclass(frozen=True)
class Reached:
    """Where students first retained 95% of their best teachers, over the runs in which they did."""

    runs: int
    step: float
    """Agent steps, mean over these runs"""
    minutes: float
    """Of training, mean over these runs"""


@dataclass(frozen=True)
class Summary:
    """A student of one setting: in one game over its seeds, or over games."""

    setting: str
    student: str
    games: tuple[str, ...]
    runs: int
    last_steps: tuple[int, int]
    """Agent steps of the last evaluations, the earliest and the latest among the runs"""
    curve: tuple[MeanPoint, ...]
    final_retention: Estimate | None
    """Of each run's last evaluation; this and the next are None where no teacher beats a random player"""
    best_retention: Estimate | None
    """Of each run's best evaluation"""
    reached: Reached | None
    max_ratio: Estimate | None
    """The paper's Max; this and the next are None over games, and where one of the runs has none"""
    mean_ratio: Estimate | None
    """The paper's Mean"""


@dataclass(frozen=True)
class Comparison:
    """What `compare_runs` found."""

    runs: dict[str, list[EvaluatedRun]]
    """By setting"""
    by_game: tuple[Summary, ...]
    """One per setting, game and student"""
    over_games: tuple[Summary, ...]
    """One per setting and student; empty unless asked for"""
    fields_of_games: tuple[str, ...]
    """Settings in which runs of different games differ, but none of the same game"""

    @property
    def curves(self) -> tuple[Curve, ...]:
        """Every student of every run."""
        return tuple(curve for group in self.runs.values() for run in group for curve in run.curves)

    @property
    def best_curve(self) -> Curve:
        """The student with the largest retention at the end of its run."""
        return max(self.curves, key=lambda curve: -inf if curve.final.retention is None else curve.final.retention)

    @property
    def hopeless_runs(self) -> tuple[Path, ...]:
        """Runs without retention, because no teacher of theirs beats a random player."""
        return tuple(dict.fromkeys(curve.run for curve in self.curves if curve.best_retention is None))

    def to_dict(self) -> dict[str, object]:
        """For `--json`; shares are fractions, and an `interval` is null of one run."""
        runs = [
            {
                "run": str(run.path),
                "setting": setting,
                "game": run.config.game,
                "seed": run.config.seed,
                "evaluations": len(run.curves[0].points),
            }
            for setting, group in self.runs.items()
            for run in group
        ]
        return {
            "runs": runs,
            "fields_of_games": list(self.fields_of_games),
            "without_retention": [str(path) for path in self.hopeless_runs],
            "by_game": [asdict(summary) for summary in self.by_game],
            "over_games": [asdict(summary) for summary in self.over_games],
        }

    def to_csv(self) -> bytes:
        """One row per run, student and evaluation, not averaged; retention is empty where a run has none."""
        table = io.StringIO()
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(
            ("setting", "game", "run", "seed", "student", "step", "minutes", "score", "teacher_score", "retention")
        )
        for setting, group in self.runs.items():
            for curve in (curve for run in group for curve in run.curves):
                head = (setting, curve.game, curve.run, curve.seed, curve.student)
                for point in curve.points:
                    kept = None if point.retention is None else round(point.retention, 6)
                    minutes = round(point.minutes, 3)
                    writer.writerow((*head, point.step, minutes, point.score, point.teacher_score, kept))
        # A folder whose name is not UTF-8 is written byte for byte.
        return table.getvalue().encode(errors="surrogateescape")


def compare_runs(
    paths: Sequence[Path], over_games: bool = False, warn: Callable[[str], None] = lambda message: None
) -> Comparison:
    """Read runs and lay their students side by side.

    Args:
        paths: folders of runs, in progress or finished.
        over_games: whether runs may be of several games; their retention is then aggregated over them as well.
        warn: hears of damaged lines in their logs.

    Raises:
        BadRequest: a run cannot be read (`curves.read_run`), or runs do not compare (`grouping.refuse_unlike`).
    """
    runs = [read_run(path, warn) for path in paths]
    refuse_unlike(runs, over_games)
    groups = group_by_setting(runs)
    by_game, across = [], []
    for setting, group in groups.items():
        curves = [curve for run in group for curve in run.curves]
        for game in dict.fromkeys(curve.game for curve in curves):
            of_game = [curve for curve in curves if curve.game == game]
            by_game += [summarise(setting, same, _over_seeds) for same in _by_student(of_game)]
        if over_games:
            across += [summarise(setting, same, _over_games) for same in _by_student(curves)]
    return Comparison(groups, tuple(by_game), tuple(across), tuple(fields_of_games(runs)))


def summarise(setting: str, curves: Sequence[Curve], average: Average) -> Summary:
    """One student of one setting; `curves` holds it once per run."""

    def estimate(values: Sequence[float | None]) -> Estimate | None:
        """The average over the curves that have a value."""
        known = [(curve, value) for curve, value in zip(curves, values, strict=True) if value is not None]
        return average([curve for curve, _ in known], [value for _, value in known]) if known else None

    def estimate_of_all(values: Sequence[float | None]) -> Estimate | None:
        """None where a curve has no value: a run with senseless scores is a bad one, and leaving it out flatters."""
        return None if None in values or len(games) > 1 else estimate(values)

    games = tuple(dict.fromkeys(curve.game for curve in curves))
    last_steps = [curve.final.step for curve in curves]
    return Summary(
        setting=setting,
        student=curves[0].student,
        games=games,
        runs=len(curves),
        last_steps=(min(last_steps), max(last_steps)),
        curve=_mean_curve(curves, estimate),
        final_retention=estimate([curve.final.retention for curve in curves]),
        best_retention=estimate([curve.best_retention for curve in curves]),
        reached=_reached(curves),
        max_ratio=estimate_of_all([curve.max_ratio for curve in curves]),
        mean_ratio=estimate_of_all([curve.mean_ratio for curve in curves]),
    )


def _mean_curve(
    curves: Sequence[Curve], estimate: Callable[[Sequence[float | None]], Estimate | None]
) -> tuple[MeanPoint, ...]:
    """Averages at the steps that all curves share, so that no run drops out along the way."""
    by_step = [{point.step: point for point in curve.points} for curve in curves]
    one_game = len({curve.game for curve in curves}) == 1
    averaged = []
    for step in sorted(set.intersection(*(set(points) for points in by_step))):
        points = [each[step] for each in by_step]
        averaged.append(
            MeanPoint(
                step,
                _mean([point.minutes for point in points]),
                estimate([point.retention for point in points]),
                _mean([point.score for point in points]) if one_game else None,
                _mean([point.teacher_score for point in points]) if one_game else None,
                *(_of_games(points[0]) if len(points) == 1 else ()),
            )
        )
    return tuple(averaged)


def _of_games(point: Point) -> tuple[Interval | None, Interval | None, Interval | None]:
    return point.score_interval, point.teacher_interval, point.retention_interval


def _reached(curves: Sequence[Curve]) -> Reached | None:
    points = [point for point in (curve.first_at(REACHED) for curve in curves) if point is not None]
    if not points:
        return None
    return Reached(len(points), _mean([point.step for point in points]), _mean([point.minutes for point in points]))


def _by_student(curves: Sequence[Curve]) -> list[list[Curve]]:
    groups: dict[str, list[Curve]] = {}
    for curve in curves:
        groups.setdefault(curve.student, []).append(curve)
    return list(groups.values())


def _over_seeds(curves: Sequence[Curve], values: Sequence[float]) -> Estimate:
    return mean_estimate(values)


def _over_games(curves: Sequence[Curve], values: Sequence[float]) -> Estimate:
    return interquartile_mean_estimate(values, [curve.game for curve in curves])


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
