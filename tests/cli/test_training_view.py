"""What `train` shows while it runs and when it ends, in terminals of two widths and in a real one."""

import fcntl
import os
import pty
import re
import struct
import sys
import termios
from dataclasses import replace
from io import StringIO
from subprocess import Popen

import pytest
from rich.cells import cell_len
from rich.console import Console

from edgedistill.cli.training_course import Course
from edgedistill.cli.training_screen import Screen
from edgedistill.cli.training_view import TrainingView
from edgedistill.distill.events import Evaluated, Evaluating, Interrupted, Progress, Resumed
from edgedistill.report.clock import duration
from edgedistill.runs.folder import RunFolder
from edgedistill.runs.metrics import EvaluationRecord
from tests.conftest import TINY

CONFIG = replace(TINY, steps=10_000_000, evaluate_every=250_000, memory_frames=100_000)


LOSSES = {"micro": 0.25, "pico": 0.5}


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def course(tmp_path, clock):
    return Course(CONFIG, RunFolder.create(tmp_path / "run", CONFIG).path, clock)


def drawn(course, width):
    """The lines of the view."""
    console = Console(file=StringIO(), width=width, force_terminal=True, color_system=None, legacy_windows=False)
    console.print(Screen(course))
    return console.file.getvalue().splitlines()


def report(course, clock, step, seconds, **more):
    clock.now += seconds
    course.take(Progress(**{"step": step, "teacher_loss": 0.0123, "student_loss": {}, "play_return": None, **more}))


def evaluate(course, clock, step, seconds, **scores):
    course.take(Evaluating(step, "teacher", 1, 10))
    clock.now += seconds
    course.take(Evaluated(step, scores, max([*course.scores["teacher"], scores["teacher"]])))


def a_run_of_some_length(course, clock):
    report(course, clock, 4_096, 9.0, play_return=-20.5, memory_frames=4_096)
    report(course, clock, 8_192, 2.0, play_return=-19.5, memory_frames=8_192)
    for step, play in zip(range(100_000, 1_000_001, 100_000), range(-19, -9), strict=True):
        losses = {"micro": 0.25, "pico": 0.5}
        report(course, clock, step, 50.0, play_return=float(play), memory_frames=100_352, student_loss=losses)
        if step % 250_000 == 0:
            evaluate(course, clock, step, 60.0, teacher=step / 50_000, micro=step / 60_000, pico=-21.0)
    course.take(Evaluating(1_000_000, "pico", 3, 10))


@pytest.mark.parametrize("width", [60, 120])
def test_the_view_fits_and_tells_all(course, clock, width):
    a_run_of_some_length(course, clock)
    lines = drawn(course, width)
    assert max(map(cell_len, lines)) <= width
    bar, steps, doing, header, play, teacher, micro, pico = lines
    assert bar.split()[-6:] == ["10%", "1", "h", "53", "min", "left"]
    assert steps == "1,000,000 of 10,000,000 steps  2,000/s  memory 100%"
    assert doing == "evaluating pico, game 3/10"
    assert header.split() == ["last", "best", "loss"]
    assert play.split()[:3] == ["play", "-10.00", "-10.00"]
    assert [teacher.split()[:3], teacher.split()[-1]] == [["teacher", "20.00", "20.00"], "0.0123"]
    assert [micro.split()[:3], micro.split()[-1]] == [["micro", "16.67", "16.67"], "0.25"]
    # All networks are drawn on one scale.
    assert teacher.split()[3] == "▆█"
    assert pico.split()[3] == "▁▁"
    assert play.split()[3] == "▁▂▂▃▃▄▅▅▆▇▇█"


@pytest.mark.parametrize("width", [60, 120])
def test_the_view_fits_before_anything_is_known_and_with_large_numbers(course, clock, width):
    assert max(map(cell_len, drawn(course, width))) <= width
    course.scores["a-student-with-a-very-long-name-of-its-own"] = []
    evaluate(course, clock, 10, 5.0, teacher=12_345_678.5, micro=-12_345_678.5, pico=0.0)
    report(course, clock, 20, 5.0, student_loss={"micro": 39_999.5, "pico": 1e-9}, play_return=1_234_567.0)
    lines = drawn(course, width)
    assert max(map(cell_len, lines)) <= width
    assert "12,345,678.50" in lines[5]


def test_the_first_rollout_tells_losses_play_and_memory_but_no_speed(course, clock):
    report(course, clock, 4_096, 9.0, play_return=-20.5, memory_frames=4_096)
    text = "\n".join(drawn(course, 80))
    assert "/s" not in text
    assert "? left" in text
    assert "memory 4%" in text
    assert "filling the memory" in text
    assert "0.0123" in text
    assert "-20.50" in text
    report(course, clock, 8_192, 2.0, memory_frames=8_192)
    assert "2,048/s" in "\n".join(drawn(course, 80))


def test_the_view_says_what_a_run_is_at(course, clock):
    losses = {"micro": 0.25, "pico": 0.5}
    said = []
    for step, student_loss in ((50_000, {}), (8_998_912, losses), (9_000_960, losses)):
        report(course, clock, step, 1.0, student_loss=student_loss)
        said.append(course.doing)
    assert said == ["filling the memory", "learning", "finishing the students"]


def test_time_left_counts_the_evaluations_that_are_due_and_not_the_time_of_those_past(course, clock):
    report(course, clock, 9_000_000, 1.0, student_loss=LOSSES)
    report(course, clock, 9_250_000, 250.0, student_loss=LOSSES)
    assert course.minutes_left == pytest.approx(750 / 60)
    evaluate(course, clock, 9_250_000, 120.0, teacher=1.0, micro=1.0, pico=1.0)
    assert course.speed == pytest.approx(1_000)
    assert course.minutes_left == pytest.approx((750 + 3 * 120) / 60)
    assert course.doing == "learning"
    assert [duration(minutes) for minutes in (None, 0.5, 12.4, 61)] == ["?", "30 s", "12 min", "1 h 01 min"]


def test_time_left_counts_the_finish_as_longer_while_the_teacher_learns(course, clock):
    report(course, clock, 0, 1.0, student_loss=LOSSES)
    report(course, clock, 8_000_000, 8_000.0, student_loss=LOSSES)
    # Two students: 1 + 4 + 2 × 1 becomes 1 + 2 × 4.
    assert course.minutes_left == pytest.approx((1_000 + 1_000 * 9 / 7) / 60)


def test_time_left_counts_that_students_have_yet_to_begin(course, clock):
    report(course, clock, 0, 1.0)
    report(course, clock, 50_000, 50.0)
    # 1 + 4 becomes 1 + 4 + 2 × 1, and at last 1 + 2 × 4.
    assert course.minutes_left == pytest.approx((8_950_000 * 7 / 5 + 1_000_000 * 9 / 5) / 1_000 / 60)


def test_after_a_change_of_work_the_speed_of_before_does_not_count(course, clock):
    report(course, clock, 8_990_000, 1.0, student_loss=LOSSES)
    report(course, clock, 9_000_000, 10.0, student_loss=LOSSES)
    assert (course.speed, course.minutes_left) == (None, None)
    report(course, clock, 9_010_000, 20.0, student_loss=LOSSES)
    assert course.minutes_left == pytest.approx(990_000 / 500 / 60)


def test_a_budget_of_minutes_counts_too(tmp_path, clock):
    config = replace(CONFIG, minutes=10.0)
    course = Course(config, RunFolder.create(tmp_path / "run", config).path, clock)
    clock.now = 150.0
    course.take(Progress(1_000, None, {}, None))
    assert (course.share_done, course.minutes_left) == (0.25, 7.5)
    assert drawn(course, 60)[1].startswith(f"1,000 of {CONFIG.steps:,} steps")


def test_a_resumed_run_shows_the_scores_from_before(course, tmp_path):
    run = RunFolder.open(tmp_path / "run")
    run.log(EvaluationRecord(100, 1.0, 1.0, {"teacher": 7.0, "micro": 3.0, "pico": 2.0}))
    course.take(Resumed(128))
    assert (course.step, course.first_step) == (128, 128)
    assert course.scores == {"teacher": [7.0], "micro": [3.0], "pico": [2.0]}
    course.take(Evaluating(128, "micro", 1, 1))
    course.take(Interrupted(128))
    assert course.doing == "learning"


class Stream(StringIO):
    """A terminal or a file."""

    def __init__(self, *, terminal):
        super().__init__()
        self._terminal = terminal

    def isatty(self):
        return self._terminal


@pytest.mark.parametrize(
    ("terminal", "term", "live"), [(True, "xterm", True), (True, "dumb", False), (False, "xterm", False)]
)
def test_the_view_is_live_in_a_terminal_alone_and_lines_are_plain_elsewhere(
    tmp_path, monkeypatch, terminal, term, live
):
    stdout = Stream(terminal=terminal)
    monkeypatch.setattr("sys.stdout", stdout)
    monkeypatch.setattr("edgedistill.cli.training_view.SILENCE", 0.0)
    monkeypatch.setenv("TERM", term)
    # To rich, it makes a terminal of a file.
    monkeypatch.setenv("FORCE_COLOR", "1")
    with TrainingView(CONFIG, RunFolder.create(tmp_path / "run", CONFIG).path, quiet=False) as view:
        view.show(Progress(4_096, 0.0123, {}, None))
    assert ("4,096 steps (16,384 frames)" in stdout.getvalue()) != live
    assert ("\x1b[?25l" in stdout.getvalue()) == live


TRAIN = [
    *("train", "--game", "pong", "--student", "pico", "--envs", "4", "--threads", "1"),
    *("--ratio", "0.017", "--ratio", "0.01"),
    *("--steps", "512", "--memory-frames", "1000", "--evaluate-episodes", "1", "--rollouts-per-report", "2"),
]


def run_in_a_terminal(arguments, columns):
    """What `edgedistill` writes to a terminal of this width, and its exit code."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    command = [sys.executable, "-m", "edgedistill", *map(str, arguments)]
    process = Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env={**environment, "TERM": "xterm-256color"})
    os.close(theirs)
    written = b""
    while True:
        try:
            data = os.read(ours, 65_536)
        except OSError:  # as Linux says that the other end is closed
            break
        if not data:
            break
        written += data
    os.close(ours)
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", written.decode()), process.wait()


def test_a_run_in_a_real_terminal_of_60_columns(tmp_path):
    shown, code = run_in_a_terminal([*TRAIN, "--out", tmp_path / "run"], 60)
    assert code == 0, shown
    lines = [line.rstrip() for line in re.split(r"[\r\n]+", shown)]
    assert re.search(r"[\d,]+ of 512 steps", shown)
    assert re.search(r"evaluating (teacher|pico|micro|nano), game 1/1", shown)
    assert "play" in lines
    table = lines[next(i for i, line in enumerate(lines) if "score" in line and "retention" in line) :]
    assert all(cell_len(line) <= 60 for line in table[:6])
    assert [line.split()[0] for line in table[2:6]] == ["teacher", "pico", "micro", "nano"]
    # The students that were asked for by their ratios, not those that were named, nor the last one alone.
    assert re.findall(r"export .*? --student (\w+)", re.sub(r"\s+", " ", shown)) == ["micro", "nano"]
