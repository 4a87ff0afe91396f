"""Reading a file that may be anybody's: whole, or not at all."""

import tomllib
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from edgedistill.errors import BadRequest

# Fifteen times the longest design or target that ships.
MAX_TOML_BYTES = 16_384


def read_bounded(path: Path | Traversable, most: int, kind: str) -> bytes:
    """The content of a file, not yet examined; never more than `most` bytes of it come into memory.

    Args:
        most: bytes that are read at most.
        kind: what is expected there, for the error: "student".

    Raises:
        BadRequest: it is missing, a folder, or larger.
    """
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        raise BadRequest(f"{path}: cannot be read ({error.strerror}).") from error
    if len(data) > most:
        raise BadRequest(f"{path}: larger than {most:,} bytes; no {kind} is.")
    return data


def read_toml(path: Path | Traversable, kind: str) -> dict[str, Any]:
    """The table of a TOML file, not yet examined.

    Raises:
        BadRequest: the file is missing, larger than `MAX_TOML_BYTES`, or not TOML.
    """
    raw = read_bounded(path, MAX_TOML_BYTES, kind)
    try:
        return tomllib.loads(raw.decode())
    except (ValueError, RecursionError) as error:  # a number of very many digits is a plain ValueError
        raise BadRequest(f"{path}: not TOML ({error}).") from error
