from dataclasses import replace

import numpy as np
import pytest
import torch

from edgedistill.atari.blocks import to_blocks
from edgedistill.catalogue import find_architecture
from edgedistill.distill import losses
from edgedistill.distill.learners import Learners
from edgedistill.distill.student_update import student_loss, update_student
from edgedistill.experience.batch import Batch
from edgedistill.experience.memory import ReplayMemory, Transitions
from edgedistill.runs.schedule import Span
from tests.conftest import TINY


def batch_of(transitions, learners):
    network = learners.students.learners[0].network
    return Batch.of(transitions, network.device, network.input_dtype)


def squares(count, rng):
    """Frames with a bright square at one of six places, Q-values that favour that place, and reward for going there."""
    place = rng.integers(6, size=count)
    frames = rng.integers(0, 60, (count, 4, 84, 84), dtype=np.uint8)
    for frame, where in zip(frames, place, strict=True):
        row, column = 28 * (where // 3) + 10, 28 * (where % 3) + 4
        frame[:, row : row + 16, column : column + 16] = 220
    q = np.eye(6, dtype=np.float32)[place] * 0.9
    action = rng.integers(6, size=count)
    reward = (action == place).astype(np.float32)
    blocks = to_blocks(frames)
    return Transitions(blocks, q, action, reward, np.ones(count, np.bool_), blocks, q)


@pytest.mark.parametrize("name", ["micro", "pico"])
@pytest.mark.parametrize("loss", ["kl", "reverse-kl", "nll", "mse", "self-q", "kl+imitation-q"])
def test_a_student_learns_the_best_action_of_each_frame(name, loss):
    config = replace(TINY, students=(find_architecture(name),), precision="float32", loss=loss)
    learners = Learners.build(config, 6)
    rng = np.random.default_rng(0)
    for _ in range(160 if "q" in loss else 80):
        update_student(learners.students.learners[0], batch_of(squares(64, rng), learners), config)
    batch = batch_of(squares(200, rng), learners)
    picked = learners.students.learners[0].network(batch.x_t).argmax(1)
    assert (picked == batch.q_t.argmax(1)).float().mean() > 0.85


def small_batch(learners):
    rng = np.random.default_rng(3)
    seen, following = squares(8, rng), squares(8, rng)
    done = rng.random(8) < 0.4
    reward = np.array([5, -3, 0.5, 0, 0, 1, 0, 0], np.float32)  # learnt as 1, -1, 0.5, …
    return batch_of(
        Transitions(seen.blocks_t, seen.q_t, seen.action_t, reward, done, following.blocks_t, following.q_t), learners
    )


@pytest.mark.parametrize("value", ["imitation-q", "self-q"])
def test_a_sum_adds_kl_at_one_temperature_to_the_td_error_of_the_target_network(value):
    config = replace(TINY, precision="float32", loss=f"reverse-kl+{value}", temperature=0.3, temperature_kind="fixed")
    learners = Learners.build(config, 6)
    student = learners.students.learners[0]
    with torch.no_grad():
        student.target.head.bias += torch.arange(6.0)  # so that it is not the network itself
    batch = small_batch(learners)
    output, following = student.network(batch.x_t), student.target(batch.x_tp1)
    best = batch.q_tp1.argmax(1) if value == "imitation-q" else following.argmax(1)
    clipped = torch.tensor([1, -1, 0.5, 0, 0, 1, 0, 0])
    target = clipped + 0.99 * following[range(8), best] * torch.where(batch.done_t, 0.0, 1.0)
    expected = losses.reverse_kl(output / 0.3, batch.q_t / 0.3) + losses.td_loss(output, batch.action_t, target)
    assert torch.allclose(student_loss(student, batch, config), expected)


def test_logits_are_not_divided_by_the_temperature_and_relative_ones_ignore_the_scale_of_q():
    config = replace(TINY, precision="float32")
    learners = Learners.build(config, 6)
    student, batch = learners.students.learners[0], small_batch(learners)
    tau = 0.2 * losses.q_spread(batch.q_t)
    loss = student_loss(student, batch, config)
    assert torch.allclose(loss, losses.forward_kl(student.network(batch.x_t), batch.q_t / tau))
    scaled = replace(batch, q_t=100 * batch.q_t + 7)
    assert torch.allclose(student_loss(student, scaled, config), loss, atol=1e-3)


def test_students_learn_at_the_rate_of_their_step():
    config = replace(TINY, steps=1024, student_cooldown=0.5)
    students = Learners.build(config, 6).students
    memory = ReplayMemory(config.memory_frames, config.envs, config.rollout_length, 6)
    for step, share in [(0, 1.0), (768, 0.5), (960, 0.125)]:
        students.prepare(memory, Span(config, step, restarts=False))
        groups = [each for student in students.learners for made in student.optimisers for each in made.param_groups]
        assert len(groups) >= 2
        assert all(group["lr"] == share * group["initial_lr"] for group in groups)


@pytest.mark.parametrize("most", [0.25, 1e9])
def test_gradients_of_a_student_are_clipped_to_their_norm(most):
    config = replace(TINY, precision="float32", loss="mse", student_max_grad_norm=most)
    learners = Learners.build(config, 6)
    student, batch = learners.students.learners[0], small_batch(learners)
    update_student(student, replace(batch, q_t=1e4 * batch.q_t), config)
    norm = torch.cat([parameter.grad.flatten() for parameter in student.network.parameters()]).norm()
    assert norm == pytest.approx(0.25, rel=1e-3) if most == 0.25 else norm > 100
