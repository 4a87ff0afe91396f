"""Writing files so that nothing half-written is left behind."""

import os
from pathlib import Path

from edgedistill.errors import BadRequest


def _aside(path: Path) -> Path:
    return path.with_name(path.name + ".partial")


def write_atomically(path: Path, data: bytes) -> None:
    """Write beside `path`, sync, and rename over it."""
    aside = _aside(path)
    try:
        with aside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


def check_writable(path: Path) -> None:
    """Fail before the work, not after it.

    Raises:
        BadRequest: `path` is a folder, or its folder is missing or cannot be written.
    """
    if path.is_dir():
        raise BadRequest(f"{path} is a folder. Name a file in it.")
    try:
        _aside(path).touch()
        _aside(path).unlink()
    except OSError as error:
        raise BadRequest(f"{path}: cannot be written ({error.strerror}).") from error
