"""Frames made small for a file: what changes from one to the next, compressed."""

import gzip
import io
import zlib

import numpy as np
from numpy.typing import NDArray

from edgedistill.errors import EdgeDistillError

# The fastest; the others save little (docs/decisions.md).
LEVEL = 1


def pack_frames(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Frames (T, …) of which each is like the one before."""
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=LEVEL, mtime=0) as file:
        previous = np.zeros_like(frames[0])
        for frame in frames:
            file.write((frame ^ previous).tobytes())
            previous = frame
    return np.frombuffer(packed.getbuffer(), np.uint8)


def unpack_frames(packed: NDArray[np.uint8], frames: NDArray[np.uint8]) -> None:
    """Put back into `frames` (T, …) what `pack_frames` was given; never more than that comes into memory.

    Raises:
        EdgeDistillError: damaged, or not of so many frames.
    """
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(packed.data)) as file:
            previous = np.zeros_like(frames[0])
            for frame in frames:
                change = np.frombuffer(file.read(frame.nbytes), np.uint8)
                np.bitwise_xor(change.reshape(frame.shape), previous, out=frame)
                previous = frame
            if file.read(1):
                raise ValueError("more than was asked for")
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise EdgeDistillError(f"the frames cannot be unpacked ({error})") from error
