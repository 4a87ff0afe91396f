"""Shows play in the terminal at the console's own speed."""

import time
from collections.abc import Iterator

from rich.console import Console
from rich.live import Live

from edgedistill.runtime.card import Card
from edgedistill.runtime.player import SECONDS_PER_DECISION, Decision
from edgedistill.runtime.terminal import TerminalScreen


def watch(decisions: Iterator[Decision], card: Card, console: Console) -> Iterator[Decision]:
    """Draw each decision when it is due and pass it on; Ctrl-C ends the game and leaves the terminal as it was."""
    with Live(console=console, screen=True, auto_refresh=False) as live:
        due = time.monotonic()
        try:
            for decision in decisions:
                caption = f"{card.game} · {card.student} · score {decision.score:g} · {decision.action} · Ctrl-C ends"
                live.update(TerminalScreen(decision.screen(), caption), refresh=True)
                yield decision
                due += SECONDS_PER_DECISION
                time.sleep(max(0.0, due - time.monotonic()))
        except KeyboardInterrupt:
            return
