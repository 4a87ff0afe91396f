"""Play of the training environments: who acts, and what is kept of it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from edgedistill.atari.training_env import TrainingEnvs
from edgedistill.networks.network import AtariNetwork, to_input
from edgedistill.phases import timed


@dataclass(frozen=True)
class Rollout:
    """T steps of N environments."""

    obs: NDArray[np.uint8]
    """(T+1, N, 4, 84, 84); the last is what the next rollout starts from."""
    action: NDArray[np.int64]
    """(T, N)"""
    reward: NDArray[np.float32]
    """(T, N), unclipped"""
    done: NDArray[np.bool_]
    """(T, N): life lost or game over"""
    q: NDArray[np.float32]
    """(T+1, N, A): the teacher's values when it acted, or watched a student act"""
    finished_returns: list[float]
    """Returns of the games that ended in this rollout"""

    @classmethod
    def empty(cls, first_obs: NDArray[np.uint8], length: int, actions: int) -> "Rollout":
        """Room for `length` steps from `first_obs` (N, 4, 84, 84)."""
        count = len(first_obs)
        obs = np.empty((length + 1, *first_obs.shape), np.uint8)
        obs[0] = first_obs
        return cls(
            obs,
            np.empty((length, count), np.int64),
            np.empty((length, count), np.float32),
            np.empty((length, count), np.bool_),
            np.empty((length + 1, count, actions), np.float32),
            [],
        )

    def of(self, envs: slice) -> "Rollout":
        """The part of some environments, in the same memory; with finished returns of its own."""
        return Rollout(
            self.obs[:, envs], self.action[:, envs], self.reward[:, envs], self.done[:, envs], self.q[:, envs], []
        )


@dataclass(frozen=True)
class Driver:
    """A student that acts in some of the environments (Czarnecki et al. 2019; DAgger, Ross et al. 2011)."""

    envs: NDArray[np.int64]
    """Indices of its environments"""
    network: AtariNetwork

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


@timed("acting")
@torch.inference_mode()
def collect(
    envs: TrainingEnvs,
    rollout: Rollout,
    teacher: AtariNetwork,
    epsilon: NDArray[np.float64],
    rng: np.random.Generator,
    running_return: NDArray[np.float64],
    drivers: Sequence[Driver] = (),
) -> None:
    """Act ε-greedily, ε (N,), and fill `rollout`, whose first stacks are there already.

    The teacher acts, save where a driver does; its values are kept everywhere. `running_return` (N,) is updated in
    place: the rewards of each environment's game so far.
    """
    device = teacher.head.weight.device
    dtype = torch.bfloat16 if teacher.bf16 else torch.float32
    for t in range(len(rollout.action)):
        x = to_input(rollout.obs[t], device, dtype)
        rollout.q[t] = teacher(x).cpu().numpy()
        greedy = rollout.q[t].argmax(axis=1)
        for driver in drivers:
            greedy[driver.envs] = driver.network(x[driver.envs]).argmax(dim=1).cpu().numpy()
        random_action = rng.integers(envs.actions, size=envs.count)
        rollout.action[t] = np.where(rng.random(envs.count) < epsilon, random_action, greedy)
        with timed("emulators"):
            step = envs.step(rollout.action[t])
        rollout.obs[t + 1], rollout.reward[t], rollout.done[t] = step.obs, step.reward, step.done
        running_return += step.reward
        rollout.finished_returns.extend(running_return[step.game_over].tolist())
        running_return[step.game_over] = 0.0
    rollout.q[-1] = teacher(to_input(rollout.obs[-1], device, dtype)).cpu().numpy()
