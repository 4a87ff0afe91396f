"""What somebody calls a file on the hub: `USER/REPO[@REVISION][:FILE]`."""

import re
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from edgedistill.errors import BadRequest

PREFIX = "hub:"
NEWEST = "main"
PART = re.compile("[A-Za-z0-9_][A-Za-z0-9_.-]{0,95}")
REVISION = re.compile("[A-Za-z0-9_][A-Za-z0-9_./-]{0,199}")
COMMIT = re.compile("[0-9a-f]{40}")
FORM = "A file on the hub is called USER/REPO, USER/REPO:FILE or USER/REPO@REVISION:FILE"


def is_hub_name(text: str) -> bool:
    """Whether `text` names a file on the hub rather than one here."""
    return text.startswith(PREFIX)


def leaves_its_folder(file: str) -> bool:
    """Whether a path in a repository could end up outside of the folder that it is put into, on any system.

    >>> [leaves_its_folder(file) for file in ("a/b.onnx", "../b.onnx", "/b.onnx", "..\\\\b.onnx", "C:b.onnx", "")]
    [False, True, True, True, True, True]
    """
    parts = file.split("/")
    return any(part in ("", ".", "..") for part in parts) or not file.isprintable() or bool({"\\", ":"} & set(file))


@dataclass(frozen=True)
class HubName:
    """A repository of models on the hub, and maybe a file in it."""

    repo: str
    """USER/REPO"""
    revision: str = NEWEST
    """A branch, a tag or a commit"""
    file: str | None = None
    """Path in the repository; None where it has one that is meant"""

    @classmethod
    def parse(cls, text: str) -> "HubName":
        """Read `USER/REPO[@REVISION][:FILE]`, with or without `hub:` before it.

        >>> HubName.parse("hub:ada/pong@v1:small/nano.onnx")
        HubName(repo='ada/pong', revision='v1', file='small/nano.onnx')

        Raises:
            BadRequest: another form, or a file outside of its repository.
        """
        repo_and_revision, colon, file = text.removeprefix(PREFIX).partition(":")
        repo, at, revision = repo_and_revision.partition("@")
        parts = repo.split("/")
        if len(parts) != 2 or not all(PART.fullmatch(part) and ".." not in part for part in parts):
            raise BadRequest(f"{FORM}; got '{text}'.")
        if at and (not REVISION.fullmatch(revision) or leaves_its_folder(revision)):
            raise BadRequest(f"'{revision}' is no branch, tag or commit. {FORM}.")
        if colon and leaves_its_folder(file):
            raise BadRequest(f"'{file}' leaves the folder of its repository. {FORM}.")
        return cls(repo, revision or NEWEST, file or None)

    def __str__(self) -> str:
        revision = "" if self.revision == NEWEST else f"@{self.revision}"
        return f"{self.repo}{revision}" + (f":{self.file}" if self.file else "")

    def of(self, file: str) -> "HubName":
        """The name of another file of the same revision."""
        return replace(self, file=file)

    @property
    def is_pinned(self) -> bool:
        """Whether its revision is a commit, whose files never change."""
        return COMMIT.fullmatch(self.revision) is not None

    @property
    def stem(self) -> str:
        """The repository's own name, without its user's."""
        return PurePosixPath(self.repo).name
