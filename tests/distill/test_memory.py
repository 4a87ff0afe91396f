import numpy as np
import pytest

from edgedistill.distill.memory import DistillationMemory
from edgedistill.teachers.pqn import Rollout

ENVS, LENGTH, ACTIONS = 3, 8, 2


def rollouts(count, seed=0):
    """Random games: stacks that move on by one frame, and now and then restart with one frame and three black."""
    rng = np.random.default_rng(seed)
    stack = np.zeros((ENVS, 4, 84, 84), np.uint8)
    for _ in range(count):
        obs = np.empty((LENGTH + 1, ENVS, 4, 84, 84), np.uint8)
        for t in range(LENGTH + 1):
            if t > 0:
                restart = rng.random(ENVS) < 0.2
                stack = np.roll(stack, -1, axis=1)
                stack[restart] = 0
                stack[:, -1] = rng.integers(1, 256, (ENVS, 1, 1))
            obs[t] = stack
        q = rng.normal(size=(LENGTH + 1, ENVS, ACTIONS)).astype(np.float32)
        empty = np.zeros((LENGTH, ENVS))
        yield Rollout(obs, empty, empty, empty, q, [])


@pytest.mark.parametrize("added", [1, 3, 7])
def test_samples_are_stacks_that_were_added_with_their_q(added):
    memory = DistillationMemory(frames=3 * LENGTH * ENVS, envs=ENVS, rollout_length=LENGTH, actions=ACTIONS)
    held = {}
    for number, rollout in enumerate(rollouts(added)):
        memory.add(rollout)
        if number >= added - 3:
            for t in range(LENGTH):
                for env in range(ENVS):
                    held[rollout.q[t, env].tobytes()] = rollout.obs[t, env]
    stacks, q = memory.sample(400, np.random.default_rng(1))
    for stack, values in zip(stacks, q, strict=True):
        assert np.array_equal(stack, held[values.tobytes()])
    oldest_three_rows = 3 * ENVS
    assert len({values.tobytes() for values in q}) == len(held) - oldest_three_rows


def test_mean_brightness_is_the_newest_rollouts():
    memory = DistillationMemory(frames=3 * LENGTH * ENVS, envs=ENVS, rollout_length=LENGTH, actions=ACTIONS)
    for rollout in rollouts(4):
        memory.add(rollout)
    assert memory.mean_brightness() == pytest.approx(rollout.obs[:-1, :, -1].mean() / 255)


def test_holds_what_was_asked_rounded_up_to_rollouts():
    memory = DistillationMemory(frames=100, envs=ENVS, rollout_length=LENGTH, actions=ACTIONS)
    assert memory.capacity == 120
    for rollout in rollouts(9):
        memory.add(rollout)
    assert len(memory) == 120
