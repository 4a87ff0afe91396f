"""Errors meant for people: what came, what is accepted, what to type next."""

from collections.abc import Iterable
from difflib import get_close_matches


class EdgeDistillError(Exception):
    """Something failed although the request was sound (exit code 1)."""

    exit_code = 1


class BadRequest(EdgeDistillError):
    """The request itself cannot be served: a wrong name, number or file (exit code 2)."""

    exit_code = 2


def did_you_mean(name: str, accepted: Iterable[str]) -> str:
    """A sentence that names the closest accepted word, or lists all where none is close.

    >>> did_you_mean("pnog", ["pong", "boxing"])
    "Did you mean 'pong'?"
    >>> did_you_mean("xyz", ["pong", "boxing"])
    'Accepted: boxing, pong.'
    """
    names = sorted(accepted)
    close = get_close_matches(name.lower(), names, n=1)
    return f"Did you mean '{close[0]}'?" if close else f"Accepted: {', '.join(names)}."
