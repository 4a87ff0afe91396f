"""`edgedistill compare`: how much of their teachers students kept, over training, seeds, settings and games."""

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from edgedistill.cli.output import console, print_json, print_next, written_to
from edgedistill.cli.output import notes as stderr
from edgedistill.errors import BadRequest, typed


def compare(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN…", help="Folders of runs, finished or in progress.")],
    over_games: Annotated[
        bool,
        typer.Option("--over-games", help="Runs may be of several games; aggregate with the interquartile mean."),
    ] = False,
    png: Annotated[Path | None, typer.Option(help="Plot retention over agent steps and over minutes.")] = None,
    csv: Annotated[
        Path | None, typer.Option(help="Write each run's evaluations: one row per student and step.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Retention of runs side by side: along training, at the end, at best.

    Retention is (student − random) / (best teacher of the run − random), on
    the validation scores of each run, which may still be in progress.

    Runs that differ in nothing but the seed, the time limit and the machine
    are seeds of one setting: they are averaged, with a 95% interval.
    Other runs stand side by side, labelled by the settings that differ.

    Max and Mean are those of Sun & Fazli 2019; docs/reference/protocol.md defines all.
    """
    from edgedistill.files import check_writable, write_atomically
    from edgedistill.report.comparison import compare_runs
    from edgedistill.report.tables import notes, tables

    if csv is not None:
        check_writable(csv)
        if csv == png:
            raise BadRequest(f"--png and --csv both name {csv}. Name two files.")
    if png is not None:
        # Before the work: it fails where matplotlib is missing.
        from edgedistill.report.drawing import check_png, to_png
        from edgedistill.report.plot import plot

        check_png(png)
    comparison = compare_runs(runs, over_games, lambda message: stderr.print(message, soft_wrap=True))
    if png is not None:
        write_atomically(png, to_png(plot(comparison)))
    if csv is not None:
        write_atomically(csv, comparison.to_csv())
    if as_json:
        print_json(comparison.to_dict() | written_to(png=png, csv=csv))
        return
    for table in tables(comparison):
        console.print(table)
    for note in notes(comparison):
        console.print(note, style="dim", soft_wrap=True)
    for written in (png, csv):
        if written:
            console.print(Text.assemble("wrote ", (str(written), "bold")), soft_wrap=True)
    best = comparison.best_curve
    print_next(f"edgedistill evaluate {typed(best.run)} --student {best.student}")
