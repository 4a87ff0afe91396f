"""Draw what a terminal showed of a run at a step, from the run's log: the picture of docs/how-to/watch-training.md.

python docs/training_view.py RUN --step 150000 -o docs/how-to/watch-training.svg
"""

import argparse
from io import StringIO
from pathlib import Path

from rich.console import Console

from edgedistill.cli.training_course import Course
from edgedistill.cli.training_screen import Screen
from edgedistill.distill.events import Evaluated, Evaluating, Progress
from edgedistill.runs.folder import RunFolder
from edgedistill.runs.metrics import ProgressRecord, Record


class LogClock:
    """The time of a run, as its log has it."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def course_until(run: RunFolder, step: int) -> Course:
    """A run as it stood at an agent step."""
    clock = LogClock()
    course = Course(run.config(), run.path, clock)
    metrics, best = run.metrics(), float("-inf")
    for record in sorted((each for each in metrics.records if each.step <= step), key=_order):
        if isinstance(record, ProgressRecord):
            clock.seconds = record.seconds
            course.take(
                Progress(
                    record.step, record.teacher_loss, record.student_loss, record.play_return, record.memory_frames
                )
            )
        else:
            best = max(best, record.scores["teacher"])
            course.take(Evaluating(record.step, "teacher", 1, 1))
            before = metrics.evaluation_seconds_before(record.step)
            clock.seconds = record.seconds + record.evaluation_seconds - before
            course.take(Evaluated(record.step, record.scores, best))
    return course


def _order(record: Record) -> tuple[int, bool]:
    """An evaluation follows the report of its step."""
    return record.step, not isinstance(record, ProgressRecord)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--step", type=int, required=True, help="Agent steps.")
    parser.add_argument("--output", "-o", type=Path, required=True)
    arguments = parser.parse_args()
    console = Console(file=StringIO(), record=True, width=80, force_terminal=True, color_system="truecolor")
    console.print(Screen(course_until(RunFolder.open(arguments.run), arguments.step)))
    console.save_svg(str(arguments.output), title="edgedistill train")


if __name__ == "__main__":
    main()
