import os
import re
import shlex
import subprocess
import sys
from importlib.metadata import version

import pytest
import typer.main

from edgedistill.cli import app
from edgedistill.cli.examples import EXAMPLES
from tests.test_docs import understood


def test_version(cli):
    outcome = cli("--version")
    assert (outcome.code, outcome.out) == (0, f"edgedistill {version('edgedistill')}\n")


@pytest.mark.parametrize("verb", [(), ("train",), ("play",), ("zoo",), ("zoo", "build")])
def test_h_is_help(cli, verb):
    short, long = cli(*verb, "-h"), cli(*verb, "--help")
    assert short.code == long.code == 0
    assert short.out == long.out
    assert "Usage" in short.out


@pytest.mark.parametrize(
    ("typed", "completions"), [("ex", ["export"]), ("play --he", ["--headless", "--help"]), ("zoo sh", ["show"])]
)
def test_completion_knows_verbs_and_options(typed, completions):
    words = f"edgedistill {typed}"
    asked = {"_EDGEDISTILL_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    outcome = subprocess.run(
        [sys.executable, "-c", "import sys; sys.argv[0] = 'edgedistill'; from edgedistill.cli import main; main()"],
        env={**os.environ, **asked},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert outcome.stdout.split() == completions, outcome.stderr


def test_forced_colours_change_nothing_else_in_a_file():
    """Many CI jobs set FORCE_COLOR; their logs are no terminals, so that tables are not wrapped."""
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "NO_COLOR")}
    plain, coloured = (
        subprocess.run(
            [sys.executable, "-m", "edgedistill", "zoo", "list"],
            env={**environment, "TERM": "xterm", "FORCE_COLOR": colours}, capture_output=True, text=True, timeout=60,
        ).stdout
        for colours in ("", "1")
    )  # fmt: skip
    assert "\x1b[" not in plain and "\x1b[" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain


def test_completion_can_be_installed(cli):
    out = " ".join(cli("--help").out.split())
    assert "--install-completion" in out


@pytest.mark.parametrize("option", ["-o", "--out", "--output"])
@pytest.mark.parametrize("verb", ["train", "zoo build", "export pong", "report runs/a"])
def test_where_to_write_has_one_name_in_all_verbs(verb, option):
    understood(typer.main.get_command(app), [*verb.split(), option, "place"])


def test_names_are_whole_in_a_terminal_of_80_columns(cli, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    text = " ".join(cli("train", "--help").out.replace("│", " ").split())
    assert (
        "--teacher-from SOURCE A frozen teacher: RUN, the best of a run; FILE.onnx, an exported student; GAME" in text
    )
    for verb in ("compare", "report"):
        assert "RUN… <path>" in " ".join(cli(verb, "--help").out.split())


def verbs(command, path=()):
    """Every command and group below one, as words."""
    for name, each in getattr(command, "commands", {}).items():
        yield (*path, name)
        yield from verbs(each, (*path, name))


@pytest.mark.parametrize("verb", [*verbs(typer.main.get_command(app))], ids=" ".join)
def test_every_help_screen_has_examples_that_can_be_typed(cli, verb):
    examples = EXAMPLES[" ".join(verb)]
    shown = " ".join(cli(*verb, "--help").out.split())
    for example in examples:
        assert example in shown
        words = shlex.split(example)
        assert tuple(words[1 : len(verb) + 1]) == verb
        understood(typer.main.get_command(app), words[1:])
