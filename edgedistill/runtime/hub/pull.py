"""One file from the hub into a cache on this machine: whole, with the hash that the hub tells, and examined.

A file is put there under its commit, `hub/HOST/USER/REPO/COMMIT/FILE`, beside the list of files of each revision that
was asked for. Where the hub cannot be reached or is ill, what it said last still counts.
"""

import hashlib
import logging
import os
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote, urlsplit

from edgedistill.errors import BadRequest, EdgeDistillError, did_you_mean
from edgedistill.files import CannotWrite, write_atomically
from edgedistill.runtime.hub.http import Interrupted, endpoint, get
from edgedistill.runtime.hub.listing import HubFile, Listing, ask_for_listing
from edgedistill.runtime.hub.name import HubName, leaves_its_folder
from edgedistill.schema import short

# Seconds before each attempt at a download; each goes on where the one before broke.
PAUSES = (0.0, 0.5, 2.0)
CHUNK = 65_536
# Files named in an error.
MOST_NAMED = 20


@dataclass(frozen=True)
class Wanted:
    """Which kind of file is looked for."""

    what: str
    """For errors: 'student'"""
    suffix: str
    most_bytes: int
    examine: Callable[[bytes, str], object]
    """Takes content and name, and raises `BadRequest` for what must not come into the cache"""
    named_as_repository: bool = False
    """Whether, of several, the one that is called as its repository is meant"""


@dataclass(frozen=True)
class Pulled:
    """A file that came from the hub."""

    name: HubName
    """With its file"""
    commit: str
    path: Path
    """In the cache"""
    size: int
    """In bytes"""
    sha256: str
    downloaded: bool
    """Now; otherwise it was there already"""

    @property
    def pinned(self) -> HubName:
        """A name under which there is never another file."""
        return replace(self.name, revision=self.commit)


def cache_folder() -> Path:
    """Where downloads are kept: `EDGEDISTILL_CACHE`, or `edgedistill` in the user's cache.

    Raises:
        BadRequest: the user has no home.
    """
    chosen = os.environ.get("EDGEDISTILL_CACHE")
    try:
        folder = Path(chosen) if chosen else Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "edgedistill"
        return folder.expanduser()
    except RuntimeError as error:
        raise BadRequest(
            "No home folder to keep downloads in. Name another one: EDGEDISTILL_CACHE=/some/folder"
        ) from error


def pull(name: HubName, wanted: Wanted, *, or_last_seen: bool = True) -> Pulled:
    """Bring a file from the hub, unless it is in the cache.

    Args:
        or_last_seen: where the hub gives no list of its files, take what was pulled under this name before, and log
            a warning.

    Raises:
        BadRequest: the hub has no such file, or not for whoever asks; several of the kind; too large; refused by
            `wanted.examine`.
        Unreachable: no network.
        EdgeDistillError: the connection broke, or what came is not what the hub told of.
        CannotWrite: no room in the cache.
    """
    folder = cache_folder() / "hub" / urlsplit(endpoint()).netloc.replace(":", "_") / name.repo
    listing = _listing(name, folder / "revisions", or_last_seen)
    file = _chosen(name, listing, wanted)
    name, path = name.of(file.path), folder / listing.commit / file.path
    data = _kept(path, file)
    downloaded = data is None
    if data is None:
        data = _download(name, listing.commit, file)
        if not file.is_content(data):
            raise EdgeDistillError(f"{name}: what came is not what the hub tells of (another hash). Nothing was kept.")
        wanted.examine(data, str(name))
        _write(path, data)
    return Pulled(name, listing.commit, path, len(data), hashlib.sha256(data).hexdigest(), downloaded)


def _listing(name: HubName, folder: Path, or_last_seen: bool) -> Listing:
    """The hub's list of files, or the one that is kept: of a commit, which never changes, and while the hub is ill."""
    kept = folder / f"{quote(name.revision, safe='')}.json"
    last_seen = _last_seen(name, kept)
    if name.is_pinned and last_seen is not None:
        return last_seen
    try:
        listing = ask_for_listing(name)
    except EdgeDistillError as error:
        if isinstance(error, BadRequest) or not or_last_seen or last_seen is None:
            raise
        # The command line shows it (cli/output.py). Elsewhere Python prints it on stderr, unless logging is set up.
        logging.getLogger(__name__).warning("%s Taken instead: what was pulled before.", error)
        return last_seen
    for path in {kept, folder / f"{listing.commit}.json"}:
        _write(path, listing.to_json())
    return listing


def _last_seen(name: HubName, kept: Path) -> Listing | None:
    """The list of files that is kept; None where it is missing or damaged."""
    try:
        return Listing.parse(kept.read_bytes(), name)
    except (OSError, EdgeDistillError):
        return None


def _chosen(name: HubName, listing: Listing, wanted: Wanted) -> HubFile:
    """The file that is named, or the only one of its kind."""
    found = {file.path: file for file in listing.files if file.path.endswith(wanted.suffix)}
    if not found:
        raise BadRequest(
            f"{name.repo} has no {wanted.what}: no {wanted.suffix} among its {len(listing.files):,} files."
        )
    names = list(found)
    if name.file is not None:
        names = [path for path in names if path in (name.file, f"{name.file}{wanted.suffix}")]
        if not names:
            raise BadRequest(
                f"{name.repo} has no file '{name.file}'. {did_you_mean(name.file, _takable(found)[:MOST_NAMED])}"
            )
    elif wanted.named_as_repository and f"{name.stem}{wanted.suffix}" in found:
        names = [f"{name.stem}{wanted.suffix}"]
    if len(names) > 1:
        takable = _takable(names)
        more = f"\n  … and {len(takable) - MOST_NAMED:,} more" if len(takable) > MOST_NAMED else ""
        listed = "".join(f"\n  {name.of(path)}" for path in takable[:MOST_NAMED])
        raise BadRequest(f"{name.repo} has {len(names):,} of the kind. Name one:{listed}{more}")
    _check(name, found[names[0]], wanted)
    return found[names[0]]


def _takable(paths: Iterable[str]) -> list[str]:
    """Those that an error may offer; others are refused when they are named, and would steer what shows the error."""
    return [path for path in paths if not leaves_its_folder(path)]


def _check(name: HubName, file: HubFile, wanted: Wanted) -> None:
    """Refuse a file by what the hub tells of it."""
    if leaves_its_folder(file.path):
        raise BadRequest(f"{name.repo} has a file {short(file.path)}, which would leave its folder. It is not taken.")
    name = name.of(file.path)
    if file.size > wanted.most_bytes:
        raise BadRequest(f"{name}: {file.size:,} bytes, where a {wanted.what} takes {wanted.most_bytes:,} at most.")
    if file.sha256 is None and file.blob is None:
        raise EdgeDistillError(f"{name}: {endpoint()} tells no hash of it, so it is not taken.")


def _kept(path: Path, file: HubFile) -> bytes | None:
    """What the cache holds, if it is the hub's file."""
    try:
        if path.stat().st_size != file.size:
            return None
        data = path.read_bytes()
    except OSError:
        return None
    return data if file.is_content(data) else None


def _download(name: HubName, commit: str, file: HubFile) -> bytes:
    """All bytes of a file, in several attempts if the connection breaks."""
    url = f"{endpoint()}/{name.repo}/resolve/{commit}/{quote(file.path)}"
    data = bytearray()
    for pause in PAUSES:
        time.sleep(pause)
        with suppress(Interrupted):
            _receive(url, name, file, data)
        if len(data) == file.size:
            return bytes(data)
    raise EdgeDistillError(
        f"{name}: the download broke off {len(PAUSES)} times, at last after {len(data):,} of {file.size:,} bytes. "
        "Nothing was kept; try again."
    )


def _receive(url: str, name: HubName, file: HubFile, data: bytearray) -> None:
    """Add to `data` what comes; from the beginning if the server knows no ranges."""
    with get(url, name, start=len(data)) as response:
        begins = response.headers.get("Content-Range", "")
        if response.status != 206 or not begins.startswith(f"bytes {len(data)}-"):
            data.clear()
        if response.status == 206 and not data and not begins.startswith("bytes 0-"):
            raise EdgeDistillError(f"{name}: the server sends another part of the file than was asked for.")
        while chunk := response.read(CHUNK):
            data += chunk
            if len(data) > file.size:
                raise EdgeDistillError(f"{name}: more comes than the {file.size:,} bytes that the hub tells of.")


def _write(path: Path, data: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotWrite(path.parent, error) from error
    write_atomically(path, data)
