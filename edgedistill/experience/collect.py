"""Play of the training environments: who acts, and with which ε."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edgedistill.atari.blocks import blocks_to_input, to_blocks
from edgedistill.atari.training_env import TrainingEnvs
from edgedistill.experience.rollout import Rollout
from edgedistill.profiler import timed


class Actor(Protocol):
    """A network as play takes it."""

    @property
    def device(self) -> torch.device: ...

    @property
    def input_dtype(self) -> torch.dtype: ...

    def __call__(self, x: Tensor) -> Tensor:
        """x (N, 64, 21, 21) -> one value per action (N, A)."""


@dataclass(frozen=True)
class Driver:
    """A student that acts in some of the environments (Czarnecki et al. 2019; DAgger, Ross et al. 2011)."""

    envs: NDArray[np.int64]
    """Indices of its environments"""
    network: Actor

    def of(self, envs: slice) -> "Driver":
        """The driver within some environments, counted from the first of these."""
        own = (self.envs >= envs.start) & (self.envs < envs.stop)
        return Driver(self.envs[own] - envs.start, self.network)


def student_envs(students: int, share: float, count: int) -> list[NDArray[np.int64]]:
    """Deal a share of `count` environments out to the students in turn, spread evenly so that all ε are met: the
    indices of each student's."""
    driven = [env for env in range(count) if int((env + 1) * share) > int(env * share)]
    return [np.array(driven[number::students], np.int64) for number in range(students)]


def epsilon_of_envs(step: int, decay_steps: int, floors: NDArray[np.float64]) -> NDArray[np.float64]:
    """ε of each environment (N,), falling from 1 to its own floor in a straight line over `decay_steps`."""
    progress = min(step / decay_steps, 1.0)
    return 1.0 + progress * (floors - 1.0)


@timed("emulators")
def replay(
    envs: TrainingEnvs, seed: int, actions: NDArray[np.uint8], should_stop: Callable[[], bool]
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Let games begin and play actions (T, N) in them, until somebody wants to stop.

    Returns:
        Their stacks (N, 4, 84, 84), and the rewards of each one's game so far (N,).
    """
    obs = envs.reset(seed)
    running_return = np.zeros(envs.count)
    for action in actions.astype(np.int64):
        if should_stop():
            break
        step = envs.step(action)
        obs = step.obs_tp1
        running_return += step.reward_t
        running_return[step.game_over_t] = 0.0
    return obs, running_return


@timed("acting")
@torch.inference_mode()
def collect(
    envs: TrainingEnvs,
    rollout: Rollout,
    teacher: Actor,
    epsilon: NDArray[np.float64],
    rng: np.random.Generator,
    running_return: NDArray[np.float64],
    drivers: Sequence[Driver] = (),
    abandoned: Callable[[], bool] = lambda: False,
) -> list[float]:
    """Act ε-greedily, ε (N,), and fill `rollout`, whose first stacks are there already.

    The teacher acts, save where a driver does; its values are kept everywhere. `running_return` (N,) is updated in
    place: the rewards of each environment's game so far. Returns the returns of the games that ended. A rollout that is
    `abandoned` stays unfinished.
    """
    finished: list[float] = []
    device, dtype = teacher.device, teacher.input_dtype
    for t in range(len(rollout.action)):
        if abandoned():
            return finished
        x = blocks_to_input(rollout.blocks[t], device, dtype)
        rollout.q[t] = teacher(x).cpu().numpy()
        greedy = rollout.q[t].argmax(axis=1)
        for driver in drivers:
            greedy[driver.envs] = driver.network(x[driver.envs]).argmax(dim=1).cpu().numpy()
        random_action = rng.integers(envs.actions, size=envs.count)
        rollout.action[t] = np.where(rng.random(envs.count) < epsilon, random_action, greedy)
        with timed("emulators"):
            step = envs.step(rollout.action[t])
        rollout.blocks[t + 1] = to_blocks(step.obs_tp1)
        rollout.reward[t], rollout.done[t], rollout.game_over[t] = step.reward_t, step.done_t, step.game_over_t
        running_return += step.reward_t
        finished += running_return[step.game_over_t].tolist()
        running_return[step.game_over_t] = 0.0
    rollout.q[-1] = teacher(blocks_to_input(rollout.blocks[-1], device, dtype)).cpu().numpy()
    return finished
