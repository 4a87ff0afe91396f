"""The play of a run: who acts in its games, and from where the next rollout goes on."""

import numpy as np

from edgedistill.atari.training_env import TrainingEnvs
from edgedistill.distill.learners import Learners
from edgedistill.networks.network import acting_copy
from edgedistill.runs.config import TrainConfig
from edgedistill.teachers.acting import Driver, Rollout, collect, epsilon_of_envs, student_envs


class Play:
    """All games of a run. Students that act do so as they were at the last `restart` or `follow`, since they learn
    meanwhile; the teacher as it is."""

    def __init__(self, config: TrainConfig, learners: Learners, envs: TrainingEnvs) -> None:
        self._config, self._learners, self._envs = config, learners, envs
        self._running_return = np.zeros(envs.count)
        self._student_envs = student_envs(len(learners.students), config.student_driven, envs.count)

    def restart(self, step: int) -> None:
        """Restart all games; the next rollout begins at `step`."""
        seed, *_ = self._config.rollout_seeds(step)
        self._obs = self._envs.reset(int(seed.generate_state(1)[0]))
        self._running_return[:] = 0.0
        self._copy_students()

    def follow(self, rollout: Rollout) -> None:
        """The next rollout goes on where this one, the last, ended."""
        self._obs = rollout.obs[-1]
        self._copy_students()

    def _copy_students(self) -> None:
        self._drivers = [
            Driver(envs, acting_copy(student.network))
            for envs, student in zip(self._student_envs, self._learners.students, strict=False)
            if len(envs)
        ]

    def collect(self, step: int, *, students_act: bool) -> Rollout:
        """Play the rollout that begins at `step`; only students that have learnt may act in games of theirs."""
        config = self._config
        floors = config.env_epsilon_floors
        seed, *_ = config.rollout_seeds(step)
        return collect(
            self._envs,
            self._obs,
            acting_copy(self._learners.teacher.network),
            floors if config.frozen else epsilon_of_envs(step, config.epsilon_decay_steps, floors),
            np.random.default_rng(seed),
            config.rollout_length,
            self._running_return,
            self._drivers if students_act else (),
        )
