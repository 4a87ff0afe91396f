"""PQN, parallelised Q-learning (Gallici et al. 2024, arXiv 2407.04811): no replay, no target network.

N environments act for T steps; Q(λ) returns become targets; the rollout is gone over in shuffled minibatches.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edgedistill.atari.training_env import TrainingEnvs
from edgedistill.networks.network import AtariNetwork, to_input


@dataclass(frozen=True)
class Rollout:
    """T steps of N environments."""

    obs: NDArray[np.uint8]
    """(T+1, N, 4, 84, 84); the last is what the next rollout starts from."""
    action: NDArray[np.int64]
    """(T, N)"""
    reward: NDArray[np.float32]
    """(T, N), unclipped"""
    done: NDArray[np.bool_]
    """(T, N): life lost or game over"""
    q: NDArray[np.float32]
    """(T+1, N, A): the teacher's values when it acted"""
    finished_returns: list[float]
    """Returns of the games that ended in this rollout"""


def epsilon_of_envs(step: int, decay_steps: int, floors: NDArray[np.float64]) -> NDArray[np.float64]:
    """ε of each environment (N,), falling from 1 to its own floor in a straight line over `decay_steps`."""
    progress = min(step / decay_steps, 1.0)
    return 1.0 + progress * (floors - 1.0)


@torch.inference_mode()
def collect(
    envs: TrainingEnvs,
    first_obs: NDArray[np.uint8],
    teacher: AtariNetwork,
    epsilon: NDArray[np.float64],
    rng: np.random.Generator,
    length: int,
    running_return: NDArray[np.float64],
) -> Rollout:
    """Act ε-greedily for `length` steps from `first_obs` (N, 4, 84, 84).

    `running_return` (N,) is updated in place: the rewards of each environment's game so far.
    """
    count, device = envs.count, teacher.head.weight.device
    dtype = torch.bfloat16 if teacher.bf16 else torch.float32
    obs = np.empty((length + 1, *first_obs.shape), np.uint8)
    q = np.empty((length + 1, count, envs.actions), np.float32)
    action = np.empty((length, count), np.int64)
    reward = np.empty((length, count), np.float32)
    done = np.empty((length, count), np.bool_)
    finished: list[float] = []
    obs[0] = first_obs
    for t in range(length):
        q[t] = teacher(to_input(obs[t], device, dtype)).cpu().numpy()
        random_action = rng.integers(envs.actions, size=count)
        action[t] = np.where(rng.random(count) < epsilon, random_action, q[t].argmax(axis=1))
        step = envs.step(action[t])
        obs[t + 1], reward[t], done[t] = step.obs, step.reward, step.done
        running_return += step.reward
        finished += running_return[step.game_over].tolist()
        running_return[step.game_over] = 0.0
    q[length] = teacher(to_input(obs[length], device, dtype)).cpu().numpy()
    return Rollout(obs, action, reward, done, q, finished)


def q_lambda_targets(
    reward: NDArray[np.float32],
    done: NDArray[np.bool_],
    q: NDArray[np.float32],
    *,
    gamma: float,
    lam: float,
) -> NDArray[np.float32]:
    """Peng's Q(λ) returns, computed backwards (Gallici et al. 2024, section 3.4 and algorithm 2).

    G_t = r_t + γ (1 − done_t) [λ G_{t+1} + (1 − λ) max_a Q(s_{t+1}, a)], and G_T = max_a Q(s_T, a).

    Args:
        reward: (T, N), as the teacher learns it (clipped)
        done: (T, N)
        q: (T+1, N, A)

    Returns:
        (T, N) float32
    """
    best = q.max(axis=2)
    target = np.empty_like(reward)
    following = best[-1]
    for t in reversed(range(len(reward))):
        bootstrap = lam * following + (1 - lam) * best[t + 1]
        following = target[t] = reward[t] + gamma * (1.0 - done[t]) * bootstrap
    return target


def update_teacher(
    teacher: AtariNetwork,
    optimiser: torch.optim.Optimizer,
    x: Tensor,
    action: Tensor,
    target: Tensor,
    *,
    max_grad_norm: float,
) -> float:
    """One gradient step on ½(Q(s, a) − G)², x (B, 4, 84, 84), action (B,), target (B,). Returns the loss."""
    q = teacher(x).gather(1, action[:, None]).squeeze(1)
    loss = 0.5 * nn.functional.mse_loss(q, target)
    optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(teacher.parameters(), max_grad_norm)
    optimiser.step()
    return loss.item()
