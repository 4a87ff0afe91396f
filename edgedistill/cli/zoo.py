"""`edgedistill zoo`: the catalogue of students."""

from typing import Annotated, Any

import typer
from rich.table import Table

from edgedistill.catalogue import NATURE_DQN, load_catalogue
from edgedistill.cli.output import console, print_json, print_next
from edgedistill.errors import BadRequest


def zoo(
    actions: Annotated[int, typer.Option(help="Size of the action set: 6 in Pong, 4 in Breakout, 18 at most.")] = 6,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the students: layers, parameters, true share of the Nature DQN's, multiply-accumulates, int8 bytes."""
    from edgedistill.runtime.shipped import shipped_games

    if not 2 <= actions <= 18:
        raise BadRequest(f"--actions must be from 2 to 18, got {actions}.")
    trained = {game: [file.name for file in files] for game, files in shipped_games().items()}
    rows: list[dict[str, Any]] = [
        {
            "name": entry.name,
            "layers": entry.layers_text(),
            "parameters": entry.parameters(actions),
            "ratio": entry.ratio(actions),
            "macs": entry.macs(actions),
            "int8_bytes": entry.int8_bytes(actions),
            "trained": [game for game, files in trained.items() if f"{entry.name}.onnx" in files],
            "summary": entry.summary,
        }
        for entry in load_catalogue().values()
    ]
    if as_json:
        print_json(rows)
        return
    table = Table(
        title=f"Students at {actions} actions; 100% is the plain Nature DQN, {NATURE_DQN.parameters(actions):,}"
    )
    for column in ("name", "conv / fc", "parameters", "ratio", "MMAC", "int8 KB", "trained"):
        table.add_column(column, justify="left" if column in ("name", "conv / fc", "trained") else "right")
    for row in rows:
        table.add_row(
            row["name"],
            row["layers"],
            f"{row['parameters']:,}",
            f"{row['ratio']:.2%}",
            f"{row['macs'] / 1e6:.2f}",
            f"{row['int8_bytes'] / 1e3:.1f}",
            ", ".join(row["trained"]),
        )
    console.print(table)
    console.print(
        "conv: channels; 'k3s2' is a 3×3 kernel with stride 2 where that is not the Nature DQN's.",
        style="dim",
    )
    game = next(iter(trained), None)
    print_next(*([f"edgedistill play {game}"] if game else []), "edgedistill train --game pong --ratio 0.017")
