"""Where no GPU is at hand: the loop's tensors are where its networks are. torch's `meta` device computes shapes alone,
and refuses what mixes it with the CPU."""

from contextlib import nullcontext
from copy import deepcopy
from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from edgedistill.distill.learners import Learners
from edgedistill.distill.student_update import update_student
from edgedistill.experience.batch import Batch
from edgedistill.experience.memory import ReplayMemory
from edgedistill.experience.rollout import Rollout
from edgedistill.networks.network import acting_copy
from edgedistill.teachers import dqn, pqn
from edgedistill.teachers.pqn import minibatches, samples
from tests.conftest import DQN, TINY

META = torch.device("meta")


def random_rollout(length, envs, actions):
    rng = np.random.default_rng(0)
    shape = (length, envs)
    blocks = rng.integers(0, 256, (length + 1, envs, 21, 21, 64), np.uint8)
    q = rng.random((length + 1, envs, actions), np.float32)
    reward = np.zeros(shape, np.float32)
    never = np.zeros(shape, np.bool_)
    return Rollout(blocks, rng.integers(0, actions, shape), reward, never, never, q)


def on_meta(learner):
    """The learner moved, with an optimiser that needs no kernel of its own there."""
    network = deepcopy(learner.network).to(META)
    target = None if learner.target is None else deepcopy(learner.target).to(META)
    optimiser = torch.optim.SGD(network.parameters(), 0.1)
    return replace(learner, network=network, target=target, average=None, optimisers=(optimiser,))


@pytest.mark.parametrize("teacher", ["pqn", "dqn"])
@pytest.mark.parametrize("loss", ["kl+self-q", "reverse-kl+imitation-q", "nll", "mse"])
def test_updates_stay_on_the_device_of_the_networks(teacher, loss, monkeypatch):
    config = replace(TINY, **(DQN if teacher == "dqn" else {}), loss=loss, precision="float32")
    built = Learners.build(config, 6)
    learner, students = on_meta(built.teacher.learner), [on_meta(student) for student in built.students.learners]
    # What torch knows of accelerators and not of `meta`.
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())
    monkeypatch.setattr(torch.Tensor, "item", lambda tensor: 0.0)
    monkeypatch.setattr(torch.Tensor, "__float__", lambda tensor: 0.0)
    rollout = random_rollout(config.rollout_length, config.envs, 6)
    memory = ReplayMemory(128, config.envs, config.rollout_length, 6)
    for _ in range(2):
        memory.add(rollout)

    batch = Batch.of(memory.sample(config.minibatch, np.random.default_rng(0), with_next=True), META, torch.float32)
    tensors = [getattr(batch, field.name) for field in fields(batch)]
    assert {tensor.device for tensor in tensors} == {META}
    for student in students:
        update_student(student, batch, config)
        assert student.network.head.weight.grad.device == META
    network = learner.network
    picks = next(minibatches(config, np.random.default_rng(0)))
    x, action, target = samples(rollout, rollout.reward, picks, network)
    if teacher == "pqn":
        parts = [pqn.part_gradients(network, x, action, target, config.minibatch)]
        pqn.gather_gradients(network, parts)
    else:
        assert dqn.backward(network, x, action, target)[1].device == META
    learner.step(1.0)
    assert network.head.weight.grad.device == META
    assert acting_copy(network)(x).device == META
