"""`edgedistill games`: what can be played and trained."""

from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from edgedistill.cli.output import console, print_json, print_next


def games(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the games: actions, reference scores, and how many trained students ship.

    A game may also be written as others do: MsPacman, ALE/MsPacman-v5, MsPacmanNoFrameskip-v4.
    """
    from edgedistill.atari.games import action_count, reference_scores
    from edgedistill.runtime.shipped import shipped_games

    shipped = shipped_games()
    rows: list[dict[str, Any]] = [
        {
            "game": game,
            "actions": action_count(game),
            "random": random,
            "human": human,
            "students": [file.name.removesuffix(".onnx") for file in shipped.get(game, [])],
        }
        for game, (random, human) in reference_scores().items()
    ]
    if as_json:
        print_json(rows)
        return
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for column in ("game", "actions", "random player", "human player", "students that ship"):
        table.add_column(column, justify="left" if column == "game" else "right")
    for row in rows:
        reference = (f"{row['random']:,.1f}", f"{row['human']:,.1f}")
        table.add_row(row["game"], str(row["actions"]), *reference, str(len(row["students"]) or ""))
    console.print(table)
    console.print("scores: Wang et al. 2016, mean returns", style="dim")
    print_next("edgedistill play pong", "edgedistill train --game pong --ratio 0.017")
