"""A student in stable-baselines3's evaluate_policy, as one of its own models.

In a copy of the repository:

pip install . stable-baselines3 opencv-python-headless
python examples/evaluate_policy.py --episodes 8
"""

import argparse

from stable_baselines3.common.env_util import make_atari_env
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.vec_env import VecFrameStack

from edgedistill import Policy, load_policy


def play_games(policy: Policy, episodes: int, *, max_frames: int = 108_000) -> list[float]:
    """Returns of so many games, in eight environments one after another."""
    emulator = {"max_num_frames_per_episode": max_frames}
    env = VecFrameStack(make_atari_env("PongNoFrameskip-v4", n_envs=8, seed=0, env_kwargs=emulator), n_stack=4)
    returns, _ = evaluate_policy(policy, env, n_eval_episodes=episodes, return_episode_rewards=True)
    env.close()
    assert isinstance(returns, list)
    return [float(each) for each in returns]


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--episodes", type=int, default=8)
    parser.add_argument("--max-frames", type=int, default=108_000, help="of a game, 60 a second")
    asked = parser.parse_args()
    print(play_games(load_policy("pong"), asked.episodes, max_frames=asked.max_frames))
