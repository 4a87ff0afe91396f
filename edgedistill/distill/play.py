"""The play of a run: who acts in its games, and from where the next rollout goes on."""

from collections.abc import Sequence
from concurrent.futures import Executor, Future, wait

import numpy as np

from edgedistill.atari.training_env import TrainingEnvs
from edgedistill.distill.learners import Learners
from edgedistill.networks.network import acting_copy
from edgedistill.runs.config import TrainConfig
from edgedistill.teachers.acting import Driver, Rollout, collect, epsilon_of_envs, student_envs


def env_groups(config: TrainConfig) -> list[TrainingEnvs]:
    """The environments of a run, dealt out in a group for each lane."""
    parts = np.array_split(np.arange(config.envs), config.lanes)
    return [TrainingEnvs(config.game, len(part), threads=config.lane_threads, sticky=config.sticky) for part in parts]


class Play:
    """All games of a run, in groups that are played beside each other."""

    def __init__(
        self, config: TrainConfig, learners: Learners, groups: Sequence[TrainingEnvs], lanes: Executor
    ) -> None:
        self._config, self._learners, self._groups, self._lanes = config, learners, groups, lanes
        ends = np.cumsum([group.count for group in groups]).tolist()
        self._slices = [slice(end - group.count, end) for group, end in zip(groups, ends, strict=True)]
        self._running_return = np.zeros(config.envs)
        self._student_envs = student_envs(len(learners.students), config.student_driven, config.envs)
        self._jobs: list[Future[None]] = []

    def restart(self, step: int) -> None:
        """Restart all games; the next rollout begins at `step`."""
        seeds = self._seeds(step)
        resets = [
            self._lanes.submit(group.reset, int(seed.generate_state(1)[0]))
            for group, seed in zip(self._groups, seeds, strict=True)
        ]
        self._obs = np.concatenate([reset.result() for reset in resets])
        self._running_return[:] = 0.0

    def begin(self, step: int, *, students_ready: bool) -> None:
        """Play the rollout that begins at `step`, by the networks as they are now.

        Students that have learnt act in games of theirs, but for those from which the teacher learns: its Q(λ)
        targets follow what was done, so others' actions would be taken for its own.
        """
        config, learners = self._config, self._learners
        floors = config.env_epsilon_floors
        epsilon = floors if config.frozen else epsilon_of_envs(step, config.epsilon_decay_steps, floors)
        learns = config.teacher_learns(step)
        # Q(λ) learns from what its own network does; the average lags behind it (docs/decisions.md).
        teacher = acting_copy(learners.teacher.network if learns else learners.teacher.player)
        # Students learn while they play.
        drivers = [
            Driver(envs, acting_copy(student.player))
            for envs, student in zip(self._student_envs, learners.students, strict=False)
            if students_ready and not learns
        ]
        self._rollout = Rollout.empty(self._obs, config.rollout_length, self._groups[0].actions)
        self._parts = [self._rollout.of(games) for games in self._slices]
        self._jobs = [
            self._lanes.submit(
                collect, group, part, teacher, epsilon[games], np.random.default_rng(seed), self._running_return[games],
                [driver.of(games) for driver in drivers],
            )
            for group, games, part, seed in zip(
                self._groups, self._slices, self._parts, self._seeds(step), strict=True
            )
        ]  # fmt: skip

    def wait(self) -> None:
        """Until the rollout is played."""
        wait(self._jobs)

    def finish(self) -> Rollout:
        """The rollout, once it is played; the next one goes on where it ended."""
        for job, part in zip(self._jobs, self._parts, strict=True):
            job.result()
            self._rollout.finished_returns.extend(part.finished_returns)
        self._obs = self._rollout.obs[-1]
        return self._rollout

    def _seeds(self, step: int) -> list[np.random.SeedSequence]:
        seed, *_ = self._config.rollout_seeds(step)
        return seed.spawn(len(self._groups))
