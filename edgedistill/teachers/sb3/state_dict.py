"""Tensors from a file that `torch.save(state_dict)` wrote, without unpickling it and without `torch.load`."""

import struct
import zlib
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile

import numpy as np
import torch
from torch import Tensor

from edgedistill.teachers.sb3.pickle_reader import Unreadable, read_tensor_records, short

# Bounds on a stranger's file, and on each member of it once inflated: a zip of 100 KB may hold one of 100 MB. A teacher
# of DQN with its target network and Adam's moments takes 27 MB and 100 members, one of QR-DQN at most twice that.
MAX_BYTES = 100_000_000
MAX_MEMBERS = 1000
MAX_PICKLE_BYTES = 1_000_000
MAX_BYTEORDER_BYTES = 16

MEMBER_SIGNATURE = b"PK\x01\x02"
# All that `zipfile` was seen to raise for damaged bytes, or may by its source.
DAMAGE = (BadZipFile, zlib.error, struct.error, EOFError, OSError, OverflowError, RuntimeError, ValueError)


def open_zip(data: bytes) -> ZipFile:
    """Open a zip file held in memory.

    Raises:
        Unreadable: it is no zip file, or has too many members.
    """
    # Counted first, because `zipfile` makes an object of some 400 bytes from an entry of 46.
    if data.count(MEMBER_SIGNATURE) > MAX_MEMBERS:
        raise Unreadable(f"has more than {MAX_MEMBERS:,} members")
    try:
        return ZipFile(BytesIO(data))
    except DAMAGE as error:
        raise Unreadable("is not a zip file, or is cut short") from error


def read_member(archive: ZipFile, name: str, most: int) -> bytes:
    """One member's bytes.

    Raises:
        Unreadable: there is no such member, it is larger than `most` bytes, or it is damaged.
    """
    if name not in archive.namelist():
        raise Unreadable(f"has no {short(name)} (it has {listed(archive.namelist())})")
    info = archive.getinfo(name)
    if info.file_size > most:
        raise Unreadable(f"has a {short(name)} of {info.file_size:,} bytes, where at most {most:,} are read")
    if info.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        raise Unreadable(f"has a {short(name)} in an unusual compression")
    try:
        with archive.open(info) as file:
            # With a size: read() alone inflates without bound before it compares with the size that the zip states.
            # One byte more than that, so that the checksum of an empty member is compared as well.
            return file.read(info.file_size + 1)
    except DAMAGE as error:
        raise Unreadable(f"has a damaged {short(name)}") from error


def listed(names: list[str]) -> str:
    """Names from a file, a few of them, fit for a terminal.

    >>> listed(["b", "a", "c", "e", "d"])
    "'a', 'b', 'c', 'd' and 1 more"
    """
    shown = ", ".join(short(name) for name in sorted(names)[:4]) or "nothing"
    return f"{shown} and {len(names) - 4} more" if len(names) > 4 else shown


class StateDict:
    """The tensors of a saved state dict: shapes at once, values one at a time."""

    def __init__(self, data: bytes) -> None:
        """
        Raises:
            Unreadable: `data` is not what `torch.save` writes for a dict of float32 tensors.
        """
        if not data.startswith(b"PK"):
            raise Unreadable("holds weights in another form than torch's zip, perhaps from torch before 1.6")
        self._archive = open_zip(data)
        pickles = [name for name in self._archive.namelist() if name == "data.pkl" or name.endswith("/data.pkl")]
        if len(pickles) != 1:
            raise Unreadable(f"has {len(pickles)} 'data.pkl' among its weights, where torch writes one")
        self._folder = pickles[0].removesuffix("data.pkl")
        self._records = read_tensor_records(read_member(self._archive, pickles[0], MAX_PICKLE_BYTES))
        # torch before 2.1 writes no such member, and always the machine's order: little on all that train.
        if self._byteorder() not in (None, b"little"):
            raise Unreadable("holds weights that are not little-endian")

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {name: record.shape for name, record in self._records.items()}

    def tensor(self, name: str) -> Tensor:
        """A tensor of its own, contiguous, float32.

        Raises:
            Unreadable: its storage is missing, cut short or damaged, or a value is not finite.
        """
        record = self._records[name]
        raw = read_member(self._archive, f"{self._folder}data/{record.storage.key}", MAX_BYTES)
        if len(raw) != 4 * record.storage.elements:
            raise Unreadable(
                f"holds {len(raw):,} bytes for {short(name)}, where {4 * record.storage.elements:,} were announced"
            )
        storage = torch.from_numpy(np.frombuffer(raw, "<f4").astype(np.float32))
        tensor = storage.as_strided(record.shape, record.stride, record.offset)
        if not tensor.isfinite().all():
            raise Unreadable(f"holds values in {short(name)} that are not finite, as a diverged training leaves them")
        return tensor.clone(memory_format=torch.contiguous_format)

    def _byteorder(self) -> bytes | None:
        name = self._folder + "byteorder"
        return read_member(self._archive, name, MAX_BYTEORDER_BYTES) if name in self._archive.namelist() else None
