from dataclasses import replace

import numpy as np
import pytest
import torch

from edgedistill.atari.training_env import TrainingEnvs
from edgedistill.catalogue import find_architecture
from edgedistill.distill.learners import Learners
from edgedistill.distill.memory import DistillationMemory
from edgedistill.distill.realtime import distil, minibatches, update_student
from edgedistill.networks.network import to_input
from edgedistill.teachers.pqn import Rollout
from tests.conftest import TINY

CPU = torch.device("cpu")


def squares(count, rng):
    """Frames (N, 4, 84, 84) with a bright square at one of six places, and Q-values that favour that place."""
    place = rng.integers(6, size=count)
    frames = rng.integers(0, 60, (count, 4, 84, 84), dtype=np.uint8)
    for frame, where in zip(frames, place, strict=True):
        row, column = 28 * (where // 3) + 10, 28 * (where % 3) + 4
        frame[:, row : row + 16, column : column + 16] = 220
    return frames, np.eye(6, dtype=np.float32)[place] * 0.05


@pytest.mark.parametrize("name", ["micro", "pico"])
def test_a_student_learns_what_its_teacher_does_on_each_frame(name):
    config = replace(TINY, students=(find_architecture(name),), precision="float32")
    student = Learners.build(config, 6).students[0]
    rng = np.random.default_rng(0)
    for _ in range(80):
        frames, q = squares(64, rng)
        update_student(student, to_input(frames, CPU, torch.float32), torch.from_numpy(q), config)
    frames, q = squares(200, rng)
    picked = student.network(to_input(frames, CPU, torch.float32)).argmax(1).numpy()
    assert (picked == q.argmax(1)).mean() > 0.9


def test_minibatches_cover_each_sample_once_an_epoch():
    config = replace(TINY, envs=2, rollout_length=32, minibatch=16, epochs=3)
    count = config.rollout_steps
    obs = np.zeros((33, 2, 4, 84, 84), np.uint8)
    obs[:-1] = np.arange(count, dtype=np.uint8).reshape(32, 2, 1, 1, 1)
    action = np.arange(count).reshape(32, 2)
    rollout = Rollout(obs, action, action, action > 0, np.zeros((33, 2, 6), np.float32), [])
    learners = Learners.build(replace(config, students=(), precision="float32"), 6)
    target = action.astype(np.float32)
    seen = []
    for x, picked, value in minibatches(rollout, target, config, learners, np.random.default_rng(0)):
        assert x.shape == (16, 4, 84, 84)
        assert torch.equal((x[:, 0, 0, 0] * 255).round().long(), picked)
        assert torch.equal(value, picked.float())
        seen.append(picked)
    epochs = torch.cat(seen).reshape(3, count)
    assert all(torch.equal(epoch.sort().values, torch.arange(count)) for epoch in epochs)
    assert not torch.equal(epochs[0], epochs[1])


def test_students_wait_until_the_memory_is_full_and_the_loop_ends_at_its_steps():
    config = replace(TINY, steps=300)
    envs = TrainingEnvs("pong", config.envs, threads=1)
    memory = DistillationMemory(192, config.envs, config.rollout_length, envs.actions)
    learners = Learners.build(config, envs.actions)
    events = list(distil(config, learners, memory, envs, start_step=0))
    assert [event.step for event in events] == [64, 128, 192, 256, 320]
    assert [bool(event.student_kl) for event in events] == [False, False, True, True, True]
    assert all(student.network.is_centred for student in learners.students)
