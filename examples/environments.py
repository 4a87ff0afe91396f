"""What the environments of other toolkits make of a student's score: Pong's `micro`, in each of them and in ours.

    python examples/environments.py [--student micro] [--episodes 100]

Means with 95% bootstrap intervals. Takes some two minutes a row on one core.
"""

import argparse
from collections.abc import Callable

import evaluate_policy
import gymnasium_loop
import make_vec

from edgedistill import Policy, evaluate, load_policy
from edgedistill.atari.protocol import Scores

Play = Callable[[Policy, int], list[float]]
ENVIRONMENTS: dict[str, Play] = {
    "docs/reference/protocol.md: ε 0.01": lambda policy, games: [*evaluate(policy, episodes=games).returns],
    "the same, ε 0": lambda policy, games: [*evaluate(policy, episodes=games, epsilon=0).returns],
    "the same, ε 0, sticky 0.25": lambda policy, games: [
        *evaluate(policy, episodes=games, epsilon=0, sticky=0.25).returns
    ],
    "gymnasium.make, sticky 0": lambda policy, games: gymnasium_loop.play_games(policy, games, sticky=0.0),
    "the same, deterministic=False": lambda policy, games: gymnasium_loop.play_games(
        policy, games, sticky=0.0, deterministic=False
    ),
    "gymnasium.make as it is": lambda policy, games: gymnasium_loop.play_games(policy, games),
    "gymnasium.make_vec, sticky 0": lambda policy, games: make_vec.play_games(policy, games, sticky=0.0),
    "gymnasium.make_vec as it is": lambda policy, games: make_vec.play_games(policy, games),
    "stable-baselines3's make_atari_env": lambda policy, games: evaluate_policy.play_games(policy, games),
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--student", default="micro")
    parser.add_argument("--episodes", type=int, default=100)
    asked = parser.parse_args()
    policy = load_policy("pong", asked.student)
    print(f"| environment | mean return of {asked.episodes} games |\n| --- | ---: |")
    for name, play_games in ENVIRONMENTS.items():
        scores = Scores(tuple(play_games(policy, asked.episodes)))
        interval = " [{:.2f}, {:.2f}]".format(*scores.interval) if scores.interval else ""
        print(f"| {name} | {scores.mean:.2f}{interval} |", flush=True)


if __name__ == "__main__":
    main()
