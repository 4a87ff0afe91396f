"""The page of all games of a build, `index.html`: how far they are, their pictures, and links to their reports."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from edgedistill.atari.games import game_title
from edgedistill.report.templates import render
from edgedistill.zoo_build.layout import GameFolder
from edgedistill.zoo_build.progress import GameProgress, left_text, steps_text


@dataclass(frozen=True)
class GameEntry:
    """One game on the page; paths are relative to the folder, and None where there is no such file yet."""

    title: str
    line: GameProgress
    steps: str
    """How many it has made, of how many"""
    left: str
    """How long it still trains, for people; empty where that is not known"""
    report: str | None
    gif: str | None
    problem: str | None


def index_page(folder: Path, lines: Sequence[GameProgress], failed: Mapping[str, str]) -> bytes:
    """The page.

    Args:
        lines: one per game, as `read_progress` gives them.
        failed: reason by game.
    """

    def relative(file: Path) -> str | None:
        return file.relative_to(folder).as_posix() if file.exists() else None

    games = []
    for line in lines:
        place = GameFolder(folder, line.game)
        title, report, gif = game_title(line.game), relative(place.report), relative(place.gif)
        games.append(GameEntry(title, line, steps_text(line), left_text(line), report, gif, failed.get(line.game)))
    return render(
        "index.html.jinja",
        games=games,
        done=sum(line.state == "done" for line in lines),
        written=f"{datetime.now():%Y-%m-%d %H:%M}",
    )
