"""How commands print: people read stdout through rich, scripts read `--json`.

What is printed holds names and texts of files, some of them a stranger's. So the consoles read no markup in what they
are given (style comes as `rich.text.Text`), and show a character that would steer a terminal as a question mark.
"""

import json
import logging
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import fmean
from typing import Any

from rich.console import Console, ConsoleDimensions, ConsoleOptions, RenderableType
from rich.live import Live
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

# Control characters but line end and tab; those that turn or hide what follows; half characters of undecodable names.
STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
SHOWN_AS = "\ufffd"
# Where no terminal is, somebody greps: tables are neither wrapped nor cut.
PIPE_WIDTH = 10_000


class _Console(Console):
    def __init__(self, *, stderr: bool = False) -> None:
        # Colours go by rich's own rules, FORCE_COLOR among them; what a terminal is, by `is_terminal` below.
        colours: Any = Console(stderr=stderr).color_system
        super().__init__(stderr=stderr, color_system=colours, highlight=False, markup=False, emoji=False)

    @property
    def is_terminal(self) -> bool:
        """Whether a terminal shows it; rich takes FORCE_COLOR for one, also where a log file does."""
        return super().is_terminal and self.file.isatty()

    @property
    def is_live(self) -> bool:
        """Whether what was printed can be painted over."""
        return self.is_terminal and not self.is_dumb_terminal

    @property
    def size(self) -> ConsoleDimensions:
        """Columns and lines."""
        found = super().size
        return found if self.is_terminal else ConsoleDimensions(PIPE_WIDTH, found.height)

    @size.setter
    def size(self, size: tuple[int, int]) -> None:
        self._width, self._height = size

    @property
    def width(self) -> int:
        """Columns."""
        return self.size.width

    @width.setter
    def width(self, width: int) -> None:
        self._width = width

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """All that is printed, also by bars and tables, comes through here; rich's own steering is `control`."""
        for segment in super().render(renderable, options):
            if segment.control or not STEERING.search(segment.text):
                yield segment
            else:
                yield Segment(STEERING.sub(SHOWN_AS, segment.text), segment.style)


console = _Console()
notes = _Console(stderr=True)


def progress() -> Progress:
    """A bar on stderr that leaves nothing behind."""
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=notes,
        transient=True,
    )


class Stages:
    """Tells on stderr at which stage some work is: on one line of a terminal, elsewhere on one line each."""

    def __init__(self, live: Live | None) -> None:
        self._live = live
        self._stage = ""
        self._first: tuple[float, int] | None = None
        """Of the stage's games: when they began, and how many had been played before"""

    def __call__(self, stage: str) -> None:
        """A stage begins."""
        self._stage, self._first = stage, None
        if self._live:
            self._live.update(Text(stage), refresh=True)
        else:
            notes.print(stage)

    def on_games(self, returns: Sequence[float], games: int) -> None:
        """In a terminal: how many of a stage's games are over, their mean and the time left.

        What the first call tells of was played before, and does not count for the pace.
        """
        if self._live:
            self._live.update(Text(", ".join([self._stage, *self._course(returns, games)])), refresh=True)

    def _course(self, returns: Sequence[float], games: int) -> Iterator[str]:
        from edgedistill.report.clock import duration

        now = time.monotonic()
        began, before = self._first = self._first or (now, len(returns))
        if returns:
            yield f"{len(returns)} over, mean {fmean(returns):,.4g}"
        if len(returns) > before:
            yield f"{duration((now - began) / 60 / (len(returns) - before) * (games - len(returns)))} left"


@contextmanager
def stages() -> Iterator[Stages]:
    """It has no thread, as rich's own has: beside threads, a stranger's file is not tried out in a child."""
    if not notes.is_live:
        yield Stages(None)
        return
    with Live(console=notes, auto_refresh=False, transient=True) as live:
        yield Stages(live)


def print_table(title: str, table: Table) -> None:
    """A table under a title, which as the table's own would be folded to its width."""
    console.print(title, style="italic", soft_wrap=True)
    console.print(table)


def print_json(value: Mapping[str, Any] | list[Any]) -> None:
    """One JSON document on stdout, nothing else; ASCII, so that it steers no terminal either."""
    console.out(json.dumps(value, indent=2))


def written_to(**files: Path | None) -> dict[str, str | None]:
    """For a JSON document: by option, the file that was written, or null."""
    return {option: None if file is None else str(file) for option, file in files.items()}


def print_error(message: str) -> None:
    """What went wrong, on stderr."""
    notes.print(Text.assemble(("error:", "bold red"), " ", message), soft_wrap=True)


class _Warnings(logging.Handler):
    """What our modules log, on stderr, where nothing in it steers the terminal."""

    def emit(self, record: logging.LogRecord) -> None:
        notes.print(Text.assemble(("warning:", "bold yellow"), " ", record.getMessage()), soft_wrap=True)


log_handler = _Warnings(logging.WARNING)


def print_next(*commands: str) -> None:
    """The commands that follow from here."""
    console.print(Text("next:", "dim"))
    for command in commands:
        console.print(Text.assemble("  ", (command, "bold")), soft_wrap=True)
