"""The live view of `train`, drawn for any width from 60 columns on."""

from collections.abc import Sequence

from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from edgedistill.cli.training_course import PLAY, Course
from edgedistill.report.clock import duration

BARS, ASCII_BARS = "▁▂▃▄▅▆▇█", "_.-=+*#@"


class Screen:
    """A bar with the time left, what the run is at, and a line for the play and for each network."""

    def __init__(self, course: Course) -> None:
        self._course = course

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Group(_bar(self._course), _now(self._course), _networks(self._course))


class Sparkline:
    """Numbers as bars of text, the newest last; as many as fit."""

    def __init__(self, values: Sequence[float], low: float, high: float) -> None:
        self._values, self._low, self._high = values, low, high

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        bars = ASCII_BARS if options.ascii_only else BARS
        scale = (len(bars) - 1) / (self._high - self._low) if self._high > self._low else 0.0
        shown = self._values[-options.max_width :] if options.max_width else ()
        yield Text("".join(bars[round((value - self._low) * scale)] for value in shown), "cyan")


def _bar(course: Course) -> Table:
    row = Table.grid(expand=True, padding=(0, 1))
    row.add_column(ratio=1)
    row.add_column(no_wrap=True)
    row.add_column(no_wrap=True)
    done = course.share_done
    left = f"{duration(course.minutes_left)} left" if done < 1 else ""
    row.add_row(ProgressBar(1.0, done), f"{done:4.0%}", left)
    return row


def _now(course: Course) -> Group:
    config, progress = course.config, course.progress
    steps = f"{course.step:,} of {config.steps:,} steps"
    speed = f"  {course.speed:,.0f}/s" if course.speed else ""
    memory = ""
    if config.needs_memory and progress:
        # It has room for whole rounds of all games, so for a few frames more than were asked for.
        memory = f"  memory {min(1.0, progress.memory_frames / config.memory_frames):.0%}"
    return Group(
        Text(f"{steps}{speed}{memory}", no_wrap=True, overflow="ellipsis"),
        Text(course.doing, "bold", no_wrap=True, overflow="ellipsis"),
    )


def _networks(course: Course) -> Table:
    table = Table(box=None, expand=True, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("", no_wrap=True, overflow="ellipsis", max_width=16)
    for name in ("last", "best"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", ratio=1, no_wrap=True)
    table.add_column("loss", justify="right", no_wrap=True)
    scores = [score for each in course.scores.values() for score in each]
    progress = course.progress
    losses = {"teacher": progress.teacher_loss, **progress.student_loss} if progress else {}
    _add(table, PLAY, list(course.plays), course.plays, None)
    for name, of_network in course.scores.items():
        _add(table, name, of_network, scores, losses.get(name))
    return table


def _add(table: Table, name: str, values: Sequence[float], scale: Sequence[float], loss: float | None) -> None:
    line = Sparkline(values, min(scale), max(scale)) if values else Text("not evaluated yet" * (name != PLAY), "dim")
    last, best = (f"{values[-1]:,.2f}", f"{max(values):,.2f}") if values else ("", "")
    table.add_row(name, last, best, line, "" if loss is None else f"{loss:.3g}")
