"""The evaluation protocol: one definition for teachers, float students and exported files.

Mnih et al. 2015 start each episode with up to 30 no-ops and play with ε 0.05; we default to ε 0.01 and report 0.05
beside it. Returns are sums of unclipped rewards until game over. Every episode draws its no-ops and its random
actions from its own seed, so a score does not depend on how many games were played side by side.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgedistill.atari.emulator import MAX_FRAMES, Emulator, Frames
from edgedistill.errors import BadRequest

# Scores that are reported, and scores that choose a checkpoint, never share an episode.
EVALUATION_SEED = 2015
VALIDATION_SEED = 1912
# Of one evaluation: room for so many returns is no matter.
MAX_EPISODES = 10**6
# Of the bootstrap, and how many returns it draws at once: memory for them is bounded, however many games were played.
RESAMPLES = 10_000
PICKS_AT_ONCE = 1_000_000
# Of one evaluation beside each other, each with an emulator.
GAMES_AT_ONCE = 10

Act = Callable[[Frames], NDArray[np.int64]]
"""A greedy policy: frames (N, 84, 84, 4) uint8 -> action indices (N,)."""
OnGames = Callable[[Sequence[float], int], None]
"""Told the returns so far and how many there will be: at the beginning, and after each game."""


@dataclass(frozen=True)
class Protocol:
    """How a policy is played to be scored."""

    episodes: int = 30
    """Games. 30 is the paper's count for one evaluation."""
    epsilon: float = 0.01
    """Probability of a random action. 0.05 in Mnih et al. 2015; small values punish a student less for slips."""
    noop_max: int = 30
    """Most no-op frames at the start (Mnih et al. 2015)."""
    sticky: float = 0.0
    """Probability that the emulator repeats the last action; 0.25 in Machado et al. 2018."""
    max_frames: int = MAX_FRAMES
    """Emulator frames after which an episode is cut."""
    seed: int = EVALUATION_SEED

    def __post_init__(self) -> None:
        """
        Raises:
            BadRequest: fewer than one game or more than `MAX_EPISODES`, or a probability that is none.
        """
        if not 1 <= self.episodes <= MAX_EPISODES:
            raise BadRequest(f"episodes must be from 1 to {MAX_EPISODES:,}, got {self.episodes:,}.")
        for name, value in (("epsilon", self.epsilon), ("sticky", self.sticky)):
            if not 0 <= value <= 1:
                raise BadRequest(f"{name} must be from 0 to 1, got {value:g}.")
        if self.seed < 0:
            raise BadRequest(f"seed must be 0 or above, got {self.seed}.")

    def emulator(self, game: str) -> Emulator:
        return Emulator(game, sticky=self.sticky, noop_max=self.noop_max, max_frames=self.max_frames)


@dataclass(frozen=True)
class Scores:
    """The returns of one evaluation, in order of episode, with the protocol that gave them."""

    returns: tuple[float, ...]
    protocol: Protocol = field(default_factory=Protocol)

    @property
    def mean(self) -> float:
        return float(np.mean(self.returns))

    @property
    def interval(self) -> tuple[float, float] | None:
        """95% percentile bootstrap interval of the mean (`RESAMPLES`, fixed seed); None of a single game."""
        returns = np.array(self.returns)
        if len(returns) == 1:
            return None
        rng = np.random.default_rng(0)
        means = np.empty(RESAMPLES)
        for some in np.array_split(means, -(-RESAMPLES * len(returns) // PICKS_AT_ONCE)):
            some[:] = returns[rng.integers(0, len(returns), (len(some), len(returns)))].mean(axis=1)
        low, high = np.quantile(means, [0.025, 0.975])
        return float(low), float(high)

    def to_dict(self) -> dict[str, Any]:
        return {
            "mean": round(self.mean, 3),
            "interval95": [round(end, 3) for end in self.interval] if self.interval else None,
            "returns": list(self.returns),
            "protocol": asdict(self.protocol),
        }


class Episode:
    """One game of an evaluation, advanced step by step with a greedy policy's actions."""

    def __init__(self, emulator: Emulator, protocol: Protocol, number: int) -> None:
        seeds = np.random.SeedSequence([protocol.seed, number])
        self._rng = np.random.default_rng(seeds)
        self.epsilon = protocol.epsilon
        self.number = number
        self.emulator = emulator
        self.total_reward = 0.0
        self.steps = 0
        self.over = False
        emulator.reset(int(seeds.generate_state(1)[0]))

    def step(self, greedy: int) -> int:
        """Play the greedy action, or with probability ε a random one; returns the action played."""
        action = greedy
        if self._rng.random() < self.epsilon:
            action = int(self._rng.integers(len(self.emulator.actions)))
        reward, self.over = self.emulator.step(action)
        self.total_reward += reward
        self.steps += 1
        return action


def evaluate(
    act: Act,
    game: str,
    protocol: Protocol,
    *,
    at_once: int = GAMES_AT_ONCE,
    played: Mapping[int, float] = MappingProxyType({}),
    on_episode: Callable[[int, float], None] = lambda number, score: None,
) -> Scores:
    """Play `protocol.episodes` games, `at_once` beside each other so that the policy sees batches.

    Args:
        act: greedy policy, frames (N, 84, 84, 4) uint8 -> actions (N,), N ≤ `at_once`.
        played: returns, by number, of games that were played before; they are not played again.
        on_episode: called with the number and return of each finished game; what it raises ends the evaluation.
    """
    returns = np.array([played.get(number, 0.0) for number in range(protocol.episodes)])
    waiting = (number for number in range(protocol.episodes) if number not in played)
    running = [
        Episode(protocol.emulator(game), protocol, number)
        # In this order: zip asks its first iterator first, and must not take a number that none plays.
        for _, number in zip(range(at_once), waiting, strict=False)
    ]
    while running:
        actions = act(np.stack([episode.emulator.frames for episode in running]))
        for episode, action in zip(running, actions, strict=True):
            episode.step(int(action))
        for place, episode in enumerate(running):
            if episode.over:
                returns[episode.number] = episode.total_reward
                on_episode(episode.number, episode.total_reward)
                number = next(waiting, None)
                if number is not None:
                    running[place] = Episode(episode.emulator, protocol, number)
        running = [episode for episode in running if not episode.over]
    return Scores(tuple(returns.tolist()), protocol)
