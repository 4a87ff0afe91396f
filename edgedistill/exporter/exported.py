"""What an export yields. Apart from `export.py`, since a student that is exported already needs no torch."""

from dataclasses import dataclass
from pathlib import Path

from edgedistill.runtime.card import Card


@dataclass(frozen=True)
class Exported:
    """What was written."""

    path: Path
    bytes: int
    card: Card
