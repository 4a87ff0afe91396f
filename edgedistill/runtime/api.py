"""The Python interface of the base install: load a student, score it, watch it play."""

from collections.abc import Callable, Iterator
from pathlib import Path

from edgedistill.atari import protocol
from edgedistill.atari.games import find_game
from edgedistill.atari.protocol import EVALUATION_SEED, Protocol, Scores
from edgedistill.runtime import player
from edgedistill.runtime.player import Decision, Summary
from edgedistill.runtime.policy import Policy
from edgedistill.runtime.shipped import find_student


def load_policy(file_or_game: str | Path, student: str | None = None) -> Policy:
    """A student, ready to act on uint8 frames (N, 4, 84, 84) or (N, 84, 84, 4).

    Args:
        file_or_game: an exported `.onnx`, the name of a game with a shipped student ("pong", "ALE/Pong-v5"), or a
            student on the Hugging Face Hub: "hub:USER/REPO[@REVISION][:FILE]".
        student: which shipped one, by name: "nano". None: the one with the best score at 1.7% of the teacher or less.

    Raises:
        BadRequest: no such file, game, repository or student, or a file that `edgedistill export` did not write.
        EdgeDistillError: the hub cannot be reached, or sends something else than the file.
    """
    return Policy.load(find_student(str(file_or_game), student))


def evaluate(
    policy: Policy,
    game: str | None = None,
    episodes: int = 30,
    *,
    epsilon: float = 0.01,
    sticky: float = 0.0,
    seed: int = EVALUATION_SEED,
    on_episode: Callable[[int, float], None] = lambda number, score: None,
) -> Scores:
    """The score of a student under the protocol of docs/reference/protocol.md, as `edgedistill evaluate` gives it.

    >>> from edgedistill import load_policy
    >>> evaluate(load_policy("pong"), episodes=1).mean > 0
    True

    Args:
        policy: plays its game's minimal action set; sees up to 10 games at once, (N, 84, 84, 4).
        game: its name, to be sure of it. None: the policy's own.
        episodes: games to play, each to its end.
        epsilon: probability of a random action, from 0 to 1.
        sticky: probability that the emulator repeats the last action, from 0 to 1; 0.25 is Machado et al. 2018.
        seed: same seed, same games, on every CPU.
        on_episode: called with the number and the return of each finished game.

    Returns:
        Scores: `returns` (episodes,) in order of game, unclipped; `mean`; `interval`, the 95%
            one of the mean (None of one game).

    Raises:
        BadRequest: the policy plays another game, or a number is out of bounds.
    """
    asked = _protocol(policy, game, episodes, epsilon, sticky, seed)
    policy.require_actions(asked.emulator(policy.card.game))
    return protocol.evaluate(policy.act, policy.card.game, asked, on_episode=on_episode)


def play(
    policy: Policy,
    game: str | None = None,
    episodes: int = 1,
    *,
    max_steps: int | None = None,
    epsilon: float = 0.01,
    sticky: float = 0.0,
    seed: int = 0,
) -> Iterator[Decision]:
    """Let a student play, one decision at a time, as fast as whoever iterates asks for them.

    >>> from edgedistill import load_policy
    >>> for decision in play(load_policy("pong"), max_steps=2):
    ...     print(decision.step, decision.score, decision.screen().shape)
    1 0.0 (210, 160, 3)
    2 0.0 (210, 160, 3)

    Args:
        policy: plays its game's minimal action set, on frames (1, 84, 84, 4).
        game: its name, to be sure of it. None: the policy's own.
        episodes: games to play.
        max_steps: stop after so many agent steps (4 emulator frames each) in all. None: play to the end.
        epsilon: probability of a random action, from 0 to 1.
        sticky: probability that the emulator repeats the last action, from 0 to 1.
        seed: same seed, same games, on every CPU.

    Returns:
        An iterator of `Decision`: `episode` and `step` (int), `action` (ALE's name of it) and its `index`,
        `logits`, float32 (A,), the student's value of each, `score` (float, of this game so far, unclipped), `over`
        (bool), and `screen()`, uint8 (height, width, 3) RGB.

    Raises:
        BadRequest: the policy plays another game, or a number is out of bounds.
    """
    return player.play(policy, _protocol(policy, game, episodes, epsilon, sticky, seed), Summary(), max_steps)


def _protocol(policy: Policy, game: str | None, episodes: int, epsilon: float, sticky: float, seed: int) -> Protocol:
    if game is not None:
        policy.require_game(find_game(game))
    return Protocol(episodes=episodes, epsilon=epsilon, sticky=sticky, seed=seed)
