"""The game in a terminal: two pixels a character, in the terminal's own colours."""

from collections.abc import Iterator
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
# Where there are no colours (NO_COLOR, a monochrome terminal), from dark to bright.
SHADES = " .:-=+*#%@"


class TerminalScreen:
    """A rich renderable of one screen, scaled to the terminal, with a line of text under it."""

    def __init__(self, screen: NDArray[np.uint8], caption: str) -> None:
        """screen: (height, width, 3) uint8 RGB."""
        self._screen = screen
        self._caption = caption

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        lines = max(4, (options.height or console.height) - 2)
        columns = min(options.max_width, int(2 * lines * SCREEN_ASPECT))
        lines = min(lines, int(columns / SCREEN_ASPECT / 2))
        pixels = _scaled(self._screen, 2 * lines, columns)
        colours = console.color_system is not None and not console.no_color
        for upper, lower in zip(pixels[0::2], pixels[1::2], strict=True):
            yield from _line(upper, lower) if colours else [_shaded(upper, lower)]
            yield Segment.line()
        yield Segment(self._caption[: options.max_width])


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


def _shaded(upper: NDArray[np.uint8], lower: NDArray[np.uint8]) -> Segment:
    """One line of text by brightness, the mean of both pixels."""
    brightness = (upper.astype(np.uint32).sum(axis=1) + lower.astype(np.uint32).sum(axis=1)) // 6
    return Segment("".join(SHADES[level] for level in (brightness * len(SHADES) // 256).tolist()))


@lru_cache(maxsize=4096)
def _style(top: tuple[int, int, int], bottom: tuple[int, int, int]) -> Style:
    return Style(color=Color.from_rgb(*top), bgcolor=Color.from_rgb(*bottom))
