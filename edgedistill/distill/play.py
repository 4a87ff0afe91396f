"""The play of a run: who acts in its games, and from where the next rollout goes on."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future, wait
from threading import Event as Flag

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edgedistill.atari.blocks import to_blocks
from edgedistill.atari.training_env import TrainingEnvs
from edgedistill.distill.learners import Learners
from edgedistill.experience.collect import Driver, collect, epsilon_of_envs, replay, student_envs
from edgedistill.experience.rollout import Rollout
from edgedistill.networks.network import acting_copy
from edgedistill.profiler import results, timed
from edgedistill.runs.config import TrainConfig
from edgedistill.runs.schedule import Span

# Agent steps that take some ten seconds to play again, on two cores.
LONG_REPLAY = 50_000


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
        self._first = np.empty(0, np.uint8)
        self._running_return = np.zeros(config.envs)
        self._student_envs = student_envs(len(learners.students.learners), config.student_driven, config.envs)
        self._rollout: Rollout
        self._jobs: list[Future[list[float]]] = []
        self._began = 0
        """Agent step at which the games began"""
        self._none_played = np.empty((0, config.envs), np.uint8)
        self._played = [self._none_played]
        """Actions (T, N) of each rollout since then"""
        self._returns: list[float] = []
        self._abandoned = Flag()

    def take(self, span: Span) -> Rollout:
        """The rollout of a span, once it is played."""
        if span.restarts:
            self._begin_games(span.step, self._none_played, lambda: False)
        if not self._jobs:
            self.begin(span)
        for finished in results(self._jobs):
            self._returns += finished
        self._jobs = []
        self._first = self._rollout.blocks[-1]
        self._played.append(self._rollout.action.astype(np.uint8))
        return self._rollout

    def begin(self, span: Span | None) -> None:
        """Begin to play a span's rollout, by the networks as they are now; nothing where none follows.

        Students act only once the teacher has stopped: its Q(λ) targets follow what was done, so others' actions would
        be taken for its own.
        """
        if span is None:
            return
        config, learners = self._config, self._learners
        floors = config.env_epsilon_floors
        epsilon = floors if config.frozen else epsilon_of_envs(span.step, config.epsilon_decay_steps, floors)
        teacher = learners.teacher.actor(span.step)
        students_act = learners.students.ready and not learners.teacher.learns(span.step)
        # Students may learn while another lane still plays, so copies act.
        drivers = [
            Driver(envs, acting_copy(student.player))
            for envs, student in zip(self._student_envs, learners.students.learners, strict=False)
            if students_act
        ]
        actions = self._groups[0].actions
        self._rollout = Rollout.empty(self._first, config.rollout_length, actions, restarted=span.restarts)
        self._jobs = [
            self._lanes.submit(
                collect, group, self._rollout.of(games), teacher, epsilon[games], np.random.default_rng(seed),
                self._running_return[games], [driver.of(games) for driver in drivers],
                self._abandoned.is_set,
            )
            for group, games, seed in zip(self._groups, self._slices, self._seeds(span), strict=True)
        ]  # fmt: skip

    def wait(self) -> None:
        """Until what has begun is played."""
        with timed("waiting"):
            wait(self._jobs)

    def close(self) -> None:
        """End before the next decision: a rollout of very many games takes minutes."""
        self._abandoned.set()

    def mean_return(self) -> float | None:
        """Of the games that ended since this was last asked for; None where none did."""
        mean = float(np.mean(self._returns)) if self._returns else None
        self._returns.clear()
        return mean

    def tensors(self) -> dict[str, Tensor]:
        """What puts the games back: the actions since they began (T, N), and when and in how many groups they did."""
        return {
            "games.actions": torch.from_numpy(np.concatenate(self._played)),
            "games.began": torch.tensor([self._began, len(self._groups)]),
        }

    def was_in(self, tensors: Mapping[str, Tensor], step: int) -> bool:
        """Whether `tensors` tells how these games came to an agent step. Other groups of games have other seeds."""
        actions, begun = tensors.get("games.actions"), tensors.get("games.began")
        if actions is None or begun is None or actions.dtype != torch.uint8:
            return False
        if begun.dtype != torch.int64 or begun.shape != (2,):
            return False
        began, groups = begun.tolist()
        rows = (step - began) // self._config.envs
        is_whole = 0 <= began <= step and actions.shape == (rows, self._config.envs)
        # The emulators check no action.
        return groups == len(self._groups) and is_whole and bool((actions < self._groups[0].actions).all())

    def put_back(
        self, tensors: Mapping[str, Tensor], should_stop: Callable[[], bool], warn: Callable[[str], None]
    ) -> bool:
        """Play again what `tensors` tells; `warn` hears where that takes a while. Whether nobody stopped it."""
        actions = tensors["games.actions"].numpy()
        if actions.size > LONG_REPLAY:
            warn(f"Its games play their last {actions.size:,} steps again, to go on where they were.")
        self._begin_games(int(tensors["games.began"][0]), actions, should_stop)
        return not should_stop()

    def _begin_games(self, step: int, actions: NDArray[np.uint8], should_stop: Callable[[], bool]) -> None:
        """Let all games begin as they do at an agent step, and play `actions` (T, N) in them."""
        seeds = self._seeds(Span(self._config, step, restarts=True))
        jobs = [
            self._lanes.submit(replay, group, int(seed.generate_state(1)[0]), actions[:, games], should_stop)
            for group, games, seed in zip(self._groups, self._slices, seeds, strict=True)
        ]
        played = [job.result() for job in jobs]
        self._first = to_blocks(np.concatenate([obs for obs, _ in played]))
        self._running_return[:] = np.concatenate([returns for _, returns in played])
        self._began, self._played = step, [actions]

    def _seeds(self, span: Span) -> list[np.random.SeedSequence]:
        return span.play_seed.spawn(len(self._groups))
