"""Files of JSON, a table a line, that a crash or a disk may have damaged in places."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from edgedistill.bounded_file import read_bounded

# A billion agent steps of four students, by default settings, take three quarters of it.
MAX_BYTES = 200_000_000

Line = TypeVar("Line")


def read_lines(file: Path, check: Callable[[object], Line], warn: Callable[[str], None]) -> Iterator[Line]:
    """What `check` makes of each line of a file that may not exist.

    Lines that are no JSON or that it refuses (ValueError) are left out; at the end, `warn` hears how many.

    Raises:
        BadRequest: the file cannot be read, or is larger than `MAX_BYTES`.
    """
    damaged = 0
    for data in read_bounded(file, MAX_BYTES, "log of a run").split(b"\n") if file.exists() else []:
        if not data:
            continue
        try:
            found = check(json.loads(data))
        except (ValueError, RecursionError):
            damaged += 1
        else:
            yield found
    if damaged:
        lines = "1 line" if damaged == 1 else f"{damaged:,} lines"
        warn(f"{file}: {lines} cannot be read and {'is' if damaged == 1 else 'are'} left out.")
