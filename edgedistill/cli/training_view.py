"""What `train` shows of a run: a live view in a terminal, plain lines elsewhere."""

from pathlib import Path
from types import TracebackType
from typing import Any

from rich.live import Live
from rich.text import Text

from edgedistill.catalogue import MOST_ACTIONS
from edgedistill.cli.output import console, notes
from edgedistill.cli.training_course import Course
from edgedistill.cli.training_screen import Screen
from edgedistill.distill.events import Evaluated, Event, Progress, Resumed
from edgedistill.experience.memory import ReplayMemory
from edgedistill.runs.config import TrainConfig
from edgedistill.runs.ensemble import NATURE

# Minutes after which a log is told that the run still learns, where nothing else was said.
SILENCE = 2.0


class TrainingView:
    """Shows the events of a run."""

    def __init__(self, config: TrainConfig, path: Path, *, quiet: bool) -> None:
        self._config, self._path, self._quiet = config, path, quiet
        self.course = Course(config, path)
        self._said_at = 0.0
        shown = console.is_live and not quiet
        screen = Screen(self.course)
        self._live = Live(screen, console=console, refresh_per_second=2, transient=True) if shown else None

    def __enter__(self) -> "TrainingView":
        if not self._quiet:
            names = ", ".join(student.name for student in self._config.students) or "none"
            network = "" if self._config.teacher_network == NATURE else f" ({self._config.teacher_network})"
            learning = f"{self._config.teacher}{network}"
            teacher = f"frozen, from {self._config.teacher_from}" if self._config.frozen else learning
            about = f": {self._config.game}, teacher: {teacher}, students: {names}"
            console.print(Text.assemble("run ", (str(self._path), "bold"), about))
            if self._config.needs_memory:
                gigabytes = ReplayMemory.bytes_needed(self._config.memory_frames, MOST_ACTIONS) / 1e9
                console.print(f"memory: {self._config.memory_frames:,} frames, {gigabytes:.2f} GB")
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def warn(self, message: str) -> None:
        # Where the view is live, it has to know of what is printed.
        (console if self._live else notes).print(Text.assemble(("warning:", "yellow"), " ", message), soft_wrap=True)

    def acknowledge_stop(self) -> None:
        """Tell who pressed Ctrl-C that it was heard. Called from another thread."""
        message = "Stopping after this rollout, with a checkpoint; again to stop at once."
        (notes if self._quiet else console).print(message, soft_wrap=True)

    def show(self, event: Event) -> None:
        self.course.take(event)
        if self._quiet:
            return
        match event:
            case Evaluated(step, scores):
                self._say(f"{self._when(step)}: {_scores(scores)}")
            case Resumed(step):
                self._say(f"resumed at step {step:,}")
            case Progress() if not self._live and self.course.minutes - self._said_at >= SILENCE:
                self._say(f"{self._when(event.step)}: {self.course.doing}{_losses(event)}")

    def _say(self, message: str) -> None:
        self._said_at = self.course.minutes
        console.print(message, soft_wrap=True)

    def _when(self, step: int) -> str:
        return f"{step:>10,} steps ({4 * step:,} frames), {self.course.minutes:.1f} min"

    @property
    def steps_done(self) -> int:
        """Agent steps of this invocation."""
        return self.course.step - self.course.first_step

    def summary(self) -> dict[str, Any]:
        """For `--json`."""
        evaluated = self.course.evaluated
        return {
            "run": str(self._path),
            "step": self.course.step,
            "minutes": round(self.course.minutes, 2),
            "scores": evaluated.scores if evaluated else {},
            "best_teacher": evaluated.best_teacher if evaluated else None,
        }


def _scores(scores: dict[str, float]) -> str:
    return "  ".join(f"{name} {score:g}" for name, score in scores.items())


def _losses(progress: Progress) -> str:
    played = "" if progress.play_return is None else f", play {progress.play_return:.2f}"
    losses = {"teacher": progress.teacher_loss, **progress.student_loss}
    told = "  ".join(f"{name} {loss:.3g}" for name, loss in losses.items() if loss is not None)
    return f"{played}, memory {progress.memory_frames:,} frames{', losses ' if told else ''}{told}"
