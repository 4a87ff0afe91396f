"""What a value from a file may be: type, range, length and alphabet, said once for each field.

A check takes a parsed JSON value and gives it back, or raises `Unfit`. Files come from strangers, or from a disk that
lost a byte, and what passes here is computed with, printed and written into other files.
"""

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

Check = Callable[[object], Any]

# Above every counter, seed and score that occurs; sums and products of such stay exact in floats.
LARGEST = 10**15


class Unfit(ValueError):
    """Why a value is not what its field holds, as a clause."""


def short(value: object) -> str:
    """A value from a file in a few printable characters."""
    try:
        text = ascii(value)
    except ValueError:  # Python writes no number of thousands of digits
        return f"a {type(value).__name__} with far too many digits"
    return text if len(text) <= 60 else f"{text[:57]}..."


def whole(least: int = 0, most: int = LARGEST) -> Check:
    """A whole number."""

    def check(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise Unfit(f"must be a whole number from {least:,} to {most:,}, got {short(value)}")
        return value

    return check


def number(least: float = -LARGEST, most: float = LARGEST) -> Check:
    """A finite number."""

    def check(value: object) -> float:
        # NaN is in no range.
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            raise Unfit(f"must be a number from {least:g} to {most:g}, got {short(value)}")
        return value

    return check


def flag(value: object) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise Unfit(f"must be true or false, got {short(value)}")
    return value


def line(most: int) -> Check:
    """Printable text on one line."""

    def check(value: object) -> str:
        if not isinstance(value, str) or len(value) > most or not value.isprintable():
            raise Unfit(f"must be a line of printable text, at most {most} characters, got {short(value)}")
        return value

    return check


def word(pattern: re.Pattern[str]) -> Check:
    """Text of an alphabet."""

    def check(value: object) -> str:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise Unfit(f"must match {pattern.pattern}, got {short(value)}")
        return value

    return check


def one_of(accepted: Collection[str]) -> Check:
    """One of a few words."""

    def check(value: object) -> str:
        if not isinstance(value, str) or value not in accepted:
            raise Unfit(f"must be one of {', '.join(accepted)}, got {short(value)}")
        return value

    return check


def optional(inner: Check) -> Check:
    """What another check accepts, or null."""
    return lambda value: None if value is None else inner(value)


def listed(inner: Check, most: int, least: int = 0) -> Check:
    """A list, given back as a tuple."""

    def check(value: object) -> tuple[Any, ...]:
        if not isinstance(value, list) or not least <= len(value) <= most:
            raise Unfit(f"must be a list of {least} to {most:,} entries, got {short(value)}")
        return tuple(inner(each) for each in value)

    return check


def mapping(key: Check, value: Check, most: int) -> Check:
    """A table of any names, all alike."""

    def check(found: object) -> dict[str, Any]:
        if not isinstance(found, dict) or len(found) > most:
            raise Unfit(f"must be a table of at most {most:,} entries, got {short(found)}")
        return {key(name): value(each) for name, each in found.items()}

    return check


def table(required: Mapping[str, Check], more: Mapping[str, Check] | None = None, *, open_: bool = False) -> Check:
    """A table with these fields.

    Args:
        required: fields that must be there.
        more: fields that may be.
        open_: whether there may be others, which nothing is known of and which pass as they are.
    """
    checks = {**required, **(more or {})}

    def check(value: object) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise Unfit(f"must be a table, got {short(value)}")
        missing, unknown = required.keys() - value.keys(), value.keys() - checks.keys()
        if missing:
            raise Unfit(f"'{min(missing)}' is missing")
        if unknown and not open_:
            raise Unfit(f"{short(min(unknown))} is not known")
        return {name: _checked(name, checks, each) for name, each in value.items()}

    return check


def _checked(name: str, checks: Mapping[str, Check], value: object) -> object:
    if name not in checks:
        return value
    try:
        return checks[name](value)
    except Unfit as error:
        raise Unfit(f"'{name}' {error}") from error
