"""The command line: one module per verb, none of which holds logic of its own.

Nothing heavy is imported until a verb runs, so that `--help` is quick and a board needs no torch.
"""

import sys
from collections.abc import Sequence

import typer

from edgedistill.cli import bench, compare, evaluate, export, play, train, zoo
from edgedistill.cli.output import print_error
from edgedistill.errors import EdgeDistillError

app = typer.Typer(
    name="edgedistill",
    help="Distil Atari players in real time, export them as int8 ONNX, play them on small boards.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="rich",
)
app.command("train")(train.train)
app.command("export")(export.export)
app.command("play")(play.play)
app.command("evaluate")(evaluate.evaluate)
app.command("compare")(compare.compare)
app.add_typer(zoo.app, name="zoo")
app.command("bench")(bench.bench)
app.command("doctor")(bench.doctor)

# Modules of the [train] extra that a board does not have.
TRAIN_MODULES = {"torch", "gymnasium", "onnx", "safetensors", "scipy", "matplotlib"}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; exit code 2 for a bad request, 1 for a failure, 130 for an interruption."""
    try:
        app(arguments)
    except EdgeDistillError as error:
        print_error(str(error))
        sys.exit(error.exit_code)
    except ModuleNotFoundError as error:
        if error.name not in TRAIN_MODULES:
            raise
        print_error(
            f"this command needs {error.name}, which the board's install leaves out. "
            "Install it: pip install 'edgedistill[train]'"
        )
        sys.exit(1)
