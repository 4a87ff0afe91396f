"""A student in gymnasium's Pong, one game after another.

In a copy of the repository:

pip install . gymnasium opencv-python-headless
python examples/gymnasium_loop.py --episodes 3
"""

import argparse

import ale_py
import gymnasium
from gymnasium.wrappers import AtariPreprocessing, FrameStackObservation

from edgedistill import Policy, load_policy

gymnasium.register_envs(ale_py)


def play_games(
    policy: Policy, episodes: int, *, sticky: float = 0.25, deterministic: bool = True, max_frames: int = 108_000
) -> list[float]:
    """Returns of so many games; `sticky` is the environment's own default."""
    pong = gymnasium.make(
        "ALE/Pong-v5", frameskip=1, repeat_action_probability=sticky, max_num_frames_per_episode=max_frames
    )
    env = FrameStackObservation(AtariPreprocessing(pong, frame_skip=4), 4)
    returns = []
    for number in range(episodes):
        obs, _ = env.reset(seed=number)  # uint8 (4, 84, 84), the newest frame last
        total, over = 0.0, False
        while not over:
            action, _ = policy.predict(obs, deterministic=deterministic)
            obs, reward, terminated, truncated, _ = env.step(action)
            total += float(reward)
            over = terminated or truncated
        returns.append(total)
    env.close()
    return returns


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--episodes", type=int, default=3)
    parser.add_argument("--max-frames", type=int, default=108_000, help="of a game, 60 a second")
    asked = parser.parse_args()
    print(play_games(load_policy("pong"), asked.episodes, max_frames=asked.max_frames))
