"""Plays an exported student: a generator of what happened, for whatever shows or records it."""

import hashlib
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgedistill.atari.emulator import FRAME_SKIP, Emulator
from edgedistill.atari.protocol import Episode, Protocol
from edgedistill.runtime.policy import Policy

# The console draws 60 frames a second; a decision lasts four of them.
SECONDS_PER_DECISION = FRAME_SKIP / 60
# Play that fell further behind, asleep or on an overloaded board, does not race to catch up.
MOST_BEHIND_SECONDS = 0.5


@dataclass(frozen=True)
class Decision:
    """One agent step (four emulator frames) of play."""

    episode: int
    step: int
    """Agent steps of this episode so far"""
    action: str
    index: int
    """Of the action, in the card's order"""
    logits: NDArray[np.float32]
    """(A,), the student's value of each action on the frames before this one; a random action has not the largest"""
    score: float
    """Unclipped return of this episode so far"""
    over: bool
    emulator: Emulator

    def screen(self) -> NDArray[np.uint8]:
        """The raw screen, (height, width, 3) uint8 RGB."""
        return self.emulator.screen_rgb()


@dataclass
class Summary:
    """What a play came to; filled while `play` runs."""

    scores: list[float] = field(default_factory=list)
    """Returns of the finished episodes"""
    steps: int = 0
    unfinished_score: float | None = None
    """Return so far of an episode that `max_steps` cut"""
    _actions: Any = field(default_factory=hashlib.sha256)

    def add(self, decision: Decision) -> None:
        self.steps += 1
        self._actions.update(bytes([decision.index]))
        if decision.over:
            self.scores.append(decision.score)
        self.unfinished_score = None if decision.over else decision.score

    @property
    def actions_sha256(self) -> str:
        """Hash of all actions played, one byte each: equal on every machine for equal file, seed and options."""
        digest: str = self._actions.hexdigest()
        return digest


def play(
    policy: Policy, protocol: Protocol, summary: Summary, max_steps: int | None = None
) -> Generator[Decision, None, None]:
    """Play `protocol.episodes` games, at most `max_steps` agent steps in all, yielding after each decision.

    Raises:
        BadRequest: the emulator offers other actions than the student knows.
    """
    emulator = protocol.emulator(policy.card.game)
    policy.require_actions(emulator)
    for number in range(protocol.episodes):
        episode = Episode(emulator, protocol, number)
        while not episode.over:
            if max_steps is not None and summary.steps >= max_steps:
                return
            decision = decide(policy, episode)
            summary.add(decision)
            yield decision


def decide(policy: Policy, episode: Episode) -> Decision:
    """Play one agent step of an episode that is not over."""
    emulator = episode.emulator
    logits = policy.logits(emulator.frames[None])[0]
    action = episode.step(int(logits.argmax()))
    return Decision(
        episode.number,
        episode.steps,
        policy.card.actions[action],
        action,
        logits,
        episode.total_reward,
        episode.over,
        emulator,
    )
