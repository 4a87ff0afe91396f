"""`edgedistill report`: a run, or several beside each other, as one HTML file."""

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from edgedistill.cli.output import console, notes, stages


def report(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN…", help="Folders of runs, finished or in progress.")],
    output: Annotated[Path, typer.Option("--output", "--out", "-o", help="The HTML file.")] = Path("report.html"),
    games: Annotated[bool, typer.Option("--games/--no-games", help="Have teachers and students play for it.")] = True,
) -> None:
    """Write one HTML page about runs: scores, play, curves, settings, and how to repeat them.

    The file needs no network and no script, so it can be kept, mailed and opened anywhere.
    """
    from edgedistill.files import check_writable, write_atomically
    from edgedistill.report.page import page

    check_writable(output)

    with stages() as tell:
        content = page(runs, games=games, warn=lambda message: notes.print(message, soft_wrap=True), report=tell)
    write_atomically(output, content)
    console.print(Text.assemble("wrote ", (str(output), "bold"), f", {len(content) / 1000:,.0f} KB"), soft_wrap=True)
