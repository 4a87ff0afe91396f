"""`edgedistill zoo`: the catalogue of students and the trained ones that ship."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from edgedistill.catalogue import USUAL_ACTIONS
from edgedistill.cli.card_scores import scores_of
from edgedistill.cli.output import console, print_json, print_next
from edgedistill.cli.zoo_build import build
from edgedistill.cli.zoo_check import check
from edgedistill.cli.zoo_list import Actions, AsJson, list_students
from edgedistill.cli.zoo_results import results
from edgedistill.errors import BadRequest

app = typer.Typer(help="The catalogue: list it, show and check the trained students, train it anew.")
app.command("list")(list_students)
app.command("check")(check)
app.command("results")(results)
app.command("build")(build)


@app.callback(invoke_without_command=True)
def zoo(context: typer.Context, actions: Actions = USUAL_ACTIONS, as_json: AsJson = False) -> None:
    """The students: alone, as a list; see the commands for what else."""
    if context.invoked_subcommand is None:
        list_students(actions, as_json)
    elif as_json or actions != USUAL_ACTIONS:
        raise BadRequest(f"Put the options behind the command: edgedistill zoo {context.invoked_subcommand} …")


@app.command("show")
def show(
    game: Annotated[str, typer.Argument(help="A game with shipped students.")],
    student: Annotated[str | None, typer.Option(help="This student only.")] = None,
    as_json: AsJson = False,
) -> None:
    """What the cards of a game's shipped students say: scores beside the teacher's, retention, agreement, size."""
    from edgedistill.atari.games import find_game
    from edgedistill.runtime.policy import Policy
    from edgedistill.runtime.shipped import shipped_games, shipped_student

    name = find_game(game)
    default = shipped_student(name)  # refuses a game without students
    files = [shipped_student(name, student)] if student else [Path(str(file)) for file in shipped_games()[name]]
    cards = sorted(((Policy.load(file).card, file) for file in files), key=lambda pair: -pair[0].params)
    rows: list[dict[str, Any]] = [
        {
            "student": card.student,
            "ratio": card.ratio,
            "params": card.params,
            "bytes": file.stat().st_size,
            "agreement": card.agreement,
            "disagreement_allowed": card.disagreement_allowed,
            "trained_steps": card.trained_steps,
            "trained_minutes": card.trained_minutes,
            "seed": card.seed,
            "version": card.version,
            "plays_by_default": file == default,
            "scores": scores_of(card),
        }
        for card, file in cards
    ]
    if as_json:
        print_json({"game": name, "students": rows})
        return
    _print_students(name, rows)


def _print_students(game: str, rows: list[dict[str, Any]]) -> None:
    about = _table(
        f"{game}: the shipped students", ("student", "of the DQN", "KB", "same action", "agent steps", "games")
    )
    scores = _table(
        "Mean return with its 95% interval, from the cards",
        ("student", "ε", "int8", "float", "best teacher", "kept", "human"),
    )
    for row in rows:
        about.add_row(
            row["student"] + (" *" if row["plays_by_default"] else ""),
            f"{row['ratio']:.2%}",
            f"{row['bytes'] / 1e3:.1f}",
            f"{row['agreement']:.2%}" + (" !" if row["disagreement_allowed"] else ""),
            f"{row['trained_steps']:,}",
            str(max((entry["episodes"] for entry in row["scores"]), default=0)),
        )
        for number, entry in enumerate(row["scores"]):
            kept = entry["retention"]
            scores.add_row(
                row["student"] if number == 0 else "",
                f"{entry['epsilon']:g}",
                *(_mean(entry[player]) for player in ("student", "float_student", "best_teacher")),
                "–" if kept is None else f"{kept:.1%}",
                f"{entry['human_normalised']:.2f}",
                end_section=number == len(row["scores"]) - 1,
            )
    console.print(about, scores)
    notes = [
        "*: what `edgedistill play` picks. same action: as the student that was trained, on held-out play",
        "kept: (int8 − random) / (best teacher − random). human: 0 is a random player's score, 1 a human's",
    ]
    if any(row["disagreement_allowed"] for row in rows):
        notes.append("!: not always the action of the student that was trained; exported all the same")
    for note in notes:
        console.print(note, style="dim", soft_wrap=True)
    print_next(f"edgedistill play {game}", f"edgedistill zoo check {game}")


def _table(title: str, columns: tuple[str, ...]) -> Table:
    """For 80 characters a line."""
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for column in columns:
        table.add_column(column, justify="left" if column == "student" else "right", no_wrap=True)
    return table


def _mean(score: dict[str, Any] | None) -> str | Text:
    """The mean, and its interval in a line below."""
    if score is None:
        return "–"
    large = abs(score["high"]) >= 1000
    mean = f"{score['mean']:,.0f}" if large else f"{score['mean']:.2f}"
    if score["episodes"] == 1:
        return mean
    low, high = (f"{score[key]:,.0f}" if large else f"{score[key]:.1f}" for key in ("low", "high"))
    return Text.assemble(mean, "\n", (f"{low} to {high}", "dim"))
