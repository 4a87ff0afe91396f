"""PQN, parallelised Q-learning (Gallici et al. 2024, arXiv 2407.04811): no replay, no target network.

N environments act for T steps; Q(λ) returns become targets; the rollout is gone over in shuffled minibatches.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edgedistill.networks.network import AtariNetwork
from edgedistill.phases import timed


@timed("targets")
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


@timed("teacher")
def update_teacher(
    teacher: AtariNetwork,
    optimiser: torch.optim.Optimizer,
    x: Tensor,
    action: Tensor,
    target: Tensor,
    *,
    max_grad_norm: float,
) -> float:
    """One gradient step on ½(Q(s, a) − G)², x (B, 64, 21, 21), action (B,), target (B,). Returns the loss."""
    q = teacher(x).gather(1, action[:, None]).squeeze(1)
    loss = 0.5 * nn.functional.mse_loss(q, target)
    optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(teacher.parameters(), max_grad_norm)
    optimiser.step()
    return loss.item()
