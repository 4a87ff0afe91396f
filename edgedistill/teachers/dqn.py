"""DQN (Mnih et al. 2015): a replay memory, a target network, clipped errors."""

from collections.abc import Iterable
from concurrent.futures import Executor
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from edgedistill.experience.batch import Batch
from edgedistill.experience.memory import ReplayMemory
from edgedistill.experience.rollout import Rollout
from edgedistill.networks.network import AtariNetwork
from edgedistill.profiler import results, timed
from edgedistill.runs.schedule import Span, teacher_rate
from edgedistill.teachers.teacher import LearningTeacher


class DQN(LearningTeacher):
    """Learns from minibatches of its replay memory, which its students share."""

    def update(self, rollout: Rollout, memory: ReplayMemory, span: Span, lanes: Executor) -> Iterable[Batch]:
        """One update per environment (Mnih et al. 2015, algorithm 1), once the memory has enough.

        Gives each minibatch with the teacher's values of that moment (Sun & Fazli 2019); where a lane is free, the
        teacher is at the next one while students learn from it.
        """
        if self.learns(span.step) and memory.is_ready(self.config.learning_starts):
            self.learner.set_rate(teacher_rate(self.config, span.step))
            rng = np.random.default_rng(span.teacher_seed)
            for _ in range(self.config.envs):
                (batch,) = results([lanes.submit(self._learn, memory, rng)])
                yield batch

    def _learn(self, memory: ReplayMemory, rng: np.random.Generator) -> Batch:
        """One update. Returns its minibatch with the values from before."""
        config, learner = self.config, self.learner
        assert learner.target is not None
        network = learner.network
        with timed("sampling"):
            sample = memory.sample(config.minibatch, rng, with_next=True)
            batch = Batch.of(sample, network.device, network.input_dtype)
        with timed("targets"), torch.no_grad():
            q_tp1 = learner.target(batch.x_tp1)
            target = td_target(batch.reward_t, batch.done_t, q_tp1.amax(dim=1), config.gamma)
        with timed("teacher"):
            loss, q_t = backward(network, batch.x_t, batch.action_t, target)
            learner.step(None)  # the gradients of errors are clipped instead
        learner.update_target(config.target_update)
        learner.losses.append(loss)
        return replace(batch, q_t=q_t, q_tp1=q_tp1)


@torch.no_grad()
def td_target(reward_t: Tensor, done_t: Tensor, v_tp1: Tensor, gamma: float) -> Tensor:
    """r + γ (1 − done) V(s'), all (B,): algorithm 1 of Mnih et al. 2015 with V(s') = max_a Q⁻(s', a)."""
    return reward_t + gamma * (~done_t) * v_tp1


def clipped_td_loss(value: Tensor, target: Tensor) -> Tensor:
    """Squared errors with gradients clipped to ±1, summed over the batch as the Nature agent does; (B,), (B,)."""
    return nn.functional.smooth_l1_loss(value, target, reduction="sum")


@timed("teacher")
def backward(network: AtariNetwork, x: Tensor, action: Tensor, target: Tensor) -> tuple[float, Tensor]:
    """The gradients of a minibatch, x (B, 64, 21, 21), action (B,), target (B,).

    Returns the mean loss, and the Q-values (B, A) that it was computed from, for students to learn from.
    """
    q = network(x)
    loss = clipped_td_loss(q.gather(1, action[:, None]).squeeze(1), target)
    network.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    return loss.item() / len(x), q.detach()
