"""Real-time policy distillation (Sun & Fazli 2019, arXiv 1912.12630): the whole loop.

Updates of the teacher go with updates of every student. Beside DQN both learn from the same replay minibatch, as in
the paper. PQN has no replay, so its students learn from a distillation memory: recent frames with the Q-values
acted on. A frozen teacher plays into the same memory; offline distillation (Rusu et al. 2015) is that with other
settings.

After each rollout the teacher learns from it; then it plays the next one while the students learn. All is cut into jobs
for a few threads, of which none writes what another one reads.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np

from edgedistill.atari.training_env import TrainingEnvs
from edgedistill.distill.learners import Learners
from edgedistill.distill.play import Play
from edgedistill.distill.updates import (
    Losses,
    batches_due,
    taught,
    update_from_replay,
    update_on_rollout,
    update_students,
)
from edgedistill.phases import timed
from edgedistill.runs.config import TrainConfig
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
    envs: Sequence[TrainingEnvs],
    start_step: int,
    lanes: Executor,
) -> Iterator[Progress]:
    """Train teacher and students from `start_step` to `config.steps`, with the threads of `lanes`.

    The random numbers of a rollout derive from the run's seed and its step, so a resumed run draws the same.
    """
    step = start_step
    play = Play(config, learners, envs, lanes)
    playing = ready = False
    losses, returns = Losses(), list[float]()
    while step < config.steps:
        if not playing:
            memory.cut()
            play.restart(step)
            play.begin(step, students_ready=ready)
        with timed("waiting"):
            rollout = play.finish()
        teacher_learns = config.teacher_learns(step)
        memory.add(taught(learners, rollout, lanes) if teacher_learns and learners.students else rollout)
        returns += rollout.finished_returns
        ready = len(memory) >= (config.learning_starts or memory.capacity)
        if ready:
            learners.centre_students(memory)
        if ready and config.students_in_integers(step):
            learners.round_students(memory)
        learners.set_rates(config, step)
        _, teacher_seed, student_seed = config.rollout_seeds(step)
        step += config.rollout_steps

        rng = np.random.default_rng(teacher_seed)
        on_replay = config.teacher == "dqn" and teacher_learns
        if on_replay and ready:
            losses.add(update_from_replay(config, learners, memory, rng, lanes))
        elif teacher_learns and not on_replay:
            losses.add(update_on_rollout(config, learners, rollout, rng, lanes))
        # A checkpoint cannot hold the emulators. All runs restart them there, so that a resumed one is the same.
        playing = step < config.steps and not config.is_due(config.checkpoint_every, step)
        if playing:
            play.begin(step, students_ready=ready)
        if ready and not on_replay:
            batches = batches_due(config, step, teacher_learns)
            for job in update_students(config, learners, memory, batches, student_seed, lanes):
                with timed("waiting"):
                    losses.add(job.result())

        if step % config.report_steps == 0 or step >= config.steps:
            with timed("waiting"):
                play.wait()  # what consumes the report has the machine to itself
            yield Progress(
                step,
                float(np.mean(losses.teacher)) if losses.teacher else None,
                {name: float(np.mean(values)) for name, values in losses.students.items()},
                float(np.mean(returns)) if returns else None,
            )
            losses, returns = Losses(), []
