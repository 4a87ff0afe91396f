"""Real-time policy distillation (Sun & Fazli 2019, arXiv 1912.12630): the whole loop.

Each update of the teacher goes with an update of every student. Beside DQN both learn from the same replay minibatch,
as in the paper. PQN has no replay, so its students learn from a distillation memory: recent frames with the Q-values
acted on. A frozen teacher plays into the same memory; offline distillation (Rusu et al. 2015) is that with other
settings.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from edgedistill.atari.training_env import TrainingEnvs
from edgedistill.distill.learners import Learners
from edgedistill.distill.lessons import lessons
from edgedistill.distill.students import update_student
from edgedistill.runs.config import TrainConfig
from edgedistill.teachers.acting import collect, epsilon_of_envs, student_drivers
from edgedistill.teachers.replay import ReplayMemory


@dataclass(frozen=True)
class Progress:
    """What the rollouts since the last report, and the updates after them, came to."""

    step: int
    """Agent steps so far."""
    teacher_loss: float | None
    """None while nothing was learnt, for a frozen teacher, and for one that is done."""
    student_loss: dict[str, float]
    """Mean loss by student; empty while the memory fills."""
    play_return: float | None
    """Mean return of the games that exploring players finished."""


def distil(
    config: TrainConfig, learners: Learners, memory: ReplayMemory, envs: TrainingEnvs, start_step: int
) -> Iterator[Progress]:
    """Train teacher and students from `start_step` to `config.steps`.

    The random numbers of a rollout derive from the run's seed and its step, so a resumed run draws the same.
    """
    step = start_step
    floors = config.env_epsilon_floors
    names = [student.network.architecture.name for student in learners.students]
    teacher_losses: list[float] = []
    student_losses: list[list[float]] = []
    returns: list[float] = []
    drivers = student_drivers([student.network for student in learners.students], config.student_driven, envs.count)
    ready = False
    while step < config.steps:
        play_seed, teacher_seed, student_seed = np.random.SeedSequence([config.seed, step]).spawn(3)
        if step == start_step or config.is_due(config.checkpoint_every, step):
            # A checkpoint cannot hold the emulators. All runs restart them there, so that a resumed one is the same.
            memory.cut()
            obs = envs.reset(int(play_seed.generate_state(1)[0]))
            running_return = np.zeros(config.envs)

        epsilon = floors if config.frozen else epsilon_of_envs(step, config.epsilon_decay_steps, floors)
        rollout = collect(
            envs, obs, learners.teacher.network, epsilon, np.random.default_rng(play_seed), config.rollout_length,
            running_return, drivers if ready else (),
        )  # fmt: skip
        obs = rollout.obs[-1]
        returns += rollout.finished_returns
        memory.add(rollout)
        ready = len(memory) >= (config.learning_starts or memory.capacity)
        if ready:
            learners.centre_students(memory)
        learners.set_rates(config, step)
        teacher_rng, student_rng = np.random.default_rng(teacher_seed), np.random.default_rng(student_seed)
        teacher_learns = not config.frozen and config.teacher_rate(step) > 0
        for lesson in lessons(config, learners, memory, rollout, ready, teacher_learns, teacher_rng, student_rng):
            if lesson.teacher_loss is not None:
                teacher_losses.append(lesson.teacher_loss)
            for batch in lesson.batches:
                student_losses.append([update_student(student, batch, config) for student in learners.students])

        step += config.rollout_steps
        if step % config.report_steps == 0 or step >= config.steps:
            mean_loss = np.mean(student_losses, axis=0).tolist() if student_losses else []
            yield Progress(
                step,
                float(np.mean(teacher_losses)) if teacher_losses else None,
                dict(zip(names, mean_loss, strict=False)),
                float(np.mean(returns)) if returns else None,
            )
            teacher_losses, student_losses, returns = [], [], []
