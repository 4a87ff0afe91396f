"""What is learnt after a rollout: the updates of the teacher, and those of its students."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edgedistill.distill.learners import Learner, Learners
from edgedistill.distill.students import Batch, update_student
from edgedistill.networks.network import AtariNetwork, acting_copy, to_input
from edgedistill.phases import timed
from edgedistill.runs.config import TrainConfig
from edgedistill.teachers import dqn, pqn
from edgedistill.teachers.acting import Rollout
from edgedistill.teachers.replay import ReplayMemory

# Of a rollout, that the averaged teacher looks at in turn: 260 of 2,080 frames, as many as fill a core.
PARTS = 8


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


def taught(learners: Learners, rollout: Rollout, lanes: Executor) -> Rollout:
    """A rollout as students learn from it: with the values of the averaged teacher, where there is one.

    They change less from rollout to rollout than those on which a teacher that learns has acted.
    """
    average = learners.teacher.average
    if average is None:
        return rollout
    network = acting_copy(average)
    jobs = [
        lanes.submit(values, network, obs, learners)
        for obs in np.array_split(rollout.obs, min(PARTS, len(rollout.obs)))
    ]
    with timed("waiting"):
        return replace(rollout, q=np.concatenate([job.result() for job in jobs]))


@timed("acting")
@torch.inference_mode()
def values(network: AtariNetwork, obs: NDArray[np.uint8], learners: Learners) -> NDArray[np.float32]:
    """A network's values of some steps of all environments: (T, N, 4, 84, 84) -> (T, N, A)."""
    frames = obs.reshape(-1, *obs.shape[2:])
    found: NDArray[np.float32] = network(to_input(frames, learners.device, learners.input_dtype)).cpu().numpy()
    return found.reshape(*obs.shape[:2], -1)


def update_on_rollout(
    config: TrainConfig, learners: Learners, rollout: Rollout, rng: np.random.Generator, lanes: Executor
) -> Losses:
    """PQN's updates on a rollout (Gallici et al. 2024, algorithm 2), with the values on which it was played.

    Each lane computes the gradients of a part of each minibatch.
    """
    teacher, losses = learners.teacher, Losses()
    reward = rollout.reward.clip(-1, 1)
    target = pqn.q_lambda_targets(reward, rollout.done, rollout.q, gamma=config.gamma, lam=config.lam)

    def gradients(picks: NDArray[np.int64]) -> tuple[Tensor, Sequence[Tensor]]:
        x, action, value = samples(rollout, target, picks, learners)
        return pqn.part_gradients(teacher.network, x, action, value, config.minibatch)

    parts = config.lanes if learners.device.type == "cpu" else 1
    for picks in minibatches(config, rng):
        jobs = [lanes.submit(gradients, part) for part in np.array_split(picks, parts)]
        with timed("waiting"):
            computed = [job.result() for job in jobs]
        with timed("teacher"):
            losses.teacher.append(pqn.gather_gradients(teacher.network, computed))
            teacher.step(config.max_grad_norm)
    return losses


def minibatches(config: TrainConfig, rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """The samples of a rollout, counted from 0, in shuffled minibatches (B,), `epochs` times."""
    for _ in range(config.epochs):
        order = rng.permutation(config.rollout_steps)
        for start in range(0, len(order) - config.minibatch + 1, config.minibatch):
            yield order[start : start + config.minibatch]


@timed("teacher")
def samples(
    rollout: Rollout, target: NDArray[np.float32], picks: NDArray[np.int64], learners: Learners
) -> tuple[Tensor, Tensor, Tensor]:
    """Some samples of a rollout: x (B, 64, 21, 21), action (B,), target (B,)."""
    frames = rollout.obs[:-1].reshape(-1, *rollout.obs.shape[2:])
    device = learners.device
    return (
        to_input(frames[picks], device, learners.input_dtype),
        torch.from_numpy(rollout.action.reshape(-1)[picks]).to(device),
        torch.from_numpy(target.reshape(-1)[picks]).to(device),
    )


def update_students(
    config: TrainConfig,
    learners: Learners,
    memory: ReplayMemory,
    batches: int,
    seed: np.random.SeedSequence,
    lanes: Executor,
) -> list[Future[Losses]]:
    """Jobs of updating the students from the distillation memory: one per lane, each drawing the same batches."""
    return [
        lanes.submit(update_from_memory, config, learners, students, memory, batches, np.random.default_rng(seed))
        for students in shares(learners.students, config.lanes)
    ]


def shares(students: Sequence[Learner], count: int) -> list[Sequence[Learner]]:
    """The students dealt out in up to `count` shares."""
    # In turn: sizes differ more than times do, most of which the first layer and the optimiser take.
    return [students[number::count] for number in range(min(count, len(students)))]


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
    config: TrainConfig, learners: Learners, memory: ReplayMemory, rng: np.random.Generator, lanes: Executor
) -> Losses:
    """DQN's updates after a rollout, one per environment (Mnih et al. 2015, algorithm 1). Each goes with an update of
    every student on the same minibatch, with the teacher's values of that moment (Sun & Fazli 2019), while the teacher
    is at the next one."""
    losses, student_jobs = Losses(), list[Future[Losses]]()
    for _ in range(config.envs):
        teacher_job = lanes.submit(_update_dqn, config, learners, memory, rng)
        with timed("waiting"):
            for job in student_jobs:
                losses.add(job.result())
            loss, batch = teacher_job.result()
        losses.teacher.append(loss)
        student_jobs = [
            lanes.submit(_update_students, config, share, batch) for share in shares(learners.students, config.lanes)
        ]
    with timed("waiting"):
        for job in student_jobs:
            losses.add(job.result())
    return losses


def _update_dqn(
    config: TrainConfig, learners: Learners, memory: ReplayMemory, rng: np.random.Generator
) -> tuple[float, Batch]:
    """One update of DQN's teacher: its loss, and the minibatch with the teacher's values, from before."""
    teacher = learners.teacher
    assert teacher.target is not None
    with timed("sampling"):
        batch = Batch.of(memory.sample(config.minibatch, rng, next_frames=True), learners)
    with timed("targets"), torch.no_grad():
        following = teacher.target(batch.next_x)
        target = dqn.td_target(batch.reward, batch.done, following.amax(dim=1), config.gamma)
    with timed("teacher"):
        loss, q = dqn.backward(teacher.network, batch.x, batch.action, target)
        teacher.step(None)  # the gradients of errors are clipped instead
    teacher.update_target(config.target_update)
    return loss, replace(batch, teacher=q, next_teacher=following)


def batches_due(config: TrainConfig, step: int, teacher_learns: bool) -> int:
    """Student updates after the rollout that ends at `step`: a share of the teacher's, or a multiple of what those
    would have been."""
    updates = config.epochs * (config.rollout_steps // config.minibatch)
    share = config.student_batches if teacher_learns else config.frozen_batches
    rollout = step // config.rollout_steps
    return int(rollout * updates * share) - int((rollout - 1) * updates * share)


def _update_students(config: TrainConfig, students: Sequence[Learner], batch: Batch) -> Losses:
    return Losses(
        students={student.network.architecture.name: [update_student(student, batch, config)] for student in students}
    )
