"""When what is done in a run: it goes from rollout to rollout, and all that is due follows from the agent step."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from edgedistill.runs.config import TrainConfig


@dataclass(frozen=True)
class Span:
    """One rollout of a run with the updates after it."""

    config: TrainConfig
    step: int
    """Agent step at which it begins"""
    restarts: bool
    """Whether all games begin anew with it.

    A checkpoint cannot hold the emulators. All runs restart them there, so that a resumed one is the same.
    """

    @property
    def end(self) -> int:
        """Agent step at which it ends."""
        return self.step + self.config.rollout_steps

    @property
    def next(self) -> "Span | None":
        """The rollout that follows without a restart, if one does."""
        after = Span(self.config, self.end, self.config.is_due(self.config.checkpoint_every, self.end))
        return after if self.end < self.config.steps and not after.restarts else None

    @property
    def play_seed(self) -> np.random.SeedSequence:
        return self.config.rollout_seeds(self.step)[0]

    @property
    def teacher_seed(self) -> np.random.SeedSequence:
        return self.config.rollout_seeds(self.step)[1]

    @property
    def student_seed(self) -> np.random.SeedSequence:
        return self.config.rollout_seeds(self.step)[2]

    @property
    def teacher_learns(self) -> bool:
        return self.config.teacher_learns(self.step)

    @property
    def memory_batches(self) -> int:
        """Student updates from the memory after it: a share of the teacher's, or a multiple of what those would have
        been. None where students share the teacher's own minibatches."""
        config = self.config
        if self.teacher_learns and config.kind.from_replay:
            return 0
        updates = config.epochs * (config.rollout_steps // config.minibatch)
        share = config.student_batches if self.teacher_learns else config.frozen_batches
        rollout = self.end // config.rollout_steps
        return int(rollout * updates * share) - int((rollout - 1) * updates * share)

    @property
    def report_due(self) -> bool:
        return self.end % self.config.report_steps == 0 or self.end >= self.config.steps


def rollouts(config: TrainConfig, start_step: int) -> Iterator[Span]:
    """The rollouts of a run from `start_step`, where its games begin, to its last."""
    span = Span(config, start_step, restarts=True)
    while span.step < config.steps:
        yield span
        span = span.next or Span(config, span.end, restarts=True)
