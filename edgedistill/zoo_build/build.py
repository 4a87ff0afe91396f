"""Runs the jobs of a plan, so many at a time, and tells how far they are."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from edgedistill.files import write_atomically
from edgedistill.zoo_build.index import index_page
from edgedistill.zoo_build.layout import GameFolder
from edgedistill.zoo_build.plan import Plan
from edgedistill.zoo_build.progress import GameProgress, read_progress, to_markdown

PROGRESS = "progress.md"
INDEX = "index.html"
# A rollout takes one to three seconds; looking more often shows nothing new.
SECONDS_BETWEEN_REPORTS = 5.0
SECONDS_BETWEEN_LOOKS = 0.2


class Jobs(Protocol):
    """Whoever runs `run_job`: this machine's processes, or a cluster."""

    at_once: int
    """How many games may be started beside each other"""

    def start(self, game: str) -> None:
        """Begin or go on with a game."""

    def ended(self) -> dict[str, str | None]:
        """Games that ended since the last call, with the reason where one failed or was stopped."""

    def stop(self) -> None:
        """Have all end with a checkpoint, and wait for them."""


@dataclass
class Outcome:
    """What a build came to."""

    unfinished: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    """Reason by game; part of `unfinished`"""


def build(
    folder: Path,
    plan: Plan,
    jobs: Jobs,
    should_stop: Callable[[], bool] = lambda: False,
    show: Callable[[list[GameProgress]], None] = lambda lines: None,
) -> Outcome:
    """Do what is not done yet of a folder's plan.

    Args:
        folder: holds the plan already.
        should_stop: ends the build; running jobs are stopped and waited for.
        show: hears of the progress every few seconds, after it was written to `progress.md` and `index.html`.
    """
    waiting = [game for game in plan.games if not GameFolder(folder, game).is_finished(plan)]
    running: set[str] = set()
    failed: dict[str, str] = {}

    def report() -> None:
        lines = read_progress(folder, plan, running, failed)
        write_atomically(folder / PROGRESS, (to_markdown(lines, failed) + "\n").encode())
        write_atomically(folder / INDEX, index_page(folder, lines, failed))
        show(lines)

    due = 0.0
    try:
        while (waiting or running) and not should_stop():
            while waiting and len(running) < jobs.at_once:
                running.add(waiting[0])
                jobs.start(waiting.pop(0))
            for game, problem in jobs.ended().items():
                running.discard(game)
                if problem:
                    failed[game] = problem
                due = 0.0
            if time.monotonic() >= due:
                report()
                due = time.monotonic() + SECONDS_BETWEEN_REPORTS
            time.sleep(SECONDS_BETWEEN_LOOKS)
    finally:
        jobs.stop()
        running.clear()
        report()
    return Outcome([game for game in plan.games if not GameFolder(folder, game).is_finished(plan)], failed)
