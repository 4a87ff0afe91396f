"""A student in eight games of Pong at once, stepped together by gymnasium.make_vec.

In a copy of the repository:

pip install . gymnasium
python examples/make_vec.py --episodes 16
"""

import argparse

import ale_py
import gymnasium
import numpy as np

from edgedistill import Policy, load_policy

gymnasium.register_envs(ale_py)
ENVS = 8


def play_games(policy: Policy, episodes: int, *, sticky: float = 0.25, max_frames: int = 108_000) -> list[float]:
    """Returns of so many games, dealt out over the environments; `sticky` is their own default."""
    envs = gymnasium.make_vec(
        "ALE/Pong-v5",
        num_envs=ENVS,
        reward_clipping=False,  # no matter in Pong, but in most other games
        repeat_action_probability=sticky,
        max_num_frames_per_episode=max_frames,
    )
    # So many of each: the first to finish anywhere would be the short games.
    left = np.array([len(range(index, episodes, ENVS)) for index in range(ENVS)])
    returns, totals = [], np.zeros(ENVS)
    obs, _ = envs.reset(seed=0)  # uint8 (8, 4, 84, 84), the newest frame last
    while left.any():
        actions, _ = policy.predict(obs)
        obs, rewards, terminated, truncated, _ = envs.step(actions)
        totals += rewards
        over = terminated | truncated
        returns += totals[over & (left > 0)].tolist()
        left[over & (left > 0)] -= 1
        totals[over] = 0
    envs.close()
    return returns


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--episodes", type=int, default=16)
    parser.add_argument("--max-frames", type=int, default=108_000, help="of a game, 60 a second")
    asked = parser.parse_args()
    print(play_games(load_policy("pong"), asked.episodes, max_frames=asked.max_frames))
