"""The game in a terminal: two pixels a character, in the terminal's own colours."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

import numpy as np
from numpy.typing import NDArray
from rich.color import Color
from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.style import Style

# An Atari pixel is about 1.7 times as wide as high (160 × 210 on a 4:3 screen).
SCREEN_ASPECT = 4 / 3
# Where there are no colours (NO_COLOR, a monochrome terminal), from the background to what stands out most.
SHADES = " .:-=+*#%@"
# Of 255: what differs less is the background, too; and a screen without anything else is not blown up to noise.
NO_CONTRAST, LEAST_CONTRAST = 4, 64


# Between the screen and what stands beside it.
GAP = 2
# A screen that is narrower shows no ball; then nothing stands beside it.
LEAST_COLUMNS = 40


@dataclass(frozen=True)
class Layout:
    """Where things are in a terminal, in characters."""

    columns: int
    """Of the screen"""
    lines: int
    """Of the screen"""
    beside: bool
    """Whether there is room beside the screen"""

    @classmethod
    def of(cls, width: int, height: int, side: Sequence[Segment]) -> "Layout":
        """The largest screen that leaves two lines for the caption, and room for what shall stand beside it."""
        available = max(4, height - 2)
        side_width = GAP + max((segment.cell_length for segment in side), default=-GAP)
        beside = bool(side) and width - side_width >= LEAST_COLUMNS and len(side) <= available
        columns = min(width - side_width if beside else width, int(2 * available * SCREEN_ASPECT))
        return cls(columns, min(available, int(columns / SCREEN_ASPECT / 2)), beside)


class TerminalScreen:
    """A rich renderable of one screen, scaled to the terminal, with lines beside it and a line of text under it."""

    def __init__(self, screen: NDArray[np.uint8] | None, caption: str, side: Sequence[Segment] = ()) -> None:
        """
        Args:
            screen: (height, width, 3) uint8 RGB; None: its place stays empty, for a picture.
            caption: under it.
            side: lines that stand beside it, where there is room.
        """
        self._screen = screen
        self._caption = caption
        self.side = side
        """Lines beside the screen"""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        layout = Layout.of(options.max_width, options.height or console.height, self.side)
        colours = console.color_system is not None and not console.no_color
        rows = self._rows(layout, colours)
        side = self.side if layout.beside else ()
        blank = [Segment(" " * layout.columns)]
        for number in range(max(layout.lines, len(side))):
            yield from rows[number] if number < len(rows) else blank
            if number < len(side):
                yield Segment(" " * GAP)
                yield side[number]
            yield Segment.line()
        yield Segment(self._caption[: options.max_width])

    def _rows(self, layout: Layout, colours: bool) -> list[list[Segment]]:
        """The screen's lines of text."""
        if self._screen is None:
            return []
        pixels = _scaled(self._screen, 2 * layout.lines, layout.columns)
        if not colours:
            return [[Segment(line)] for line in _shaded(pixels)]
        return [list(_line(*pair)) for pair in zip(pixels[0::2], pixels[1::2], strict=True)]


def _scaled(screen: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Mean colour of the block under each output pixel, (height, width, 3): a thin ball stays visible."""
    sums = screen.astype(np.uint32)
    for axis, size in ((0, height), (1, width)):
        edges = np.linspace(0, sums.shape[axis], size + 1).astype(int)
        # A block has at least one pixel, also where the terminal is larger than the screen.
        starts = np.minimum(edges[:-1], sums.shape[axis] - 1)
        counts = np.maximum(np.diff(edges), 1)
        shape = [1, 1, 1]
        shape[axis] = size
        sums = np.add.reduceat(sums, starts, axis=axis) // counts.reshape(shape).astype(np.uint32)
    return sums.astype(np.uint8)


def _line(upper: NDArray[np.uint8], lower: NDArray[np.uint8]) -> Iterator[Segment]:
    """One line of text: '▀' with the upper pixel as foreground and the lower as background, runs joined."""
    cells = zip(map(tuple, upper.tolist()), map(tuple, lower.tolist()), strict=True)
    for (top, bottom), run in groupby(cells):
        yield Segment("▀" * sum(1 for _ in run), _style(top, bottom))


def _shaded(pixels: NDArray[np.uint8]) -> list[str]:
    """Lines of text by how much brighter or darker than the background each character's two pixels are.

    The background is the most frequent brightness: whatever colour a game plays on, paper stays empty.
    """
    brightness = pixels.astype(np.int64).mean(axis=2).reshape(len(pixels) // 2, 2, -1)
    background = np.bincount(brightness.astype(int).ravel()).argmax()
    # Of the two pixels, the one that stands out: a ball is as high as one.
    contrast = np.abs(brightness - background).max(axis=1)
    scale = max(float(contrast.max()), LEAST_CONTRAST)
    levels = np.ceil((contrast - NO_CONTRAST).clip(0) / scale * (len(SHADES) - 1)).astype(int).clip(0, len(SHADES) - 1)
    return ["".join(SHADES[level] for level in row) for row in levels.tolist()]


@lru_cache(maxsize=4096)
def _style(top: tuple[int, int, int], bottom: tuple[int, int, int]) -> Style:
    return Style(color=Color.from_rgb(*top), bgcolor=Color.from_rgb(*bottom))
