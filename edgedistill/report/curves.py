"""Retention curves: what the evaluations logged by a run say of each of its students."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgedistill.atari.games import retention
from edgedistill.atari.protocol import Scores
from edgedistill.errors import BadRequest, typed
from edgedistill.report.clock import TrainingClock
from edgedistill.report.statistics import max_ratio, mean_ratio
from edgedistill.runs.config import TrainConfig
from edgedistill.runs.folder import METRICS, RunFolder
from edgedistill.runs.metrics import EvaluationRecord
from edgedistill.runs.schedule import first_evaluation

Interval = tuple[float, float]


@dataclass(frozen=True)
class Point:
    """A student at one evaluation of its run; scores are mean returns on the validation seeds."""

    step: int
    """Agent steps"""
    minutes: float
    """Of training; evaluations and pauses are left out"""
    score: float
    teacher_score: float
    """Of the teacher at the same evaluation"""
    retention: float | None
    """Of the best teacher of the whole run; None where that one does not beat a random player"""
    score_interval: Interval | None = None
    """95%, for the games played; None where the log has no returns of single games"""
    teacher_interval: Interval | None = None
    retention_interval: Interval | None = None
    """By that of the score; the best teacher's score is taken as it is"""


@dataclass(frozen=True)
class Curve:
    """One student of one run, over the run's evaluations."""

    run: Path
    game: str
    seed: int
    student: str
    points: tuple[Point, ...]
    """At least one, in order of steps"""

    @property
    def final(self) -> Point:
        return self.points[-1]

    @property
    def best_retention(self) -> float | None:
        """The largest, or None where the run has no retention."""
        return max((point.retention for point in self.points if point.retention is not None), default=None)

    def first_at(self, share: float) -> Point | None:
        """The first evaluation with at least this retention, or None if there is none."""
        return next((point for point in self.points if point.retention is not None and point.retention >= share), None)

    @property
    def max_ratio(self) -> float | None:
        """The paper's Max (`statistics.max_ratio`)."""
        return max_ratio([point.score for point in self.points], [point.teacher_score for point in self.points])

    @property
    def mean_ratio(self) -> float | None:
        """The paper's Mean (`statistics.mean_ratio`)."""
        return mean_ratio([point.score for point in self.points], [point.teacher_score for point in self.points])


@dataclass(frozen=True)
class EvaluatedRun:
    """A run's settings and the curves of its students, in the settings' order."""

    path: Path
    config: TrainConfig
    curves: tuple[Curve, ...]


def read_run(path: Path, warn: Callable[[str], None] = lambda message: None) -> EvaluatedRun:
    """The curves of a run, which may still be in progress; `warn` hears of damaged lines in its log.

    Raises:
        BadRequest: no run is there, it cannot be read, or it has no students or no evaluation yet.
    """
    run = RunFolder.open(path)
    config = run.config()
    metrics = run.metrics(warn)
    evaluations = metrics.evaluations
    students = [student.name for student in config.students]
    if not students:
        raise BadRequest(
            f"{path} was trained with --teacher-only: it has no students whose retention could be compared."
        )
    if not evaluations:
        raise BadRequest(
            f"{path} has no evaluation yet; its first comes after {first_evaluation(config):,} agent steps. "
            f"Go on: edgedistill train --resume {typed(path)}"
        )
    for evaluation in evaluations:
        if missing := {"teacher", *students} - evaluation.scores.keys():
            raise BadRequest(
                f"{path / METRICS}: the evaluation at step {evaluation.step:,} has no score of {min(missing)}."
            )
    clock = TrainingClock(metrics)
    curves = tuple(_curve(path, config, student, evaluations, clock) for student in students)
    return EvaluatedRun(path, config, curves)


def _curve(
    path: Path, config: TrainConfig, student: str, evaluations: Sequence[EvaluationRecord], clock: TrainingClock
) -> Curve:
    best_teacher = max(evaluation.scores["teacher"] for evaluation in evaluations)

    def point(evaluation: EvaluationRecord) -> Point:
        interval = _interval(evaluation, student)
        kept = [retention(config.game, end, best_teacher) for end in interval or ()]
        return Point(
            step=evaluation.step,
            minutes=clock.training_seconds(evaluation.step, evaluation.seconds) / 60,
            score=evaluation.scores[student],
            teacher_score=evaluation.scores["teacher"],
            retention=retention(config.game, evaluation.scores[student], best_teacher),
            score_interval=interval,
            teacher_interval=_interval(evaluation, "teacher"),
            retention_interval=(kept[0], kept[1]) if kept and kept[0] is not None and kept[1] is not None else None,
        )

    return Curve(path, config.game, config.seed, student, tuple(map(point, evaluations)))


def _interval(evaluation: EvaluationRecord, network: str) -> Interval | None:
    """95%, for the games that a network played."""
    returns = evaluation.returns.get(network, ())
    return Scores(returns).interval if len(returns) > 1 else None
