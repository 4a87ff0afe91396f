"""A DQN in one file, as CleanRL's `dqn_atari.py` has it: what one writes with torch and Gymnasium alone.

One game, `AtariPreprocessing` and `FrameStackObservation`, the Nature network in float32, batches of 32, an update
every 4 agent steps, a target network copied every 1,000 steps, Adam at 1e-4. The ring keeps each stack of four frames
once, like CleanRL's with `optimize_memory_usage`. ε stays at 0.1, where the Nature schedule ends.
"""

from collections.abc import Iterator

import ale_py
import gymnasium
import numpy as np
import torch
from gymnasium.wrappers import AtariPreprocessing, ClipReward, FrameStackObservation
from torch import Tensor, nn

TRAIN_FREQUENCY = 4
BATCH = 32
EPSILON = 0.1
GAMMA = 0.99
TARGET_UPDATE = 1_000
LEARNING_RATE = 1e-4


class QNetwork(nn.Module):
    def __init__(self, actions: int) -> None:
        super().__init__()
        self.network = nn.Sequential(
            nn.Conv2d(4, 32, 8, stride=4), nn.ReLU(), nn.Conv2d(32, 64, 4, stride=2), nn.ReLU(),
            nn.Conv2d(64, 64, 3, stride=1), nn.ReLU(), nn.Flatten(), nn.Linear(3136, 512), nn.ReLU(),
            nn.Linear(512, actions),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        """x (B, 4, 84, 84) uint8 -> (B, A)"""
        values: Tensor = self.network(x / 255.0)
        return values


def plain_dqn(env_id: str, *, memory_frames: int, seed: int) -> Iterator[bool]:
    """Train for ever; yields after each agent step whether it learns yet, which it does once the memory is full."""
    gymnasium.register_envs(ale_py)
    env: gymnasium.Env[np.ndarray, int] = gymnasium.make(env_id, frameskip=1, repeat_action_probability=0.0)
    env = AtariPreprocessing(env, noop_max=30, frame_skip=4, screen_size=84, terminal_on_life_loss=True)
    env = FrameStackObservation(ClipReward(env, -1, 1), 4)
    actions = int(env.action_space.n)  # type: ignore[attr-defined]  # a Discrete, in Atari
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    network, target = QNetwork(actions), QNetwork(actions)
    target.load_state_dict(network.state_dict())
    optimiser = torch.optim.Adam(network.parameters(), LEARNING_RATE)
    obs = np.zeros((memory_frames, 4, 84, 84), np.uint8)
    action, reward = np.zeros(memory_frames, np.int64), np.zeros(memory_frames, np.float32)
    done = np.zeros(memory_frames, np.float32)

    obs_t, _ = env.reset(seed=seed)
    step = 0
    while True:
        row = step % memory_frames
        if rng.random() < EPSILON:
            action_t = int(rng.integers(actions))
        else:
            with torch.no_grad():
                action_t = int(network(torch.from_numpy(obs_t[None])).argmax(dim=1).item())
        obs_tp1, reward_t, terminated, truncated, _ = env.step(action_t)
        obs[row], action[row], reward[row], done[row] = obs_t, action_t, float(reward_t), terminated
        obs_t = env.reset()[0] if terminated or truncated else obs_tp1
        step += 1
        ready = step >= memory_frames
        if ready and step % TRAIN_FREQUENCY == 0:
            # Any row but the newest, whose successor is not there yet.
            picks = (row - rng.integers(1, memory_frames, BATCH)) % memory_frames
            x, following = torch.from_numpy(obs[picks]), torch.from_numpy(obs[(picks + 1) % memory_frames])
            with torch.no_grad():
                value = target(following).amax(dim=1)
                goal = torch.from_numpy(reward[picks]) + GAMMA * (1 - torch.from_numpy(done[picks])) * value
            q = network(x).gather(1, torch.from_numpy(action[picks])[:, None]).squeeze(1)
            loss = nn.functional.mse_loss(q, goal)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
        if step % TARGET_UPDATE == 0:
            target.load_state_dict(network.state_dict())
        yield ready
