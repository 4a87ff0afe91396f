"""Errors meant for people: what came, what is accepted, what to type next."""

import shlex
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

# Modules that a board does not have, and the extra that brings each.
EXTRAS = {
    "torch": "train",
    "gymnasium": "train",
    "onnx": "train",
    "safetensors": "train",
    "scipy": "train",
    "matplotlib": "train",
    "jinja2": "train",
    "tensorboardX": "train",
    "huggingface_hub": "hub",
}


class EdgeDistillError(Exception):
    """Something failed although the request was sound (exit code 1)."""

    exit_code = 1


class BadRequest(EdgeDistillError):
    """The request itself cannot be served: a wrong name, number or file (exit code 2)."""

    exit_code = 2


# Below this likeness (difflib's ratio) a suggestion is a guess: "nope" is 0.6 of "gopher".
LIKENESS = 0.65


def did_you_mean(name: str, accepted: Iterable[str], otherwise: str | None = None) -> str:
    """A sentence that names the closest accepted word; where none is close, `otherwise`, or all of them.

    >>> did_you_mean("pnog", ["pong", "boxing"])
    "Did you mean 'pong'?"
    >>> did_you_mean("xyz", ["pong", "boxing"])
    'Accepted: boxing, pong.'
    """
    names = sorted(accepted)
    close = get_close_matches(name.lower(), names, n=1, cutoff=LIKENESS)
    return f"Did you mean '{close[0]}'?" if close else otherwise or f"Accepted: {', '.join(names)}."


def typed(path: Path | str) -> str:
    """A path, or another word, as a shell takes it: what messages tell people to type.

    >>> typed("my run")
    "'my run'"
    """
    return shlex.quote(str(path))


def no_run(path: Path | str, otherwise: str = "Start one: edgedistill train") -> BadRequest:
    """What is wrong with a path that names no run; `otherwise` is what to do instead."""
    return BadRequest(f"No run at {path}: a run is a folder with a config.json. {otherwise}")


def missing_extra(what: str, module: str | None) -> str | None:
    """What to type where a module of an extra is missing; None where it is of another package.

    >>> missing_extra("this command", "torch")
    "this command needs torch, which the board's install leaves out. Install it: pip install 'edgedistill[train]'"
    """
    top = (module or "").partition(".")[0]
    if top not in EXTRAS:
        return None
    install = f"pip install 'edgedistill[{EXTRAS[top]}]'"
    return f"{what} needs {top}, which the board's install leaves out. Install it: {install}"
