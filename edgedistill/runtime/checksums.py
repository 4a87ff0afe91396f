"""Whether trained students are, byte for byte, those that were released: `SHA256SUMS` beside them."""

import hashlib
import re
from importlib import resources
from importlib.resources.abc import Traversable

from edgedistill.bounded_file import read_bounded
from edgedistill.bounds import MAX_FILE_BYTES
from edgedistill.errors import BadRequest
from edgedistill.runtime.shipped import shipped_games

LIST = "SHA256SUMS"
# Some 9,000 students.
MAX_LIST_BYTES = 1_000_000
LINE = re.compile(r"([0-9a-f]{64})  ([a-z0-9_]+/[a-z0-9_-]+\.onnx)")


def checksums(trained: Traversable) -> str:
    """The list for a folder of GAME/STUDENT.onnx, as `sha256sum --check` reads it.

    Raises:
        BadRequest: a file cannot be read, or is too large for a student.
    """
    return "".join(f"{_digest(file)}  {name}\n" for name, file in _students(trained).items())


def changed_files(trained: Traversable | None = None) -> dict[str, str]:
    """Files that the list does not have as they are, or that are missing: what is wrong, by GAME/STUDENT.onnx.

    Args:
        trained: a folder of GAME/STUDENT.onnx; the shipped one by default. Without a list in it, nothing is wrong.

    Raises:
        BadRequest: the list cannot be read, or is not one.
    """
    trained = trained or resources.files("edgedistill.student_zoo").joinpath("trained")
    listed = _listed(trained)
    if listed is None:
        return {}
    found = _students(trained)
    wrong = dict.fromkeys(listed.keys() - found.keys(), f"is missing, and stands in {LIST}")
    for name, file in found.items():
        if name not in listed:
            wrong[name] = f"does not stand in {LIST}"
        elif problem := _difference(file, listed[name]):
            wrong[name] = f"is not what {LIST} says: {problem}"
    return dict(sorted(wrong.items()))


def _difference(file: Traversable, expected: str) -> str | None:
    """What a file is instead of that with the expected SHA-256; None where it is that."""
    try:
        digest = _digest(file)
    except BadRequest as error:
        return str(error).removesuffix(".")
    return None if digest == expected else f"SHA-256 {digest[:12]}…, expected {expected[:12]}…"


def _digest(file: Traversable) -> str:
    """SHA-256 of a student's file."""
    return hashlib.sha256(read_bounded(file, MAX_FILE_BYTES, "student")).hexdigest()


def _students(trained: Traversable) -> dict[str, Traversable]:
    """Files by GAME/STUDENT.onnx, in order."""
    return {f"{game}/{file.name}": file for game, files in shipped_games(trained).items() for file in files}


def _listed(trained: Traversable) -> dict[str, str] | None:
    """SHA-256 by file, as the list has them; None where there is none."""
    file = trained.joinpath(LIST)
    if not file.is_file():
        return None
    text = read_bounded(file, MAX_LIST_BYTES, "list of SHA-256 sums").decode(errors="replace")
    found = [LINE.fullmatch(line) for line in text.splitlines()]
    if not all(found):
        raise BadRequest(f"{file}: not a list of SHA-256 sums. Make it anew: sha256sum */*.onnx > {LIST}")
    return {match[2]: match[1] for match in found if match}
