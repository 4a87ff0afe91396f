"""What a revision of a repository holds: its commit, and each file's size and hash."""

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from edgedistill.errors import EdgeDistillError
from edgedistill.runtime.hub.http import endpoint, get
from edgedistill.runtime.hub.name import COMMIT, HubName
from edgedistill.schema import Unfit, listed, optional, table, whole, word

# The hub itself takes no more files in one repository.
MOST_FILES = 100_000
# With 200 bytes for each of them.
MOST_BYTES = 20_000_000


@dataclass(frozen=True)
class HubFile:
    """A file, as the hub describes it."""

    path: str
    size: int
    """In bytes"""
    sha256: str | None
    """Of a file in large file storage"""
    blob: str | None
    """Git's SHA-1 of one that is not"""

    def is_content(self, data: bytes) -> bool:
        """Whether `data` is what the hub describes."""
        if self.sha256 is not None:
            return hashlib.sha256(data).hexdigest() == self.sha256
        return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest() == self.blob


@dataclass(frozen=True)
class Listing:
    """A revision of a repository."""

    commit: str
    files: tuple[HubFile, ...]

    @classmethod
    def parse(cls, text: bytes, name: HubName) -> "Listing":
        """Read the hub's answer.

        Raises:
            EdgeDistillError: no answer of a hub.
        """
        try:
            answer = ANSWER(json.loads(text))
            if name.is_pinned and answer["sha"] != name.revision:
                raise Unfit(f"it is of another commit, {answer['sha']}")
            return cls(answer["sha"], tuple(_file(each) for each in answer["siblings"]))
        except (ValueError, RecursionError) as error:
            raise EdgeDistillError(f"{name.repo}: {endpoint()} gives no list of its files ({error}).") from error

    def to_json(self) -> bytes:
        """What `parse` reads."""
        files = [
            {"rfilename": file.path, "size": file.size, "blobId": file.blob}
            | ({"lfs": {"sha256": file.sha256}} if file.sha256 else {})
            for file in self.files
        ]
        return json.dumps({"sha": self.commit, "siblings": files}).encode()


def ask_for_listing(name: HubName) -> Listing:
    """What the hub has under a name now.

    Raises:
        BadRequest: nothing under that name, or not for whoever asks.
        EdgeDistillError: no hub there, or it answers something else.
    """
    url = f"{endpoint()}/api/models/{name.repo}/revision/{quote(name.revision, safe='')}?blobs=true"
    with get(url, name) as response:
        text = response.read(MOST_BYTES + 1)
    if len(text) > MOST_BYTES:
        raise EdgeDistillError(f"{name.repo}: {endpoint()} lists more than {MOST_BYTES:,} bytes of files.")
    return Listing.parse(text, name)


def _file(entry: dict[str, Any]) -> HubFile:
    large = entry.get("lfs") or {}
    return HubFile(
        entry["rfilename"], large.get("size", entry.get("size")) or 0, large.get("sha256"), entry.get("blobId")
    )


def _path(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= 1000:
        raise Unfit("must be the path of a file")
    return value


SHA1, SHA256, SIZE = word(COMMIT), word(re.compile("[0-9a-f]{64}")), whole()
ANSWER = table(
    {
        "sha": SHA1,
        "siblings": listed(
            table(
                {"rfilename": _path},
                {
                    "size": optional(SIZE),
                    "blobId": optional(SHA1),
                    "lfs": optional(table({"sha256": SHA256}, {"size": SIZE}, open_=True)),
                },
                open_=True,
            ),
            MOST_FILES,
        ),
    },
    open_=True,
)
