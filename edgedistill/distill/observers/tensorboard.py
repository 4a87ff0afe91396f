"""Writes what TensorBoard shows: `tensorboard --logdir RUN/tensorboard`."""

from dataclasses import asdict

from edgedistill.distill.events import Evaluated, Event, Progress
from edgedistill.distill.observers.observer import Observer
from edgedistill.distill.running import Running
from edgedistill.runs.setting import settings_of

FOLDER = "tensorboard"


class TensorBoard(Observer):
    """Scalars over agent steps (`charts/`, `losses/`, `eval/`), and the settings as text."""

    @classmethod
    def is_wanted(cls, running: Running) -> bool:
        return running.config.tensorboard

    def __init__(self, running: Running) -> None:
        super().__init__(running)
        from tensorboardX import SummaryWriter

        # What was written after the step that a run is resumed at belongs to work that is done again.
        purge = running.step + 1 if running.step else None
        self._writer = SummaryWriter(str(running.run.path / FOLDER), purge_step=purge, flush_secs=10)
        self._reported: tuple[int, float] | None = None
        self._writer.add_text("settings", _settings(running), running.step)

    def hear(self, event: Event) -> None:
        match event:
            case Progress():
                self._add("charts", event.step, self._charts(event))
                self._add("losses", event.step, {"teacher": event.teacher_loss, **event.student_loss})
            case Evaluated(step, scores, best_teacher):
                self._add("eval", step, {**scores, "best_teacher": best_teacher})

    def _charts(self, event: Progress) -> dict[str, float | None]:
        seconds = self.running.state.seconds
        speed = None
        if self._reported and seconds > self._reported[1]:
            speed = (event.step - self._reported[0]) / (seconds - self._reported[1])
        self._reported = (event.step, seconds)
        return {"play_return": event.play_return, "memory_frames": event.memory_frames, "steps_per_second": speed}

    def _add(self, group: str, step: int, values: dict[str, float | None]) -> None:
        for name, value in values.items():
            if value is not None:
                self._writer.add_scalar(f"{group}/{name}", value, step)

    def close(self) -> None:
        self._writer.close()


def _settings(running: Running) -> str:
    """A Markdown table, as TensorBoard shows it."""
    config = running.config
    values = asdict(config)
    rows = {"game": config.game, "students": ", ".join(student.name for student in config.students)}
    rows |= {name: values[name] for name in settings_of(type(config))}
    return "\n".join(["| setting | value |", "| --- | --- |", *(f"| {name} | {rows[name]} |" for name in rows)])
