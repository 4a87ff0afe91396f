"""`edgedistill zoo list`: the students' designs, and the trained student that plays each game."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from edgedistill.catalogue import NATURE_DQN, USUAL_ACTIONS, load_catalogue
from edgedistill.cli.card_scores import scores_of
from edgedistill.cli.output import console, print_json, print_next, print_table
from edgedistill.errors import BadRequest

Actions = Annotated[int, typer.Option(help="Size of the action set: 6 in Pong, 4 in Breakout, 18 at most.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def list_students(actions: Actions = USUAL_ACTIONS, as_json: AsJson = False) -> None:
    """List the students' designs, and the trained student that plays each game that ships."""
    if not 2 <= actions <= 18:
        raise BadRequest(f"--actions must be from 2 to 18, got {actions}.")
    designs, players = _designs(actions), _players()
    if as_json:
        print_json({"designs": designs, "players": players})
        return
    plain = f"{NATURE_DQN.parameters(actions):,}"
    print_table(f"Designs at {actions} actions; 100% is the plain Nature DQN, {plain}", _designs_table(designs))
    console.print(
        "conv: channels; 'k3s2' is a 3×3 kernel with stride 2 where that is not the Nature DQN's; 'd3s2', depthwise.\n"
        "file: about what an export takes with the return of each game. Those that ship are 2 KB smaller; those of an\n"
        "older format are 4 KB larger.",
        style="dim",
        soft_wrap=True,
    )
    print_table("Trained: what `edgedistill play GAME` plays, the best at 1.7% or less", _players_table(players))
    console.print(
        "score: mean return at ε 0.01. human: 0 is a random player's score, 1 a human's. kept: of its teacher's.",
        style="dim",
        soft_wrap=True,
    )
    best = max(players, key=lambda row: row["human_normalised"] or 0.0, default={"game": "pong"})
    game = best["game"]
    print_next(
        f"edgedistill play {game}", f"edgedistill zoo show {game}", f"edgedistill train --game {game} --ratio 0.017"
    )


def _designs(actions: int) -> list[dict[str, Any]]:
    return [
        {
            "name": entry.name,
            "layers": entry.layers_text(),
            "parameters": entry.parameters(actions),
            "ratio": entry.ratio(actions),
            "macs": entry.macs(actions),
            "int8_bytes": entry.int8_bytes(actions),
            "file_bytes": entry.file_bytes(actions),
            "summary": entry.summary,
        }
        for entry in load_catalogue().values()
    ]


def _players() -> list[dict[str, Any]]:
    """By game, what its card says of the student that plays by default."""
    from edgedistill.runtime.card import COMPARED_EPSILON
    from edgedistill.runtime.policy import Policy
    from edgedistill.runtime.shipped import best_of, shipped_games

    rows = []
    for game, files in shipped_games().items():
        if not files:  # as `zoo build` leaves a game whose run failed
            continue
        cards = {path: Policy.load(path).card for path in (Path(str(file)) for file in files)}
        best = best_of(cards)
        compared = next((each for each in scores_of(cards[best]) if each["epsilon"] == COMPARED_EPSILON), None)
        rows.append(
            {
                "game": game,
                "bytes": best.stat().st_size,
                "student": cards[best].student,
                "ratio": cards[best].ratio,
                "score": compared["student"]["mean"] if compared else None,
                "human_normalised": compared["human_normalised"] if compared else None,
                "retention": compared["retention"] if compared else None,
                "students": [path.stem for path in cards],
            }
        )
    return rows


def _designs_table(rows: list[dict[str, Any]]) -> Table:
    table = Table()
    for column in ("name", "conv / fc", "parameters", "ratio", "MMAC", "file KB"):
        table.add_column(column, justify="left" if column in ("name", "conv / fc") else "right")
    for row in rows:
        table.add_row(
            row["name"],
            row["layers"],
            f"{row['parameters']:,}",
            f"{row['ratio']:.2%}",
            f"{row['macs'] / 1e6:.2f}",
            f"{row['file_bytes'] / 1e3:.0f}",
        )
    return table


def _players_table(rows: list[dict[str, Any]]) -> Table:
    table = Table()
    for column in ("game", "student", "KB", "score", "human", "kept", "others"):
        table.add_column(column, justify="left" if column in ("game", "student", "others") else "right")
    for row in rows:
        table.add_row(
            row["game"],
            f"{row['student']}, {row['ratio']:.2%}",
            f"{row['bytes'] / 1e3:.1f}",
            *(_text(row[key], form) for key, form in (
                ("score", ",.1f"), ("human_normalised", ".2f"), ("retention", ".0%"),
            )),
            ", ".join(student for student in row["students"] if student != row["student"]),
        )  # fmt: skip
    return table


def _text(number: float | None, form: str) -> str:
    return "–" if number is None else format(number, form)
