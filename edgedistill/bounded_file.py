"""Reading a file that may be anybody's: whole, or not at all."""

from importlib.resources.abc import Traversable
from pathlib import Path

from edgedistill.errors import BadRequest


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
