"""`edgedistill zoo results`: game × size, what trained students keep of their teachers."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from edgedistill.cli.output import console, notes, print_json, written_to
from edgedistill.errors import BadRequest

if TYPE_CHECKING:  # these bring scipy, which start-up does without
    from edgedistill.report.kept import Kept
    from edgedistill.report.statistics import Estimate

OVER_GAMES = "interquartile mean"
# The student whose scores stand beside its teacher's in the picture: the product's promise.
BARS_OF = "micro"


def results(
    folders: Annotated[
        list[Path] | None,
        typer.Option("--in", help="Folders of GAME/STUDENT.onnx instead of the shipped files. May repeat."),
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the table as Markdown.")] = False,
    png: Annotated[Path | None, typer.Option(help="Plot retention over size.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Retention of every trained student at ε 0.01: a row per game, a column per size.

    Retention is (int8 student − random) / (best teacher of its run − random), from the cards.
    """
    from edgedistill.files import write_atomically
    from edgedistill.report.kept import over_games, read_kept
    from edgedistill.runtime.shipped import shipped_games

    if markdown and as_json:
        raise BadRequest("--markdown and --json are two forms of the same: leave one of them out.")
    for folder in folders or []:
        if not folder.is_dir():
            raise BadRequest(f"No folder {folder}.")
    if png is not None:
        # Before the work: it fails where matplotlib is missing.
        from edgedistill.report.drawing import check_png, to_png
        from edgedistill.report.kept_plot import plot_kept

        check_png(png)
    files = [file for folder in folders or (None,) for game in shipped_games(folder).values() for file in game]
    found = read_kept(Path(str(file)) for file in files)
    if not found:
        where = " and ".join(map(str, folders or ("the catalogue",)))
        raise BadRequest(f"No trained student with a score at ε 0.01 in {where}.")
    means = over_games(found)
    if png is not None:
        write_atomically(png, to_png(plot_kept(found, BARS_OF)))
    if as_json:
        rows = [
            vars(kept) | {"score": vars(kept.score), "teacher": vars(kept.teacher), "interval": kept.interval}
            for kept in found
        ]
        by_student = {student: vars(mean) for student, mean in means.items()}
        print_json({"students": rows, "over_games": by_student} | written_to(png=png))
        return
    header, rows_of_text = _rows(found, means)
    if markdown:
        console.print(markdown_table(header, rows_of_text), soft_wrap=True)
    else:
        console.print(_table(header, rows_of_text))
        console.print(
            "[ ]: 95% interval for the games played; of an interquartile mean, over the choice of games",
            style="dim",
            soft_wrap=True,
        )
    if png is not None:
        # Not into the Markdown, which goes into a page.
        (notes if markdown else console).print(Text.assemble("wrote ", (str(png), "bold")), soft_wrap=True)


def _rows(found: "list[Kept]", means: "dict[str, Estimate]") -> tuple[list[str], list[list[str]]]:
    """Header and rows of cells: games, then the mean over them."""
    from edgedistill.report.kept import students_of

    students = students_of(found)
    by_game: dict[str, dict[str, Kept]] = {}
    for kept in found:
        by_game.setdefault(kept.game, {})[kept.student] = kept
    rows = []
    for game, cells in by_game.items():
        steps = [f"{kept.trained_steps / 1e6:.1f} M" for kept in cells.values()]
        teachers = [_number(kept.teacher.mean) for kept in cells.values()]
        kept_cells = [_cell(cells.get(student)) for student in students]
        rows.append([game, _different(steps), _different(teachers), *kept_cells])
    if means:
        rows.append([OVER_GAMES, "", "", *(_estimate(means.get(student)) for student in students)])
    return ["game", "agent steps", "teacher", *students], rows


def _different(texts: list[str]) -> str:
    """One text, or all that differ: students of a game may come from several runs."""
    return ", ".join(dict.fromkeys(texts))


def _cell(kept: "Kept | None") -> str:
    return "–" if kept is None or kept.retention is None else _share(kept.retention, kept.interval)


def _estimate(mean: "Estimate | None") -> str:
    return "–" if mean is None else _share(mean.value, mean.interval)


def _share(value: float, interval: tuple[float, float] | None) -> str:
    return f"{value:.1%}" + (f" [{interval[0]:.0%}, {interval[1]:.0%}]" if interval else "")


def _number(score: float) -> str:
    return f"{score:,.0f}" if abs(score) >= 1000 else f"{score:.1f}"


def markdown_table(header: list[str], rows: list[list[str]]) -> str:
    """Names in the first column, figures in the others."""
    rule = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (header, rule, *rows))


def _table(header: list[str], rows: list[list[str]]) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for number, column in enumerate(header):
        table.add_column(column, justify="right" if number else "left")
    for row in rows:
        table.add_row(*(cell.replace(" [", "\n[") for cell in row))
    return table
