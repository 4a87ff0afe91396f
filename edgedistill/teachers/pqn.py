"""PQN, parallelised Q-learning (Gallici et al. 2024, arXiv 2407.04811): no replay, no target network.

N environments act for T steps; Q(λ) returns become targets; the rollout is gone over in shuffled minibatches.
"""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edgedistill.atari.blocks import blocks_to_input
from edgedistill.experience.batch import Batch
from edgedistill.experience.memory import ReplayMemory
from edgedistill.experience.rollout import Rollout
from edgedistill.networks.network import ActionNetwork, AtariNetwork
from edgedistill.profiler import results, timed
from edgedistill.runs.config import TrainConfig
from edgedistill.runs.schedule import Span, teacher_rate
from edgedistill.teachers.teacher import LearningTeacher


class PQN(LearningTeacher):
    """Learns from each rollout, with the values on which it was played."""

    def update(self, rollout: Rollout, memory: ReplayMemory, span: Span, lanes: Executor) -> Iterable[Batch]:
        """Algorithm 2 of Gallici et al. 2024. Each lane computes the gradients of a part of each minibatch.

        It shares no minibatch: on them, correlated and of one moment, students learn nothing (`experience/memory.py`).
        """
        if not self.learns(span.step):
            return ()
        config, learner = self.config, self.learner
        learner.set_rate(teacher_rate(config, span.step))
        reward = rollout.reward.clip(-1, 1)
        target = q_lambda_targets(reward, rollout.done, rollout.q, gamma=config.gamma, lam=config.lam)

        def gradients(picks: NDArray[np.int64]) -> tuple[Tensor, Sequence[Tensor]]:
            x, action, value = samples(rollout, target, picks, learner.network)
            return part_gradients(learner.network, x, action, value, config.minibatch)

        parts = config.lanes if learner.network.device.type == "cpu" else 1
        for picks in minibatches(config, np.random.default_rng(span.teacher_seed)):
            computed = results([lanes.submit(gradients, part) for part in np.array_split(picks, parts)])
            with timed("teacher"):
                learner.losses.append(gather_gradients(learner.network, computed))
                learner.step(config.max_grad_norm)
        return ()


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
    return_tp1 = best[-1]
    for t in reversed(range(len(reward))):
        bootstrap = lam * return_tp1 + (1 - lam) * best[t + 1]
        return_tp1 = target[t] = reward[t] + gamma * (1.0 - done[t]) * bootstrap
    return target


@timed("teacher")
def part_gradients(
    network: AtariNetwork, x: Tensor, action: Tensor, target: Tensor, minibatch: int
) -> tuple[Tensor, Sequence[Tensor]]:
    """A part's contribution to the loss of a minibatch of so many samples, mean ½(Q(s, a) − G)², and its gradients.

    x (B, 64, 21, 21), action (B,), target (B,). Nothing is written, so that parts can be computed beside each other.
    """
    q = network(x).gather(1, action[:, None]).squeeze(1)
    loss = 0.5 * nn.functional.mse_loss(q, target, reduction="sum") / minibatch
    return loss.detach(), torch.autograd.grad(loss, list(network.parameters()))


@timed("teacher")
def gather_gradients(network: AtariNetwork, parts: Sequence[tuple[Tensor, Sequence[Tensor]]]) -> float:
    """Give a network the gradients of a minibatch, the sum of those of `part_gradients`. Returns the loss."""
    for parameter, *gradients in zip(network.parameters(), *(part for _, part in parts), strict=True):
        if parameter.grad is None:
            # A fused optimiser reads weights and gradients in the same order of memory.
            parameter.grad = torch.empty_like(parameter)
        parameter.grad.copy_(gradients[0])
        for gradient in gradients[1:]:
            parameter.grad += gradient
    return sum(float(loss) for loss, _ in parts)


def minibatches(config: TrainConfig, rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """The samples of a rollout, counted from 0, in shuffled minibatches (B,), `epochs` times; what is left over after
    the last whole one is not learnt from."""
    for _ in range(config.epochs):
        order = rng.permutation(config.rollout_steps)
        for start in range(0, len(order) - config.minibatch + 1, config.minibatch):
            yield order[start : start + config.minibatch]


@timed("teacher")
def samples(
    rollout: Rollout, target: NDArray[np.float32], picks: NDArray[np.int64], network: ActionNetwork
) -> tuple[Tensor, Tensor, Tensor]:
    """Some samples of a rollout: x (B, 64, 21, 21), action (B,), target (B,)."""
    blocks = rollout.blocks[:-1].reshape(-1, *rollout.blocks.shape[2:])
    device = network.device
    return (
        blocks_to_input(blocks[picks], device, network.input_dtype),
        torch.from_numpy(rollout.action.reshape(-1)[picks]).to(device),
        torch.from_numpy(target.reshape(-1)[picks]).to(device),
    )
