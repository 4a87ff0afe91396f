"""A folder that an export writes in the place of an earlier one: whole, or not at all."""

import hashlib
import json
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path

from edgedistill.errors import BadRequest
from edgedistill.exporter.targets import Target

# Written by every export: what else a folder holds is not ours to delete.
MANIFEST = "export.json"
# What `install.sh` makes.
INSTALLED = {"venv", "venv-a", "venv-b", ".install"}
# Not in the manifests of early exports, all of which wrote it.
UNLISTED = {"edgedistill.service"}


def _aside(folder: Path) -> Path:
    """Where the new folder is written."""
    return folder.with_name(f"{folder.name}.partial")


def _outdated(folder: Path) -> Path:
    """Where the old folder stands while it is replaced: a free place, since one that cannot be deleted stays there."""
    place = folder.with_name(f"{folder.name}.outdated")
    with suppress(BadRequest, OSError):
        _check_place(place)
        shutil.rmtree(place, ignore_errors=True)
    return folder.with_name(f"{place.name}-{secrets.token_hex(4)}") if place.exists() else place


@contextmanager
def replaced(folder: Path, target: Target, warn: Callable[[str], None]) -> Iterator[Path]:
    """A folder to write aside; renamed over `folder` at the end, deleted if anything fails.

    `warn` hears of an old one that cannot be deleted.
    """
    aside, outdated = _aside(folder), _outdated(folder)
    try:
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir()
        _write_manifest(aside, target, {})
        yield aside
        _write_manifest(aside, target, _sums(aside))
        if folder.exists():
            # Two renames: between them there is no folder, but never half of one.
            folder.rename(outdated)
        aside.rename(folder)
    except OSError as error:
        raise BadRequest(f"{folder}: cannot be written ({error.strerror}).") from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    try:
        if outdated.exists():
            shutil.rmtree(outdated)
    except OSError as error:
        warn(f"{outdated}, the folder before this one, cannot be deleted ({error.strerror}). Delete it yourself.")


def check_replaceable(folder: Path) -> None:
    """Refuse a folder that an export may not replace, or whose place aside is taken.

    Raises:
        BadRequest: one is not empty, and no export, or one in which somebody has added or changed a file.
    """
    for place in (folder, _aside(folder)):
        _check_place(place)


def _sums(folder: Path) -> dict[str, str]:
    """SHA-256 of each file of an export, by its path in the folder."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.relative_to(folder).parts[0] not in {MANIFEST, *INSTALLED}
    }


def _write_manifest(folder: Path, target: Target, files: dict[str, str]) -> None:
    manifest = {"made_by": f"edgedistill {version('edgedistill')}", "target": target.name, "files": files}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


def _check_place(folder: Path) -> None:
    """Pass where there is nothing, or an export as it was written."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        written = dict(manifest["files"]) if manifest["made_by"].startswith("edgedistill ") else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        written = None
    if written is None:
        raise BadRequest(f"{folder} is not empty, and no earlier export. Name another folder, or a new one.")
    # An export that was interrupted lists nothing yet.
    found = _sums(folder) if written else {}
    whole = "The folder is replaced as a whole"
    added = set(found) - set(written) - UNLISTED
    if added:
        raise BadRequest(f"{folder} holds '{min(added)}', which no export wrote. {whole}: move that away.")
    changed = [path for path, sum_of_file in found.items() if sum_of_file != written.get(path, sum_of_file)]
    if changed:
        raise BadRequest(f"{folder} holds '{min(changed)}', which was changed since the export. {whole}: name another.")
