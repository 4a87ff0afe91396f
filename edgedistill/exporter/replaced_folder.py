"""A folder that an export writes in the place of an earlier one: whole, or not at all."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from edgedistill.errors import BadRequest
from edgedistill.exporter.targets import Target

# Written by every export: what else a folder holds is not ours to delete.
MANIFEST = "export.json"
# What `install.sh` makes.
INSTALLED = {"venv", "venv-a", "venv-b", ".install", "edgedistill.service"}


def _aside(folder: Path) -> tuple[Path, Path]:
    """Where the new folder is written, and where the old one stands while it is replaced."""
    return folder.with_name(folder.name + ".partial"), folder.with_name(folder.name + ".outdated")


@contextmanager
def replaced(folder: Path, target: Target) -> Iterator[Path]:
    """A folder to write aside; renamed over `folder` at the end, deleted if anything fails."""
    aside, outdated = _aside(folder)
    try:
        for leftover in (aside, outdated):
            shutil.rmtree(leftover, ignore_errors=True)
        aside.mkdir()
        _write_manifest(aside, target, [])
        yield aside
        _write_manifest(aside, target, sorted(entry.name for entry in aside.iterdir()))
        if folder.exists():
            # Two renames: between them there is no folder, but never half of one.
            folder.rename(outdated)
            aside.rename(folder)
            shutil.rmtree(outdated)
        else:
            aside.rename(folder)
    except OSError as error:
        raise BadRequest(f"{folder}: cannot be written ({error.strerror}).") from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def check_replaceable(folder: Path) -> None:
    """Refuse a folder that an export may not replace, or whose places aside are taken.

    Raises:
        BadRequest: one is not empty, and no export or one to which somebody has added something.
    """
    for place in (folder, *_aside(folder)):
        _check_place(place)


def _write_manifest(folder: Path, target: Target, files: list[str]) -> None:
    manifest = {"made_by": f"edgedistill {version('edgedistill')}", "target": target.name, "files": files}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


def _check_place(folder: Path) -> None:
    """Pass where there is nothing, or an export to which nobody has added anything."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        ours = {MANIFEST, *manifest["files"], *INSTALLED} if manifest["made_by"].startswith("edgedistill ") else set()
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        ours = set()
    if not ours:
        raise BadRequest(f"{folder} is not empty, and no earlier export. Name another folder, or a new one.")
    # An export that was interrupted lists nothing yet.
    added = {entry.name for entry in folder.iterdir()} - ours if manifest["files"] else set()
    if added:
        raise BadRequest(
            f"{folder} holds '{min(added)}', which no export wrote. The folder is replaced as a whole: move that away."
        )
