"""How a run learnt between its evaluations: losses and speed, from its log."""

from dataclasses import dataclass

from edgedistill.report.clock import TrainingClock
from edgedistill.runs.folder import RunFolder

# Of float32, in which losses are computed; matplotlib's axes overflow far beyond it.
LARGEST_FLOAT32 = 3.4028235e38

Series = tuple[list[float], list[float]]
"""Agent steps, and a value at each"""


@dataclass(frozen=True)
class Learning:
    """What a run's reports of progress say."""

    teacher_loss: Series
    student_loss: dict[str, Series]
    """By student"""
    speed: Series
    """Agent steps per second; evaluations and pauses are left out"""


def read_learning(run: RunFolder, students: list[str]) -> Learning:
    """The losses and the speed of a run."""
    metrics = run.metrics()
    teacher: Series = ([], [])
    by_student: dict[str, Series] = {name: ([], []) for name in students}
    speed: Series = ([], [])
    clock = TrainingClock(metrics)
    last_step, last_seconds = 0, 0.0
    for record in metrics.progress:
        _add(teacher, record.step, record.teacher_loss)
        for name, series in by_student.items():
            _add(series, record.step, record.student_loss.get(name))
        seconds = clock.training_seconds(record.step, record.seconds)
        if seconds > last_seconds and record.step > last_step:
            _add(speed, record.step, (record.step - last_step) / (seconds - last_seconds))
        last_step, last_seconds = record.step, seconds
    return Learning(teacher, by_student, speed)


def _add(series: Series, step: int, value: float | None) -> None:
    if value is not None and abs(value) <= LARGEST_FLOAT32:  # false for NaN
        series[0].append(step)
        series[1].append(value)
