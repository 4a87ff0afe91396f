"""When what is done in a run: it goes from rollout to rollout, and all that is due follows from the agent step."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

import numpy as np

from edgedistill.atari.emulator import FRAME_SKIP, MAX_FRAMES
from edgedistill.runs.config import TrainConfig

# Agent steps before the first evaluation, where `evaluate_every` is twice that or more.
FIRST_EVALUATION = 50_000
# What a rollout takes, in updates of one student, per update that a learning teacher makes on it: its play and the
# teacher's update. Rough, on a CPU (docs/decisions.md).
PLAY_COST = 1.0
TEACHER_COST = 4.0
# Agent steps of a game after which all begin anew: as many as a game of the evaluation may take.
GAME_STEPS = MAX_FRAMES // FRAME_SKIP


@dataclass(frozen=True)
class Span:
    """One rollout of a run with the updates after it."""

    config: TrainConfig
    step: int
    """Agent step at which it begins"""
    restarts: bool
    """Whether all games begin anew with it.

    A checkpoint cannot hold the emulators. A resumed run plays again what was done since the games began; so that this
    takes minutes, not hours, all runs restart them from time to time (`restart_due`).
    """

    @property
    def end(self) -> int:
        """Agent step at which it ends."""
        return self.step + self.config.rollout_steps

    @property
    def next(self) -> "Span | None":
        """The rollout that may begin while students learn from this one. None where a checkpoint is due, which holds no
        rollout that has begun."""
        is_last = self.end >= self.config.steps or checkpoint_due(self.config, self.end)
        return None if is_last else Span(self.config, self.end, restarts=False)

    @property
    def play_seed(self) -> np.random.SeedSequence:
        return rollout_seeds(self.config, self.step)[0]

    @property
    def teacher_seed(self) -> np.random.SeedSequence:
        return rollout_seeds(self.config, self.step)[1]

    @property
    def student_seed(self) -> np.random.SeedSequence:
        return rollout_seeds(self.config, self.step)[2]

    @property
    def teacher_learns(self) -> bool:
        return teacher_learns(self.config, self.step)

    @property
    def memory_batches(self) -> int:
        """Student updates from the memory after it: a share of the teacher's, or a multiple of what those would have
        been. 0 where students share the teacher's own minibatches."""
        config = self.config
        if self.teacher_learns and config.kind.from_replay:
            return 0
        # A DQN that learns makes an update for each game; a frozen teacher of any kind counts as PQN by its defaults.
        pqn = TrainConfig if config.frozen else config
        of_pqn = pqn.epochs * config.rollout_steps / pqn.minibatch
        updates = config.envs if config.kind.from_replay and not config.frozen else of_pqn
        share = config.student_batches if self.teacher_learns else config.frozen_batches
        rollout = self.end // config.rollout_steps
        return int(rollout * updates * share) - int((rollout - 1) * updates * share)

    @property
    def report_due(self) -> bool:
        return self.end % self.config.report_steps == 0 or self.end >= self.config.steps


def rollouts(config: TrainConfig, start_step: int, *, restarts: bool = True) -> Iterator[Span]:
    """The rollouts of a run from `start_step` to its last; `restarts` says whether its games begin anew there."""
    span = Span(config, start_step, restarts)
    while span.step < config.steps:
        yield span
        span = span.next or Span(config, span.end, restart_due(config, span.end))


def is_due(config: TrainConfig, every: int, step: int) -> bool:
    """Whether `step`, a multiple of `report_steps`, is one at which something due `every` steps happens."""
    return step % _in_reports(config, every) == 0


def checkpoint_due(config: TrainConfig, step: int) -> bool:
    """Whether the run is saved at an agent step."""
    return is_due(config, config.checkpoint_every, step) or is_handover(config, step)


def restart_due(config: TrainConfig, step: int) -> bool:
    """Whether all games begin anew at an agent step: at the first regular checkpoint after `GAME_STEPS` of each."""
    saved_every = _in_reports(config, config.checkpoint_every)
    return step % (saved_every * ceil(GAME_STEPS * config.envs / saved_every)) == 0


def evaluation_due(config: TrainConfig, step: int) -> bool:
    """Whether `step`, a multiple of `report_steps`, is one at which the networks are scored."""
    is_first = step - config.report_steps < first_evaluation(config) <= step
    is_early = first_evaluation(config) < config.evaluate_every
    return (is_first and is_early) or is_due(config, config.evaluate_every, step) or is_handover(config, step)


def first_evaluation(config: TrainConfig) -> int:
    """Agent steps before the first evaluation. It comes early, and tells whether the run learns at all."""
    return FIRST_EVALUATION if config.evaluate_every >= 2 * FIRST_EVALUATION else config.evaluate_every


def teacher_end(config: TrainConfig) -> float:
    """Agent step from which the teacher learns no more."""
    if config.frozen:
        return 0.0
    if config.teacher_cooldown == 0:
        return float("inf")
    # The teacher is done when its students begin to finish: they then copy one that no longer moves.
    return config.steps * (1 - config.student_cooldown) if config.students else config.steps


def teacher_rate(config: TrainConfig, step: int) -> float:
    """The teacher's learning rates at an agent step, as a share of the full ones."""
    if config.teacher_cooldown == 0:
        return 1.0
    return _line(step, teacher_end(config), config.teacher_cooldown * config.steps)


def teacher_learns(config: TrainConfig, step: int) -> bool:
    """Whether the teacher learns from what is played at an agent step."""
    return step < teacher_end(config)


def steps_to_go(config: TrainConfig, step: int, *, students_learn: bool = True) -> float:
    """Agent steps from `step` to the end of a run, those that take longer than one at `step` counted for more.

    Beside a teacher that is done, students take more batches; while the memory fills, none (`students_learn`).
    """
    learning = max(0.0, min(teacher_end(config), config.steps) - step)
    finishing = max(0, config.steps - step) - learning
    work = learning * _step_cost(config, True) + finishing * _step_cost(config, False)
    return work / _step_cost(config, teacher_learns(config, step), students_learn)


def is_handover(config: TrainConfig, step: int) -> bool:
    """Whether an agent step is the first multiple of `report_steps` at which the teacher learns no more.

    It is scored there, and from there on the best teacher of the run teaches.
    """
    is_report = step % config.report_steps == 0
    return is_report and teacher_learns(config, step - config.report_steps) and not teacher_learns(config, step)


def student_rate(config: TrainConfig, step: int) -> float:
    """The students' learning rates at an agent step, as a share of the full ones."""
    return _line(step, config.steps, config.student_cooldown * config.steps)


def students_in_integers(config: TrainConfig, step: int) -> bool:
    """Whether students compute with the integers of their export at an agent step."""
    return step >= config.steps * (1 - config.student_integers)


def rollout_seeds(config: TrainConfig, step: int) -> list[np.random.SeedSequence]:
    """Of the rollout that begins at `step`: for its play, the teacher's updates on it, and the students'."""
    return np.random.SeedSequence([config.seed, step]).spawn(3)


def _in_reports(config: TrainConfig, every: int) -> int:
    """As many agent steps as the whole number of reports that comes closest."""
    return max(1, round(every / config.report_steps)) * config.report_steps


def _step_cost(config: TrainConfig, teacher_learns: bool, students_learn: bool = True) -> float:
    """What an agent step takes, beside a teacher that learns or not, as a multiple of a unit of its own."""
    batches = config.student_batches if teacher_learns else config.frozen_batches
    students = len(config.students) * batches if students_learn else 0.0
    return PLAY_COST + (TEACHER_COST if teacher_learns else 0.0) + students


def _line(step: int, end: float, length: float) -> float:
    """1, falling in a straight line over the last `length` steps before `end` to 0."""
    return min(1.0, max(0.0, (end - step) / max(length, 1.0)))
