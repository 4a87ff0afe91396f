"""The command line: one module per verb, none of which holds logic of its own.

Nothing heavy is imported until a verb runs, so that `--help` is quick and a board needs no torch.
"""

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from io import TextIOWrapper

import typer

from edgedistill.cli import bench, compare, evaluate, export, play, train, zoo
from edgedistill.cli.output import print_error
from edgedistill.errors import EdgeDistillError
from edgedistill.signals import unwound_by_sigterm

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
    """Run the command line; exit code 2 for a bad request, 1 for a failure, 130 for Ctrl-C, 143 for SIGTERM."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # A terminal without a letter for 'ε' gets a question mark, not a traceback.
            stream.reconfigure(errors="replace")
    try:
        with unwound_by_sigterm():
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
    except OSError as error:
        # Whatever can be said better is said where it happens.
        if error.filename is None:
            _give_up_stdout()
        print_error(f"{error.filename or 'the output'}: {error.strerror}.")
        sys.exit(1)


def _give_up_stdout() -> None:
    """A full disk behind stdout: what it still holds would fail once more when the interpreter ends."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
