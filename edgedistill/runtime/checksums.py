"""Whether trained students are, byte for byte, those that were released: `SHA256SUMS` beside them."""

import hashlib
import re
from importlib import resources
from importlib.resources.abc import Traversable

from edgedistill.errors import BadRequest
from edgedistill.runtime.shipped import shipped_games

LIST = "SHA256SUMS"
LINE = re.compile(r"([0-9a-f]{64})  ([a-z0-9_]+/[a-z0-9_-]+\.onnx)")


def checksums(trained: Traversable) -> str:
    """The list for a folder of GAME/STUDENT.onnx, as `sha256sum --check` reads it."""
    return "".join(f"{digest}  {name}\n" for name, digest in _digests(trained).items())


def changed_files(trained: Traversable | None = None) -> dict[str, str]:
    """Files that the list does not have as they are, or that are missing: what is wrong, by GAME/STUDENT.onnx.

    Args:
        trained: a folder of GAME/STUDENT.onnx; the shipped one by default. Without a list in it, nothing is wrong.

    Raises:
        BadRequest: the list is not one.
    """
    trained = trained or resources.files("edgedistill.student_zoo").joinpath("trained")
    listed = _listed(trained)
    if listed is None:
        return {}
    found = _digests(trained)
    wrong = dict.fromkeys(listed.keys() - found.keys(), f"is missing, and stands in {LIST}")
    for name, digest in found.items():
        if name not in listed:
            wrong[name] = f"does not stand in {LIST}"
        elif digest != listed[name]:
            wrong[name] = f"is not what {LIST} says: SHA-256 {digest[:12]}…, expected {listed[name][:12]}…"
    return dict(sorted(wrong.items()))


def _digests(trained: Traversable) -> dict[str, str]:
    """SHA-256 by GAME/STUDENT.onnx, in order."""
    return {
        f"{game}/{file.name}": hashlib.sha256(file.read_bytes()).hexdigest()
        for game, files in shipped_games(trained).items()
        for file in files
    }


def _listed(trained: Traversable) -> dict[str, str] | None:
    """SHA-256 by file, as the list has them; None where there is none."""
    file = trained.joinpath(LIST)
    if not file.is_file():
        return None
    found = [LINE.fullmatch(line) for line in file.read_bytes().decode(errors="replace").splitlines()]
    if not all(found):
        raise BadRequest(f"{file}: not a list of SHA-256 sums. Make it anew: sha256sum */*.onnx > {LIST}")
    return {match[2]: match[1] for match in found if match}
