"""Real-time policy distillation (Sun & Fazli 2019, arXiv 1912.12630) beside a PQN teacher: the whole loop.

Each teacher update goes with one update of every student. Where the paper's DQN gives both the same replay minibatch,
PQN has no replay, so students learn from a distillation memory of recent frames and the Q-values acted on.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edgedistill.atari.training_env import TrainingEnvs
from edgedistill.distill.learners import Learner, Learners
from edgedistill.distill.losses import forward_kl
from edgedistill.distill.memory import DistillationMemory
from edgedistill.networks.network import to_input
from edgedistill.runs.config import TrainConfig
from edgedistill.teachers.pqn import Rollout, collect, epsilon_of_envs, q_lambda_targets, update_teacher


@dataclass(frozen=True)
class Progress:
    """What one rollout and the updates after it came to."""

    step: int
    """Agent steps so far."""
    teacher_loss: float
    student_kl: dict[str, float]
    """Mean KL(teacher ‖ student) in nats, by student; empty while the memory fills."""
    play_return: float | None
    """Mean return of the games that the exploring teacher finished in this rollout."""


def distil(
    config: TrainConfig, learners: Learners, memory: DistillationMemory, envs: TrainingEnvs, start_step: int
) -> Iterator[Progress]:
    """Train teacher and students from `start_step` to `config.steps`, one rollout at a time.

    The random numbers of a rollout derive from the run's seed and its step, so a resumed run draws the same.
    """
    step = start_step
    floors = config.env_epsilon_floors
    teacher = learners.teacher
    while step < config.steps:
        play_seed, teacher_seed, student_seed = np.random.SeedSequence([config.seed, step]).spawn(3)
        if step == start_step or config.is_due(config.checkpoint_every, step):
            # A checkpoint cannot hold the emulators. All runs restart them there, so that a resumed one is the same.
            obs = envs.reset(int(play_seed.generate_state(1)[0]))
            running_return = np.zeros(config.envs)

        epsilon = epsilon_of_envs(step, config.epsilon_decay_steps, floors)
        play_rng = np.random.default_rng(play_seed)
        rollout = collect(envs, obs, teacher.network, epsilon, play_rng, config.rollout_length, running_return)
        obs = rollout.obs[-1]
        # Rewards are clipped to ±1 for learning only (Mnih et al. 2015).
        reward = rollout.reward.clip(-1, 1)
        target = q_lambda_targets(reward, rollout.done, rollout.q, gamma=config.gamma, lam=config.lam)
        memory.add(rollout)
        # Until the memory is full students wait: fewer frames, all from one moment, would be learnt by heart.
        teach = bool(learners.students) and len(memory) == memory.capacity
        if teach:
            learners.centre_students(memory)
            learners.set_student_rate(config.student_rate(step))

        teacher_losses, student_losses = [], []
        student_rng = np.random.default_rng(student_seed)
        for x, action, value in minibatches(rollout, target, config, learners, np.random.default_rng(teacher_seed)):
            loss = update_teacher(
                teacher.network, teacher.optimiser, x, action, value, max_grad_norm=config.max_grad_norm
            )
            teacher_losses.append(loss)
            if teach:
                frames, q = memory.sample(config.student_batch, student_rng)
                x = to_input(frames, learners.device, learners.input_dtype)
                teacher_q = torch.from_numpy(q).to(learners.device)
                student_losses.append([update_student(student, x, teacher_q, config) for student in learners.students])

        step += config.rollout_steps
        names = [student.network.architecture.name for student in learners.students]
        mean_kl = np.mean(student_losses, axis=0).tolist() if student_losses else []
        finished = rollout.finished_returns
        yield Progress(
            step,
            float(np.mean(teacher_losses)),
            dict(zip(names, mean_kl, strict=False)),
            float(np.mean(finished)) if finished else None,
        )


def minibatches(
    rollout: Rollout,
    target: NDArray[np.float32],
    config: TrainConfig,
    learners: Learners,
    rng: np.random.Generator,
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """The rollout in shuffled minibatches, `epochs` times: x (B, 4, 84, 84), action (B,), target (B,)."""
    frames = rollout.obs[:-1].reshape(-1, *rollout.obs.shape[2:])
    action, flat_target = rollout.action.reshape(-1), target.reshape(-1)
    for _ in range(config.epochs):
        order = rng.permutation(len(frames))
        for start in range(0, len(order) - config.minibatch + 1, config.minibatch):
            picks = order[start : start + config.minibatch]
            yield (
                to_input(frames[picks], learners.device, learners.input_dtype),
                torch.from_numpy(action[picks]).to(learners.device),
                torch.from_numpy(flat_target[picks]).to(learners.device),
            )


def update_student(student: Learner, x: Tensor, teacher_q: Tensor, config: TrainConfig) -> float:
    """One gradient step towards the teacher, x (B, 4, 84, 84), teacher_q (B, A). Returns the KL in nats."""
    loss = forward_kl(student.network(x), teacher_q, config.temperature)
    student.optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(student.network.parameters(), config.student_max_grad_norm)
    student.optimiser.step()
    return loss.item()
