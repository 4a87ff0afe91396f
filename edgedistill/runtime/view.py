"""Shows play in the terminal at the console's own speed."""

import time
from collections.abc import Generator, Iterator

from rich.console import Console
from rich.live import Live
from rich.segment import Segment
from rich.style import Style

from edgedistill.runtime import kitty
from edgedistill.runtime.card import Card
from edgedistill.runtime.player import MOST_BEHIND_SECONDS, SECONDS_PER_DECISION, Decision
from edgedistill.runtime.terminal import Layout, TerminalScreen
from edgedistill.runtime.value_bars import ValueBars


def terminal_screen(decision: Decision, card: Card, bars: ValueBars, empty: bool = False) -> TerminalScreen:
    """What a terminal shows of a decision: the screen, or its `empty` place, with the score and values beside it."""
    side = [Segment(f"  score {decision.score:g}", Style(bold=True)), Segment(""), *bars.lines(decision)]
    caption = f"{card.game} · {card.student} · score {decision.score:g} · {decision.action} · Ctrl-C ends"
    return TerminalScreen(None if empty else decision.screen(), caption, side)


def watch(decisions: Iterator[Decision], card: Card, console: Console) -> Generator[Decision, None, None]:
    """Draw each decision when it is due and pass it on; however it ends, the terminal is as it was."""
    bars = ValueBars(card.actions)
    with Live(console=console, screen=True, auto_refresh=False) as live:
        # On the alternate screen, where the question leaves no trace; without colours, no picture either.
        pictures = not console.no_color and kitty.shows_pictures()
        due = time.monotonic()
        try:
            for decision in decisions:
                shown = terminal_screen(decision, card, bars, empty=pictures)
                live.update(shown, refresh=True)
                if pictures:
                    layout = Layout.of(console.width, console.height, shown.side)
                    console.file.write(kitty.picture(decision.screen(), layout.columns, layout.lines))
                    console.file.flush()
                yield decision
                due = max(due, time.monotonic() - MOST_BEHIND_SECONDS) + SECONDS_PER_DECISION
                time.sleep(max(0.0, due - time.monotonic()))
        finally:
            if pictures:
                console.file.write(kitty.DELETED)
