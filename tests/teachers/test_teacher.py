"""What teachers that learn have in common, and how the parts of each come together."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch

from edgedistill.distill.learners import Learners
from edgedistill.experience.memory import ReplayMemory
from edgedistill.experience.rollout import Rollout
from edgedistill.runs.schedule import Span, teacher_rate
from edgedistill.teachers.dqn import clipped_td_loss
from edgedistill.teachers.pqn import q_lambda_targets
from edgedistill.teachers.teacher import values_of
from tests.conftest import DQN
from tests.conftest import TINY as USUAL

TINY = replace(USUAL, teacher_network="pico")


def rollout_of(config, actions=6):
    rng = np.random.default_rng(0)
    first = rng.integers(0, 255, (config.envs, 21, 21, 64), dtype=np.uint8)
    rollout = Rollout.empty(first, config.rollout_length, actions, restarted=True)
    rollout.blocks[1:] = rng.integers(0, 255, rollout.blocks[1:].shape, dtype=np.uint8)
    rollout.q[:] = rng.normal(size=rollout.q.shape)
    rollout.action[:] = rng.integers(actions, size=rollout.action.shape)
    rollout.reward[:] = rng.choice([-3, 0, 7], rollout.reward.shape)
    rollout.done[:] = rng.random(rollout.done.shape) < 0.2
    rollout.game_over[:] = False
    return rollout


@pytest.fixture
def lane():
    with ThreadPoolExecutor(1) as lane:
        yield lane


def test_students_learn_from_the_values_of_the_teachers_average(lane):
    config = replace(TINY, precision="float32", teacher_average=0.9)
    teacher, rollout = Learners.build(config, 6).teacher, rollout_of(config)
    with torch.no_grad():
        teacher.learner.average.head.bias += torch.arange(6.0)
    relabelled = teacher.relabel(rollout, Span(config, 0, restarts=True), lane)
    np.testing.assert_allclose(relabelled.q, values_of(teacher.learner.average, rollout.blocks), atol=1e-5)
    assert np.abs(relabelled.q - values_of(teacher.learner.network, rollout.blocks)).max() > 4
    assert relabelled.blocks is rollout.blocks and relabelled.action is rollout.action


@pytest.mark.parametrize("kind", [{}, DQN])
def test_a_teacher_learns_at_the_rate_of_its_step(kind, lane):
    config = replace(TINY, **kind, steps=1024, teacher_cooldown=0.5, student_cooldown=0.0, learning_starts=64)
    teacher, rollout = Learners.build(config, 6).teacher, rollout_of(config)
    memory = ReplayMemory(config.memory_frames, config.envs, config.rollout_length, 6)
    memory.add(rollout)
    for step, share in [(0, 1.0), (768, 0.5), (960, 0.125)]:
        list(teacher.update(rollout, memory, Span(config, step, restarts=False), lane))
        assert teacher_rate(config, step) == share
        for optimiser in teacher.learner.optimisers:
            assert all(group["lr"] == share * group["initial_lr"] for group in optimiser.param_groups)


def test_pqn_clips_rewards_and_takes_a_lost_life_for_an_end(lane):
    config = replace(TINY, precision="float32", minibatch=TINY.rollout_steps, epochs=1)
    teacher, rollout = Learners.build(config, 6).teacher, rollout_of(config)
    value = np.take_along_axis(values_of(teacher.learner.network, rollout.blocks[:-1]), rollout.action[..., None], 2)
    target = q_lambda_targets(
        np.clip(rollout.reward, -1, 1), rollout.done, rollout.q, gamma=config.gamma, lam=config.lam
    )
    list(teacher.update(rollout, None, Span(config, 0, restarts=True), lane))
    assert teacher.mean_loss() == pytest.approx(0.5 * np.square(value[..., 0] - target).mean(), rel=1e-4)


def test_dqn_learns_towards_its_target_network_and_shares_its_values(lane):
    config = replace(TINY, **DQN, precision="float32", learning_starts=64, target_update=10**6)
    teacher = Learners.build(config, 6).teacher
    memory = ReplayMemory(config.memory_frames, config.envs, config.rollout_length, 6)
    memory.add(rollout_of(config))
    learner = teacher.learner
    with torch.no_grad():
        learner.target.head.bias += torch.arange(6.0)
    batch = next(iter(teacher.update(rollout_of(config), memory, Span(config, 0, restarts=False), lane)))
    assert batch.q_tp1 is not None
    torch.testing.assert_close(batch.q_tp1, learner.target(batch.x_tp1))
    value = batch.q_t.gather(1, batch.action_t[:, None]).squeeze(1)
    target = batch.reward_t + config.gamma * batch.q_tp1.amax(1) * torch.where(batch.done_t, 0.0, 1.0)
    assert learner.mean_loss() == pytest.approx(float(clipped_td_loss(value, target)) / len(value), rel=1e-4)
