"""Where a folder of trained games keeps what, and what of it is finished. All progress is read from there.

plan.json                          what it is to hold
progress.md                        how far it is, for people; rewritten while it is built
runs/<game>/                       the training run, with job.log
trained/<game>/<student>.onnx, .md the exported students with their cards
reports/<game>.html                what `edgedistill report` says of the run
index.html                         a page of all games
trained/<game>/play.gif, curve.png the strongest ten seconds of its first games, and retention over training
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from edgedistill.errors import BadRequest
from edgedistill.runs.folder import METRICS, RunFolder
from edgedistill.runs.metrics import RECENT_REPORTS, Metrics
from edgedistill.runtime.policy import Policy
from edgedistill.zoo_build.plan import Plan


@dataclass(frozen=True)
class TrainingState:
    """How far a run's training is."""

    step: int = 0
    """Agent steps"""
    seconds: float = 0.0
    """Spent on it, evaluations included"""
    recent: Metrics = field(default_factory=Metrics)
    """The last reports of its log"""
    evaluated_step: int = -1
    """Of the last evaluation"""
    scores: tuple[tuple[str, float], ...] = ()
    """Of that evaluation, by network"""


@dataclass(frozen=True)
class GameFolder:
    """One game's part of the folder."""

    folder: Path
    game: str

    @property
    def run(self) -> Path:
        return self.folder / "runs" / self.game

    @property
    def trained(self) -> Path:
        return self.folder / "trained" / self.game

    @property
    def log(self) -> Path:
        return self.run / "job.log"

    @property
    def lock(self) -> Path:
        return self.run / "job.lock"

    @property
    def gif(self) -> Path:
        return self.trained / "play.gif"

    @property
    def curve(self) -> Path:
        return self.trained / "curve.png"

    @property
    def report(self) -> Path:
        return self.folder / "reports" / f"{self.game}.html"

    def student(self, name: str) -> Path:
        return self.trained / f"{name}.onnx"

    def training(self) -> TrainingState:
        """How far the run is; nothing, where there is none."""
        metrics = self.run / METRICS
        if not metrics.exists():
            return TrainingState()
        status = metrics.stat()
        return _read_training(self.run, status.st_size, status.st_mtime_ns)

    def is_trained(self, plan: Plan) -> bool:
        """Whether the run had its last evaluation."""
        return self.training().evaluated_step >= self.steps(plan)

    def steps(self, plan: Plan) -> int:
        """Agent steps of the run: those of the plan, or more where `edgedistill train --resume` asked for them."""
        try:
            return max(plan.steps, RunFolder.open(self.run).config().steps)
        except BadRequest:  # none yet, or a damaged one, which fails its own job
            return plan.steps

    def is_exported(self, plan: Plan, student: str) -> bool:
        """Whether the student's file is there, of the finished run and with as many games on its card as planned."""
        file = self.student(student)
        if not file.exists() or not file.with_suffix(".md").exists():
            return False
        made_from = (self.game, student, self.training().step, plan.episodes)
        return _made_from(file, file.stat().st_mtime_ns) == made_from

    def exported(self, plan: Plan) -> list[str]:
        return [student for student in plan.students if self.is_exported(plan, student)]

    def is_finished(self, plan: Plan) -> bool:
        return (
            self.is_trained(plan)
            and len(self.exported(plan)) == len(plan.students)
            and not is_older(self.gif, self.students(plan))
            and not is_older(self.curve, [self.run / METRICS])
            and not is_older(self.report, [self.run / METRICS, *self.students(plan)])
        )

    def students(self, plan: Plan) -> list[Path]:
        return [self.student(student) for student in plan.students]


def is_older(file: Path, sources: Iterable[Path]) -> bool:
    """Whether a file is missing or was made before what it is made from."""
    return not file.exists() or file.stat().st_mtime_ns < max(source.stat().st_mtime_ns for source in sources)


# Keyed by size and time, so that a file is read again when it has changed; some thousand lines a run take a while.
@lru_cache(maxsize=256)
def _read_training(run: Path, size: int, time: int) -> TrainingState:
    metrics = RunFolder(run).metrics()
    last = metrics.evaluations[-1] if metrics.evaluations else None
    return TrainingState(
        metrics.step,
        metrics.seconds_until(metrics.step),
        Metrics(metrics.progress[-RECENT_REPORTS:]),
        last.step if last else -1,
        tuple(last.scores.items()) if last else (),
    )


@lru_cache(maxsize=1024)
def _made_from(file: Path, time: int) -> tuple[str, str, int, int] | None:
    """Game, student, agent steps and games per ε of an exported student's card; None where the file is damaged."""
    try:
        card = Policy.load(file).card
    except BadRequest:
        return None
    episodes = min((score.episodes for score in card.scores.get("student", ())), default=0)
    return card.game, card.student, card.trained_steps, episodes
