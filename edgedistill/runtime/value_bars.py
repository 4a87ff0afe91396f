"""What a student thinks of each action, as bars for a terminal."""

from collections.abc import Sequence

from rich.segment import Segment
from rich.style import Style

from edgedistill.runtime.player import Decision

BAR_WIDTH = 8
EIGHTHS = " ▏▎▍▌▋▊▉"
# The widest spread of late fills a bar, so that a clear choice and a close one look different.
MEMORY = 0.99
LEAST_SPREAD = 1e-6
BEST = Style(bold=True, color="yellow")


class ValueBars:
    """A line per action: ● where it was played, its name, a bar from the smallest value up, its value."""

    def __init__(self, actions: Sequence[str]) -> None:
        self._actions = [action.lower() for action in actions]
        self._longest = max(map(len, actions))
        self._spread = LEAST_SPREAD

    @property
    def width(self) -> int:
        """Columns."""
        return 2 + self._longest + 1 + BAR_WIDTH + 1 + 6

    def lines(self, decision: Decision) -> list[Segment]:
        """One segment a line, `width` wide."""
        values = decision.logits
        least = float(values.min())
        self._spread = max(self._spread * MEMORY, float(values.max()) - least, LEAST_SPREAD)
        best = int(values.argmax())
        return [
            Segment(
                f"{'●' if number == decision.index else ' '} {action:<{self._longest}} "
                f"{_bar((float(value) - least) / self._spread)} {value:>6.2f}"[: self.width],
                BEST if number == best else None,
            )
            for number, (action, value) in enumerate(zip(self._actions, values, strict=True))
        ]


def _bar(share: float) -> str:
    """
    >>> _bar(0.5), _bar(1)
    ('████    ', '████████')
    """
    eighths = round(8 * BAR_WIDTH * min(1.0, max(0.0, share)))
    full, rest = divmod(eighths, 8)
    return ("█" * full + EIGHTHS[rest].strip()).ljust(BAR_WIDTH)
