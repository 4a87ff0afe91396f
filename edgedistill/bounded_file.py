"""Reading a file that may be anybody's: whole, or not at all."""

import os
import stat
import tomllib
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from edgedistill.errors import BadRequest

# Fifteen times the longest design or target that ships.
MAX_TOML_BYTES = 16_384
# A pipe opens at once, too, although nobody writes into it. Windows has no such flag.
NO_WAIT = getattr(os, "O_NONBLOCK", 0)


def read_bounded(path: Path | Traversable, most: int, kind: str) -> bytes:
    """The content of a file, not yet examined; never more than `most` bytes of it come into memory.

    Args:
        most: bytes that are read at most.
        kind: what is expected there, for the error: "student".

    Raises:
        BadRequest: it is missing, larger, or no regular file: a folder, a pipe, a device.
    """
    try:
        if isinstance(path, Path):
            data = _read_regular(path, most)
        else:  # a resource in an archive, of which no size is told
            with path.open("rb") as resource:
                data = resource.read(most + 1)
    except OSError as error:
        raise BadRequest(f"{path}: cannot be read ({error.strerror}).") from error
    if data is None or len(data) > most:
        raise BadRequest(f"{path}: larger than {most:,} bytes; no {kind} is.")
    return data


def _read_regular(path: Path, most: int) -> bytes | None:
    """What a file held when it was opened, in a buffer of its size; None where that is more than `most`."""
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | NO_WAIT)) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise BadRequest(f"{path}: cannot be read (not a regular file).")
        return file.read(status.st_size) if status.st_size <= most else None


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
