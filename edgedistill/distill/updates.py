"""What is learnt after a rollout: the updates of the teacher, and those of its students."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edgedistill.distill.learners import Learner, Learners
from edgedistill.distill.students import Batch, update_student
from edgedistill.networks.network import to_input
from edgedistill.phases import timed
from edgedistill.runs.config import TrainConfig
from edgedistill.teachers import dqn, pqn
from edgedistill.teachers.acting import Rollout
from edgedistill.teachers.replay import ReplayMemory


@dataclass
class Losses:
    """The losses of some updates, in order."""

    teacher: list[float] = field(default_factory=list)
    students: dict[str, list[float]] = field(default_factory=dict)
    """By name"""

    def add(self, other: "Losses") -> None:
        self.teacher += other.teacher
        for name, losses in other.students.items():
            self.students.setdefault(name, []).extend(losses)


def update_on_rollout(config: TrainConfig, learners: Learners, rollout: Rollout, rng: np.random.Generator) -> Losses:
    """PQN's updates on a rollout (Gallici et al. 2024, algorithm 2), with the values on which it was played."""
    teacher = learners.teacher
    with timed("targets"):
        reward = rollout.reward.clip(-1, 1)
        target = pqn.q_lambda_targets(reward, rollout.done, rollout.q, gamma=config.gamma, lam=config.lam)
    return Losses(
        [
            pqn.update_teacher(teacher.network, teacher.optimiser, x, action, value, max_grad_norm=config.max_grad_norm)
            for x, action, value in minibatches(rollout, target, config, learners, rng)
        ]
    )


def update_from_memory(
    config: TrainConfig,
    learners: Learners,
    students: Sequence[Learner],
    memory: ReplayMemory,
    batches: int,
    rng: np.random.Generator,
) -> Losses:
    """Updates of some students on batches of the distillation memory, with the values on which the teacher acted."""
    losses = Losses()
    for _ in range(batches):
        with timed("sampling"):
            sample = memory.sample(config.student_batch, rng, next_frames=config.objective.td is not None)
            batch = Batch.of(sample, learners)
        losses.add(_update_students(config, students, batch))
    return losses


def update_from_replay(
    config: TrainConfig, learners: Learners, memory: ReplayMemory, rng: np.random.Generator
) -> Losses:
    """DQN's updates after a rollout, one per environment (Mnih et al. 2015, algorithm 1). Each goes with an update of
    every student on the same minibatch, with the teacher's values of that moment (Sun & Fazli 2019)."""
    teacher, losses = learners.teacher, Losses()
    assert teacher.target is not None
    for _ in range(config.envs):
        with timed("sampling"):
            batch = Batch.of(memory.sample(config.minibatch, rng, next_frames=True), learners)
        with timed("targets"), torch.no_grad():
            following = teacher.target(batch.next_x)
            target = dqn.td_target(batch.reward, batch.done, following.amax(dim=1), config.gamma)
        loss, q = dqn.update_teacher(teacher.network, teacher.optimiser, batch.x, batch.action, target)
        teacher.update_target(config.target_update)
        losses.teacher.append(loss)
        losses.add(_update_students(config, learners.students, replace(batch, teacher=q, next_teacher=following)))
    return losses


def batches_due(config: TrainConfig, step: int, teacher_learns: bool) -> int:
    """Student updates after the rollout that ends at `step`: a share of the teacher's, or a multiple of what those
    would have been."""
    updates = config.epochs * (config.rollout_steps // config.minibatch)
    share = config.student_batches if teacher_learns else config.frozen_batches
    rollout = step // config.rollout_steps
    return int(rollout * updates * share) - int((rollout - 1) * updates * share)


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


def _update_students(config: TrainConfig, students: Sequence[Learner], batch: Batch) -> Losses:
    return Losses(
        students={student.network.architecture.name: [update_student(student, batch, config)] for student in students}
    )
