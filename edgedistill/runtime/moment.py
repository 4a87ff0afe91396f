"""The strongest moment of a play: the ten seconds with the most points, found and shown again.

Play is deterministic, so a game's seed and actions are all that a picture of it needs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edgedistill.atari.protocol import Episode, Protocol

# Ten seconds at 15 decisions a second.
MOMENT_DECISIONS = 150


@dataclass
class GameRecord:
    """One game as it was played."""

    number: int
    """Of the protocol's episodes"""
    actions: list[int] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    """Return so far, after each action"""

    def add(self, action: int, score: float) -> None:
        self.actions.append(action)
        self.scores.append(score)


@dataclass(frozen=True)
class Moment:
    """Some decisions of a game."""

    game: GameRecord
    first: int
    """Decision, counted from 0"""
    end: int
    """The decision after the last"""

    @property
    def points(self) -> float:
        """What was scored in it."""
        return self.game.scores[self.end - 1] - (self.game.scores[self.first - 1] if self.first else 0.0)


def strongest_moment(games: Sequence[GameRecord], decisions: int = MOMENT_DECISIONS) -> Moment:
    """The stretch of at most so many decisions with the most points; of equal ones in a row the middle one.

    Args:
        games: at least one, each with at least one decision.
    """
    return max((_strongest(game, decisions) for game in games), key=lambda moment: moment.points)


def _strongest(game: GameRecord, decisions: int) -> Moment:
    before = np.array([0.0, *game.scores])
    length = min(decisions, len(game.scores))
    points = before[length:] - before[: len(before) - length]
    first = int(points.argmax())
    # Where the points stay as many, none of them lies at the very end.
    equal = int(np.argmin(points[first:] == points[first])) or len(points) - first
    first += equal // 2
    return Moment(game, first, first + length)


def screens(game: str, protocol: Protocol, moment: Moment) -> Iterator[tuple[NDArray[np.uint8], float]]:
    """The screens of a moment, (height, width, 3) uint8 RGB, each with the score so far.

    Args:
        game: ROM name.
        protocol: as it was played.
    """
    emulator = protocol.emulator(game)
    Episode(emulator, protocol, moment.game.number)  # resets it
    for number, action in enumerate(moment.game.actions[: moment.end]):
        emulator.advance(action)
        if number >= moment.first:
            yield emulator.screen_rgb(), moment.game.scores[number]
