"""DQN (Mnih et al. 2015): a replay memory, a target network, clipped errors."""

import torch
from torch import Tensor, nn

from edgedistill.networks.network import AtariNetwork
from edgedistill.phases import timed


def nature_rmsprop(parameters: list[nn.Parameter], learning_rate: float) -> torch.optim.Optimizer:
    """The RMSProp of the Nature table: "gradient momentum" and "squared gradient momentum" 0.95, "min squared gradient"
    0.01.

    Both momenta belong to the running mean and variance of the gradient (Graves 2013), which torch calls `centered`;
    steps themselves have none. torch adds its constant behind the root, so 0.1 = √0.01 stands for the table's 0.01.
    """
    return torch.optim.RMSprop(parameters, learning_rate, alpha=0.95, eps=0.1, centered=True, foreach=True)


@torch.no_grad()
def td_target(reward: Tensor, done: Tensor, next_value: Tensor, gamma: float) -> Tensor:
    """r + γ (1 − done) V(s'), all (B,): algorithm 1 of Mnih et al. 2015 with V(s') = max_a Q⁻(s', a)."""
    return reward + gamma * (~done) * next_value


def clipped_td_loss(value: Tensor, target: Tensor) -> Tensor:
    """Squared errors with gradients clipped to ±1, summed over the batch as the Nature agent does; (B,), (B,)."""
    return nn.functional.smooth_l1_loss(value, target, reduction="sum")


@timed("teacher")
def backward(teacher: AtariNetwork, x: Tensor, action: Tensor, target: Tensor) -> tuple[float, Tensor]:
    """The gradients of a minibatch, x (B, 64, 21, 21), action (B,), target (B,).

    Returns the mean loss, and the Q-values (B, A) that it was computed from, for students to learn from.
    """
    q = teacher(x)
    loss = clipped_td_loss(q.gather(1, action[:, None]).squeeze(1), target)
    teacher.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    return loss.item() / len(x), q.detach()
