"""Checkpoints: one safetensors file, written aside, synced and renamed, so that a crash leaves the last one whole.

It holds a SHA-256 of itself, since a disk or a copy may change a bit of a weight, and nothing else would tell.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from edgedistill.bounded_file import read_bounded
from edgedistill.errors import BadRequest, EdgeDistillError
from edgedistill.files import write_atomically
from edgedistill.schema import Check, Unfit, number, optional, table, whole

# Of checkpoints and best teachers; how large a memory gets is a setting of its run (`RunFolder.load_memory`).
# A teacher of DQN with its target network and moments, and sixteen students of its size, take half of it.
MAX_BYTES = 2_000_000_000
# Thirty times that of a checkpoint, whose header names its tensors and holds its state.
MAX_HEADER_BYTES = 1_000_000
DIGEST = re.compile(rb'"sha256":"([0-9a-f]{64})"')
# What the digest is computed with in its own place. In the state, quotes are escaped, so nothing there looks like it.
BLANK = "0" * 64
# What is known of a state; a run may keep more in it.
BEST = table({"step": whole()}, {"mean": number()}, open_=True)
# In a checkpoint, where a score has chosen it.
BEST_SO_FAR = table({"step": whole(), "mean": number()}, open_=True)
STATE = table(
    {"step": whole()},
    {
        "seconds": number(0),
        "evaluation_seconds": number(0),
        "best_teacher": optional(BEST_SO_FAR),
        "asked_steps": whole(1),
    },
    open_=True,
)


def save_tensors(path: Path, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
    """Write tensors and a JSON-able `state` to one file.

    Raises:
        CannotWrite: what was there is still there.
    """
    contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    data = save(contiguous, metadata={"state": json.dumps(state), "sha256": BLANK})
    digest = hashlib.sha256(data).hexdigest()
    write_atomically(path, data.replace(f'"sha256":"{BLANK}"'.encode(), f'"sha256":"{digest}"'.encode(), 1))


def load_tensors(
    path: Path, schema: Check = STATE, most_bytes: int = MAX_BYTES
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `save_tensors` wrote.

    Args:
        schema: of its state.
        most_bytes: that the file may have.

    Raises:
        EdgeDistillError: the file is missing, too large, cut short, damaged, or not one of ours; its state is not of
            the schema.
    """
    try:
        data = read_bounded(path, most_bytes, "checkpoint")
        metadata = _metadata(data)
        # Before there were digests, files had the state alone.
        if "sha256" in metadata and not _is_whole(data, metadata["sha256"]):
            raise ValueError("its content is not what was written: damaged")
        state = schema(json.loads(metadata["state"]))
        return load(data), state
    except Unfit as error:
        raise EdgeDistillError(f"{path}: not a readable checkpoint (its state {error}).") from error
    except BadRequest as error:  # the run was asked for, and not this file of it
        raise EdgeDistillError(str(error)) from error
    except (SafetensorError, KeyError, ValueError, RecursionError) as error:
        raise EdgeDistillError(f"{path}: not a readable checkpoint ({error}).") from error


def _metadata(data: bytes) -> dict[str, str]:
    """The texts in a safetensors file's header, whose length its first eight bytes tell."""
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length]) if 0 < length <= min(len(data) - 8, MAX_HEADER_BYTES) else None
    metadata = header.get("__metadata__") if isinstance(header, dict) else None
    # Another name than these is one that a damaged byte made.
    if not isinstance(metadata, dict) or set(metadata) not in ({"state"}, {"state", "sha256"}):
        raise ValueError("cut short, or not one of ours")
    if not all(isinstance(value, str) for value in metadata.values()):
        raise ValueError("its metadata are not texts")
    return metadata


def _is_whole(data: bytes, digest: str) -> bool:
    found = DIGEST.search(data)
    if found is None:
        return False
    return hashlib.sha256(data[: found.start(1)] + BLANK.encode() + data[found.end(1) :]).hexdigest() == digest
