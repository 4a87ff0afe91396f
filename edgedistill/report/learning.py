"""How a run learnt between its evaluations: losses and speed, from its log."""

from dataclasses import dataclass
from math import isfinite
from typing import Any

from edgedistill.runs.folder import RunFolder

Series = tuple[list[float], list[float]]
"""Agent steps, and a value at each"""


@dataclass(frozen=True)
class Learning:
    """What a run's reports of progress say."""

    teacher_loss: Series
    student_loss: dict[str, Series]
    """By student"""
    speed: Series
    """Agent steps per second, evaluations left out"""


def read_learning(run: RunFolder, students: list[str]) -> Learning:
    """The losses and the speed of a run."""
    teacher: Series = ([], [])
    by_student: dict[str, Series] = {name: ([], []) for name in students}
    speed: Series = ([], [])
    # Step and seconds of the last report, and the seconds that evaluations took so far.
    last_step, last_seconds, evaluated, evaluated_then = 0.0, 0.0, 0.0, 0.0
    for record in run.metrics():
        if record.get("kind") == "evaluation":
            evaluated = max(evaluated, record.get("evaluation_seconds", 0.0))
        if record.get("kind") != "progress":
            continue
        step = record["step"]
        losses = record.get("student_loss")
        _add(teacher, step, record.get("teacher_loss"))
        for name, series in by_student.items():
            _add(series, step, losses.get(name) if isinstance(losses, dict) else None)
        seconds = record.get("seconds", last_seconds)
        spent = seconds - last_seconds - (evaluated - evaluated_then)
        if spent > 0 and step > last_step:
            _add(speed, step, (step - last_step) / spent)
        last_step, last_seconds, evaluated_then = step, seconds, evaluated
    return Learning(teacher, by_student, speed)


def _add(series: Series, step: float, value: Any) -> None:  # noqa: ANN401, of a stranger's log
    if isinstance(value, int | float) and isfinite(value):
        series[0].append(step)
        series[1].append(value)
