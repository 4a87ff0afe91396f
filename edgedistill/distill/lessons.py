"""Lessons: what a rollout teaches. Each is one update of the teacher and the batches that its students learn from."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edgedistill.distill.learners import Learners
from edgedistill.distill.students import Batch
from edgedistill.networks.network import to_input
from edgedistill.phases import timed
from edgedistill.runs.config import TrainConfig
from edgedistill.teachers import dqn, pqn
from edgedistill.teachers.acting import Rollout
from edgedistill.teachers.replay import ReplayMemory


@dataclass(frozen=True)
class Lesson:
    """One step of the loop."""

    teacher_loss: float | None
    """None for a frozen teacher"""
    batches: Iterator[Batch]
    """For each student in turn; empty while students wait"""


def lessons(
    config: TrainConfig,
    learners: Learners,
    memory: ReplayMemory,
    rollout: Rollout,
    ready: bool,
    teacher_learns: bool,
    teacher_rng: np.random.Generator,
    student_rng: np.random.Generator,
) -> Iterator[Lesson]:
    """The lessons of one rollout, which is in the memory already.

    Args:
        ready: whether the memory holds enough to learn from.
        teacher_learns: False for a frozen teacher, and for one that is done while its students finish.
    """
    if config.teacher == "dqn" and teacher_learns:
        if ready:
            yield from _dqn_lessons(config, learners, memory, teacher_rng)
        return
    updates: Iterable[float | None] = (
        _pqn_updates(config, learners, rollout, teacher_rng)
        if teacher_learns
        else [None] * (config.epochs * config.rollout_steps // config.minibatch)
    )
    share = config.student_batches if teacher_learns else config.frozen_batches
    for number, loss in enumerate(updates):
        due = int((number + 1) * share) - int(number * share)
        yield Lesson(loss, _remembered(config, learners, memory, student_rng, due if ready else 0))


def _pqn_updates(
    config: TrainConfig, learners: Learners, rollout: Rollout, rng: np.random.Generator
) -> Iterator[float]:
    """The teacher's updates on a rollout (Gallici et al. 2024, algorithm 2); yields the loss of each."""
    teacher = learners.teacher
    reward = rollout.reward.clip(-1, 1)
    target = pqn.q_lambda_targets(reward, rollout.done, rollout.q, gamma=config.gamma, lam=config.lam)
    for x, action, value in minibatches(rollout, target, config, learners, rng):
        yield pqn.update_teacher(
            teacher.network, teacher.optimiser, x, action, value, max_grad_norm=config.max_grad_norm
        )


def _dqn_lessons(
    config: TrainConfig, learners: Learners, memory: ReplayMemory, rng: np.random.Generator
) -> Iterator[Lesson]:
    """An update per environment and rollout (Mnih et al. 2015, algorithm 1); students get its minibatch and values."""
    teacher = learners.teacher
    assert teacher.target is not None
    for _ in range(config.envs):
        with timed("sampling"):
            batch = Batch.of(memory.sample(config.minibatch, rng, next_frames=True), learners)
        with timed("targets"), torch.no_grad():
            following = teacher.target(batch.next_x)
            target = dqn.td_target(batch.reward, batch.done, following.amax(dim=1), config.gamma)
        loss, q = dqn.update_teacher(teacher.network, teacher.optimiser, batch.x, batch.action, target)
        teacher.update_target(config.target_update)
        yield Lesson(loss, iter([replace(batch, teacher=q, next_teacher=following)]))


def _remembered(
    config: TrainConfig, learners: Learners, memory: ReplayMemory, rng: np.random.Generator, count: int
) -> Iterator[Batch]:
    """Batches of the distillation memory, with the values on which the teacher acted."""
    next_frames = config.objective.td is not None
    for _ in range(count if learners.students else 0):
        with timed("sampling"):
            batch = Batch.of(memory.sample(config.student_batch, rng, next_frames=next_frames), learners)
        yield batch


def minibatches(
    rollout: Rollout,
    target: NDArray[np.float32],
    config: TrainConfig,
    learners: Learners,
    rng: np.random.Generator,
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """The rollout in shuffled minibatches, `epochs` times: x (B, 64, 21, 21), action (B,), target (B,)."""
    frames = rollout.obs[:-1].reshape(-1, *rollout.obs.shape[2:])
    action, flat_target = rollout.action.reshape(-1), target.reshape(-1)
    for _ in range(config.epochs):
        order = rng.permutation(len(frames))
        for start in range(0, len(order) - config.minibatch + 1, config.minibatch):
            picks = order[start : start + config.minibatch]
            with timed("teacher"):
                minibatch = (
                    to_input(frames[picks], learners.device, learners.input_dtype),
                    torch.from_numpy(action[picks]).to(learners.device),
                    torch.from_numpy(flat_target[picks]).to(learners.device),
                )
            yield minibatch
