"""Draw what a terminal shows, for pages of docs/: a run in training, from its log, and a student at play.

python docs/terminal_pictures.py train RUN --step 133120 -o docs/training.svg
python docs/terminal_pictures.py play pong --step 600 -o docs/play.svg
"""

import argparse
import re
from io import StringIO
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console, RenderableType

from edgedistill.atari.protocol import Protocol
from edgedistill.cli.training_course import Course
from edgedistill.cli.training_screen import Screen
from edgedistill.distill.events import Evaluated, Evaluating, Progress
from edgedistill.runs.folder import RunFolder
from edgedistill.runs.metrics import ProgressRecord, Record
from edgedistill.runtime.player import Summary, play
from edgedistill.runtime.policy import Policy
from edgedistill.runtime.shipped import find_student
from edgedistill.runtime.value_bars import ValueBars
from edgedistill.runtime.view import terminal_screen

# Without rich's web fonts: a picture asks no network.
FORMAT = re.sub(r"(?s)@font-face \{\{.*?\n    \}\}", "", CONSOLE_SVG_FORMAT)
COLUMNS, LINES = 80, 26


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


def playing(student: str, step: int) -> RenderableType:
    """A student's game after so many agent steps."""
    policy = Policy.load(find_student(student, None))
    bars = ValueBars(policy.card.actions)
    for decision in play(policy, Protocol(episodes=1, epsilon=0.01, seed=0), Summary(), step):
        shown = terminal_screen(decision, policy.card, bars)
    return shown


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["train", "play"])
    parser.add_argument("what", help="The folder of a run; a game or a student's file.")
    parser.add_argument("--step", type=int, required=True, help="Agent steps.")
    parser.add_argument("--output", "-o", type=Path, required=True)
    arguments = parser.parse_args()
    shown: RenderableType
    if arguments.command == "train":
        shown = Screen(course_until(RunFolder.open(Path(arguments.what)), arguments.step))
    else:
        shown = playing(arguments.what, arguments.step)
    console = Console(
        file=StringIO(), record=True, width=COLUMNS, height=LINES, force_terminal=True, color_system="truecolor"
    )
    console.print(shown)
    console.save_svg(str(arguments.output), title=f"edgedistill {arguments.command}", code_format=FORMAT)


if __name__ == "__main__":
    main()
