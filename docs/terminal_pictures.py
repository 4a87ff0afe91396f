"""Draw what a terminal shows, for pages of docs/: a run in training, from its log; a student at play; commands.

python docs/terminal_pictures.py train RUN --step 133120 -o docs/training.svg
python docs/terminal_pictures.py play pong --step 640 -o docs/play.svg
python docs/terminal_pictures.py shell 'edgedistill zoo' 'edgedistill games' -o zoo.svg
"""

import argparse
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console, RenderableType
from rich.text import Text

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
# Enough for a ball.
PLAY_COLUMNS, PLAY_LINES = 110, 36


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


def shell(commands: Sequence[str]) -> RenderableType:
    """What commands print, one after the other in one shell, which begins in an empty folder.

    Raises:
        subprocess.CalledProcessError: one failed.
    """
    lines = [f"echo {shlex.quote('$ ' + command)}\n{command}" for command in commands]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with tempfile.TemporaryDirectory() as folder:
        finished = subprocess.run(
            ["sh", "-e", "-c", "\n".join(lines)],
            cwd=folder, env={**os.environ, "PATH": path}, stdout=subprocess.PIPE, text=True, check=True,
        )  # fmt: skip
    shown = Text(finished.stdout.rstrip())
    shown.highlight_regex(r"(?m)^\$ .*", "bold green")
    return shown


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    pictures = parser.add_subparsers(dest="picture", required=True)
    for name, what in (("train", "The folder of a run."), ("play", "A game or a student's file.")):
        picture = pictures.add_parser(name)
        picture.add_argument("what", help=what)
        picture.add_argument("--step", type=int, required=True, help="Agent steps.")
    pictures.add_parser("shell").add_argument("commands", nargs="+")
    for picture in pictures.choices.values():
        picture.add_argument("--output", "-o", type=Path, required=True)
    arguments = parser.parse_args()
    shown: RenderableType
    title, columns, lines = f"edgedistill {arguments.picture}", COLUMNS, LINES
    if arguments.picture == "train":
        shown = Screen(course_until(RunFolder.open(Path(arguments.what)), arguments.step))
    elif arguments.picture == "play":
        shown, columns, lines = playing(arguments.what, arguments.step), PLAY_COLUMNS, PLAY_LINES
    else:
        shown, title = shell(arguments.commands), ""
    console = Console(
        file=StringIO(), record=True, width=columns, height=lines, force_terminal=True, color_system="truecolor"
    )
    console.print(shown)
    console.save_svg(str(arguments.output), title=title, code_format=FORMAT)


if __name__ == "__main__":
    main()
