"""Real-time policy distillation (Sun & Fazli 2019, arXiv 1912.12630): the whole loop.

Updates of the teacher go with updates of every student. Beside DQN both learn from the same replay minibatch, as in
the paper. PQN has no replay, so its students learn from a distillation memory: recent frames with the Q-values
acted on. A frozen teacher plays into the same memory; offline distillation (Rusu et al. 2015) is that with other
settings.

While the students learn after a rollout, the teacher learns from it and then plays the next one: each is a job for one
of a few threads, and none writes what another one reads. So a run does not depend on how many they are.
"""

from collections.abc import Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass

import numpy as np

from edgedistill.atari.training_env import TrainingEnvs
from edgedistill.distill.learners import Learners
from edgedistill.distill.play import Play
from edgedistill.distill.updates import Losses, batches_due, update_from_memory, update_from_replay, update_on_rollout
from edgedistill.phases import timed
from edgedistill.runs.config import TrainConfig
from edgedistill.teachers.acting import Rollout
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
    config: TrainConfig,
    learners: Learners,
    memory: ReplayMemory,
    envs: TrainingEnvs,
    start_step: int,
    lanes: Executor,
) -> Iterator[Progress]:
    """Train teacher and students from `start_step` to `config.steps`, with the threads of `lanes`.

    The random numbers of a rollout derive from the run's seed and its step, so a resumed run draws the same.
    """
    step = start_step
    play = Play(config, learners, envs)
    ahead: Future[Rollout] | None = None
    losses, returns = Losses(), list[float]()
    ready = False
    while step < config.steps:
        if ahead is None:
            memory.cut()
            play.restart(step)
            ahead = lanes.submit(play.collect, step, students_act=ready)
        with timed("waiting"):
            rollout = ahead.result()
        memory.add(rollout)
        returns += rollout.finished_returns
        ready = len(memory) >= (config.learning_starts or memory.capacity)
        if ready:
            learners.centre_students(memory)
        learners.set_rates(config, step)
        teacher_learns = not config.frozen and config.teacher_rate(step) > 0
        _, *seeds = config.rollout_seeds(step)

        step += config.rollout_steps
        play.follow(rollout)
        teacher_job, student_jobs = _updates(
            config, learners, memory, rollout, ready, teacher_learns, step, seeds, lanes
        )
        if teacher_job is not None:
            with timed("waiting"):
                losses.add(teacher_job.result())
        # A checkpoint cannot hold the emulators. All runs restart them there, so that a resumed one is the same.
        goes_on = step < config.steps and not config.is_due(config.checkpoint_every, step)
        ahead = lanes.submit(play.collect, step, students_act=ready) if goes_on else None
        for job in student_jobs:
            with timed("waiting"):
                losses.add(job.result())

        if step % config.report_steps == 0 or step >= config.steps:
            if ahead is not None:
                with timed("waiting"):
                    ahead.result()  # what consumes the report has the machine to itself
            yield Progress(
                step,
                float(np.mean(losses.teacher)) if losses.teacher else None,
                {name: float(np.mean(values)) for name, values in losses.students.items()},
                float(np.mean(returns)) if returns else None,
            )
            losses, returns = Losses(), []


def _updates(
    config: TrainConfig,
    learners: Learners,
    memory: ReplayMemory,
    rollout: Rollout,
    ready: bool,
    teacher_learns: bool,
    step: int,
    seeds: list[np.random.SeedSequence],
    lanes: Executor,
) -> tuple[Future[Losses] | None, list[Future[Losses]]]:
    """Jobs of learning after a rollout, which is in the memory already and ended at `step`: that in which the teacher
    learns, and those of students alone."""
    teacher_seed, student_seed = seeds
    teacher_job, student_jobs = None, list[Future[Losses]]()
    if teacher_learns and config.teacher == "dqn":
        if ready:
            rng = np.random.default_rng(teacher_seed)
            teacher_job = lanes.submit(update_from_replay, config, learners, memory, rng)
        return teacher_job, student_jobs
    if teacher_learns:
        rng = np.random.default_rng(teacher_seed)
        teacher_job = lanes.submit(update_on_rollout, config, learners, rollout, rng)
    if ready:
        batches = batches_due(config, step, teacher_learns)
        # Two jobs, so that no lane is idle beside a teacher that is done; both draw the same batches.
        for students in filter(None, (learners.students[::2], learners.students[1::2])):
            rng = np.random.default_rng(student_seed)
            student_jobs.append(lanes.submit(update_from_memory, config, learners, students, memory, batches, rng))
    return teacher_job, student_jobs
