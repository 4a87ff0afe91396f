"""The progress of a run: a bar in a terminal, a line per evaluation elsewhere."""

import time
from pathlib import Path
from types import TracebackType
from typing import Any

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from edgedistill.cli.output import console, notes
from edgedistill.distill.events import Progress as Rollout
from edgedistill.distill.training import Evaluated, Evaluating, Event, Resumed, Saved
from edgedistill.experience.memory import ReplayMemory
from edgedistill.runs.config import TrainConfig

MOST_ACTIONS = 18


class TrainingView:
    """Shows the events of a run and remembers the last of each kind."""

    def __init__(self, config: TrainConfig, path: Path, *, quiet: bool) -> None:
        self._config = config
        self._path = path
        self._quiet = quiet
        self._began = time.monotonic()
        self._first_step: int | None = None
        self._start_step = 0
        self._step = 0
        self.evaluated: Evaluated | None = None  # the last
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
            console=console,
            disable=quiet or not console.is_terminal,
        )
        self._task = self._bar.add_task("starting", total=1.0, left="")

    def __enter__(self) -> "TrainingView":
        if not self._quiet:
            names = ", ".join(student.name for student in self._config.students) or "none"
            teacher = f"frozen, from {self._config.teacher_from}" if self._config.frozen else self._config.teacher
            about = f": {self._config.game}, teacher: {teacher}, students: {names}"
            console.print(Text.assemble("run ", (str(self._path), "bold"), about))
            if self._config.needs_memory:
                gigabytes = ReplayMemory.bytes_needed(self._config.memory_frames, MOST_ACTIONS) / 1e9
                console.print(f"memory: {self._config.memory_frames:,} frames, {gigabytes:.2f} GB")
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def warn(self, message: str) -> None:
        notes.print(Text.assemble(("warning:", "yellow"), " ", message), soft_wrap=True)

    def acknowledge_stop(self) -> None:
        """Tell who pressed Ctrl-C that it was heard. Called from another thread."""
        message = "Stopping after this rollout, with a checkpoint; again to stop at once."
        (notes if self._quiet else self._bar.console).print(message, soft_wrap=True)

    def show(self, event: Event) -> None:
        match event:
            case Rollout():
                self._show_rollout(event)
            case Evaluating():
                self._bar.update(self._task, description=f"evaluating {event.network}")
            case Evaluated():
                self.evaluated = event
                scores = "  ".join(f"{name} {score:g}" for name, score in event.scores.items())
                minutes = (time.monotonic() - self._began) / 60
                self._print(f"{event.step:>10,} steps ({4 * event.step:,} frames), {minutes:.1f} min: {scores}")
            case Resumed():
                self._start_step = self._step = event.step
                self._print(f"resumed at step {event.step:,}; students wait until their memory is refilled")
            case Saved():
                pass

    def _show_rollout(self, event: Rollout) -> None:
        if self._first_step is None:
            self._first_step = event.step
            # The first rollout warms up threads and memory; speed and time left count from its end.
            self._speed_began = time.monotonic()
        self._step = event.step
        elapsed = time.monotonic() - self._speed_began
        speed = (event.step - self._first_step) / elapsed if elapsed > 0 else 0.0
        done, left = self._share_done(speed)
        scores = ""
        if self.evaluated:
            scores = "  " + " ".join(f"{name} {score:g}" for name, score in self.evaluated.scores.items())
        self._bar.update(
            self._task,
            completed=done,
            left=f"{left} left" if left else "",
            description=f"{event.step:,} steps ({4 * event.step:,} frames) {speed:,.0f}/s{scores}",
        )

    def _share_done(self, speed: float) -> tuple[float, str]:
        """Share of the budget that is used, and the time left as text: by steps or minutes, whichever ends first."""
        minutes = (time.monotonic() - self._began) / 60
        share = self._step / self._config.steps
        left = (self._config.steps - self._step) / speed / 60 if speed else None
        if self._config.minutes:
            share = max(share, minutes / self._config.minutes)
            minutes_left = self._config.minutes - minutes
            left = minutes_left if left is None else min(left, minutes_left)
        return min(share, 1.0), "" if left is None else f"{max(left, 0):.1f} min"

    def _print(self, message: str) -> None:
        if not self._quiet:
            self._bar.console.print(message, soft_wrap=True)

    @property
    def steps_done(self) -> int:
        """Agent steps of this invocation."""
        return self._step - self._start_step

    def summary(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "run": str(self._path),
            "step": self._step,
            "minutes": round((time.monotonic() - self._began) / 60, 2),
            "scores": self.evaluated.scores if self.evaluated else {},
            "best_teacher": self.evaluated.best_teacher if self.evaluated else None,
        }
