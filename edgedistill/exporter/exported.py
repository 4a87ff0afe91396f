"""What an export yields. Apart from `export.py`, since a student that is exported already needs no torch."""

from dataclasses import dataclass
from pathlib import Path

from edgedistill.runtime.card import Card

# Cards give the greedy player, our protocol's and Mnih et al.'s.
CARD_EPSILONS = (0.01, 0.0, 0.05)


@dataclass(frozen=True)
class Exported:
    """What was written."""

    path: Path
    bytes: int
    card: Card
