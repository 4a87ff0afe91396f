"""The command line: one module per verb, none of which holds logic of its own.

Nothing heavy is imported until a verb runs, so that `--help` is quick and a board needs no torch.
"""

import logging
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from io import TextIOWrapper
from typing import Annotated

import typer

from edgedistill.cli import bench, compare, evaluate, export, games, hub, play, report, serve, train, zoo
from edgedistill.cli.examples import add_examples
from edgedistill.cli.output import console, log_handler, print_error
from edgedistill.errors import EdgeDistillError, missing_extra
from edgedistill.signals import unwound_when_ended

app = typer.Typer(
    name="edgedistill",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode="rich",
)
app.command("train")(train.train)
app.command("export")(export.export)
app.command("play")(play.play)
app.command("serve")(serve.serve)
app.command("evaluate")(evaluate.evaluate)
app.command("compare")(compare.compare)
app.command("report")(report.report)
app.command("games")(games.games)
app.add_typer(zoo.app, name="zoo")
app.add_typer(hub.app, name="hub")
app.command("bench")(bench.bench)
app.command("doctor")(bench.doctor)
add_examples(app)


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        console.print(f"edgedistill {version('edgedistill')}")
        raise typer.Exit


@app.callback()
def edgedistill(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Distil Atari players in real time, export them as int8 ONNX, play them on small boards."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; exit code 2 for a bad request, 1 for a failure, 130, 143 or 129 after a signal."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # A terminal without a letter for 'ε' gets a question mark, not a traceback.
            stream.reconfigure(errors="replace")
    logging.getLogger("edgedistill").addHandler(log_handler)
    try:
        with unwound_when_ended():
            app(arguments)
    except EdgeDistillError as error:
        print_error(str(error))
        sys.exit(error.exit_code)
    except ModuleNotFoundError as error:
        told = missing_extra("this command", error.name)
        if told is None:
            raise
        print_error(told)
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
