"""How a student of a run is exported. Without torch, which a student that is exported already does not need."""

from collections.abc import Sequence
from dataclasses import dataclass

from edgedistill.atari.protocol import Protocol
from edgedistill.errors import BadRequest, did_you_mean

# Cards give our protocol's player, the greedy one and Mnih et al.'s, as `edgedistill evaluate` does.
CARD_EPSILONS = (0.01, 0.0, 0.05)
PRECISIONS = ("int8", "float32")
# What `edgedistill export` calls each.
FLAGS = {
    "precision": "--precision",
    "episodes": "--episodes",
    "epsilons": "--epsilon",
    "allow_disagreement": "--allow-disagreement",
    "returns": "--no-returns",
}


@dataclass(frozen=True)
class ExportOptions:
    """Checked when built.

    Raises:
        BadRequest: no such precision, or `episodes` or an ε beyond bounds.
    """

    precision: str | None = None
    """`int8` (also where None), or `float32`: three times the size and not bit-equal across CPUs, for comparison"""
    episodes: int = Protocol.episodes
    """Games of each evaluation on the card"""
    epsilons: Sequence[float] = CARD_EPSILONS
    """An evaluation each, with this probability of a random action; the first is the one that retention is given for"""
    allow_disagreement: bool = False
    """Export even what does not play like the student that was trained"""
    returns: bool = True
    """Keep the return of each game on the card; some 3 bytes a game, ε and player"""

    def __post_init__(self) -> None:
        if self.precision not in (None, *PRECISIONS):
            raise BadRequest(f"No precision '{self.precision}'. {did_you_mean(self.precision, PRECISIONS)}")
        self.protocols(sticky=0.0)

    def protocols(self, sticky: float) -> list[Protocol]:
        """Of the evaluations, where the last action is repeated with probability `sticky`."""
        return [Protocol(episodes=self.episodes, epsilon=epsilon, sticky=sticky) for epsilon in self.epsilons]
