from dataclasses import replace

import numpy as np
import pytest
import torch

from edgedistill.atari.blocks import to_blocks
from edgedistill.atari.training_env import TrainingEnvs
from edgedistill.distill.learners import Learners
from edgedistill.experience.collect import Driver, collect, epsilon_of_envs, student_envs
from edgedistill.experience.rollout import Rollout
from tests.conftest import TINY


def test_epsilon_falls_in_a_line_to_each_floor():
    floors = np.array([0.01, 0.15])
    assert epsilon_of_envs(0, 100, floors).tolist() == [1.0, 1.0]
    np.testing.assert_allclose(epsilon_of_envs(50, 100, floors), [0.505, 0.575])
    np.testing.assert_allclose(epsilon_of_envs(1000, 100, floors), floors)


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 1.0])
def test_students_share_their_part_of_the_games_evenly(share):
    of_students = student_envs(3, share, 32)
    dealt = np.concatenate(of_students)
    assert len(dealt) == len(set(dealt.tolist())) == 32 * share
    sizes = [len(envs) for envs in of_students]
    assert max(sizes) - min(sizes) <= 1
    # Each quarter of the games has its own ε: students meet all of them.
    assert len({int(env) // 8 for env in dealt}) == (4 if share else 0)


def test_a_driver_acts_in_its_games_and_the_teacher_in_the_others():
    envs = TrainingEnvs("pong", 4, threads=1)
    config = replace(TINY, precision="float32")
    learners = Learners.build(config, envs.actions)
    student = learners.students.learners[0].network
    with torch.no_grad():
        learners.teacher.network.head.bias[2] += 100.0
        student.head.bias[3] += 100.0
    (driven,) = student_envs(1, 0.5, 4)
    drivers = [Driver(driven, student)]
    rollout = Rollout.empty(to_blocks(envs.reset(0)), 5, envs.actions)
    collect(envs, rollout, learners.teacher.network, np.zeros(4), np.random.default_rng(0), np.zeros(4), drivers)
    assert driven.tolist() == [1, 3]
    for env in range(4):
        assert set(rollout.action[:, env].tolist()) == {3 if env in driven else 2}
    assert (rollout.q.argmax(axis=2) == 2).all()  # the teacher's opinion is kept everywhere
    envs.close()
