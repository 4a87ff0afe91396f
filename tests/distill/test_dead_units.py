from dataclasses import replace

import numpy as np
import pytest
import torch

from edgedistill.catalogue import find_architecture
from edgedistill.distill.dead_units import dead_units, recycle_dead_units
from edgedistill.distill.learners import Learners
from edgedistill.distill.students import Batch, update_student
from edgedistill.distill.updates import update_from_memory
from edgedistill.networks.network import to_input
from edgedistill.teachers.acting import Rollout
from edgedistill.teachers.replay import ReplayMemory
from tests.conftest import TINY
from tests.distill.test_students import squares

CONFIG = replace(TINY, students=(find_architecture("pico"),), precision="float32")
KILLED = {0: [2], 1: [0, 5], 2: [7], 3: [1, 11]}
"""Units that the tests kill, by layer: pico has convolutions of 8, 8 and 16 channels, then 12 units"""


def kill(network):
    """Biases far below what any frame can lift to 0."""
    for number, units in KILLED.items():
        with torch.no_grad():
            layers_of(network)[number].bias[units] = -1e4


def layers_of(network):
    return [layer for layer in (*network.trunk, network.head) if hasattr(layer, "weight")]


def frames(count=64, seed=1):
    return to_input(squares(count, np.random.default_rng(seed)).frames, torch.device("cpu"), torch.float32)


@pytest.fixture
def student():
    """A student of some updates, without units that died by themselves."""
    learners = Learners.build(CONFIG, 6)
    learners.students[0].network.centre(0.15)
    rng = np.random.default_rng(0)
    for _ in range(5):
        update_student(learners.students[0], Batch.of(squares(32, rng), learners), CONFIG)
    assert not any(dead.any() for dead in dead_units(learners.students[0].network, frames()))
    return learners.students[0]


def test_units_at_0_on_every_frame_are_dead(student):
    kill(student.network)
    found = {
        number: dead.nonzero().flatten().tolist() for number, dead in enumerate(dead_units(student.network, frames()))
    }
    assert {number: units for number, units in found.items() if units} == KILLED


def test_recycled_units_fire_again_and_the_outputs_stay(student):
    kill(student.network)
    x = frames()
    before = student.network(x).detach()
    assert recycle_dead_units(student, x, torch.Generator().manual_seed(0)) == 6
    assert torch.allclose(student.network(x), before, atol=1e-4)
    assert sum(int(dead.sum()) for dead in dead_units(student.network, x)) <= 1  # a new unit may be dead by chance


def test_living_units_and_their_moments_are_left_alone(student):
    kill(student.network)

    def between_living_units():
        """Weights and second moments from living units to living units, and biases of those."""
        values = []
        for number, layer in enumerate(layers_of(student.network)):
            to = [unit for unit in range(len(layer.bias)) if unit not in KILLED.get(number, [])]
            units_before = 4 if number == 0 else len(layers_of(student.network)[number - 1].bias)
            places = layer.weight.shape[1] // units_before
            inputs = [i for i in range(layer.weight.shape[1]) if i // places not in KILLED.get(number - 1, [])]
            moment = student.optimiser.state[layer.weight]["exp_avg_sq"]
            values += [layer.weight[to][:, inputs].clone(), moment[to][:, inputs].clone(), layer.bias[to].clone()]
        return values

    before = between_living_units()
    recycle_dead_units(student, frames(), torch.Generator().manual_seed(0))
    assert all(torch.equal(old, new) for old, new in zip(before, between_living_units(), strict=True))


def test_a_recycled_unit_takes_steps_of_the_size_of_the_others(student):
    """With a second moment of 0, late in a run, Adam's first step would be some three times its rate."""
    for moments in student.optimiser.state.values():
        moments["exp_avg_sq"] /= 1 - 0.999**5  # what Adam makes of young averages by itself
        moments["step"].fill_(10_000)
    kill(student.network)
    recycle_dead_units(student, frames(), torch.Generator().manual_seed(0))
    last = layers_of(student.network)[3]
    learners = Learners.build(CONFIG, 6)
    for seed in range(2):  # in the first one, outgoing weights of 0 pass no gradient on
        before = last.weight.detach().clone()
        update_student(student, Batch.of(squares(32, np.random.default_rng(seed)), learners), CONFIG)
    step = (last.weight - before).abs().mean(dim=1)
    assert (step[KILLED[3]] > 0).all()
    assert step[KILLED[3]].max() < 5 * step.median()


@pytest.mark.parametrize(
    ("every", "rate", "recycled"), [(4, 1.0, True), (0, 1.0, False), (9, 1.0, False), (4, 0.3, False)]
)
def test_dead_units_are_recycled_every_so_many_updates_while_the_rate_is_high(every, rate, recycled):
    config = replace(CONFIG, recycle_every=every)
    learners = Learners.build(config, 6)
    student = learners.students[0]
    kill(student.network)
    student.set_rate(rate * config.student_learning_rate)
    update_from_memory(config, learners, [student], memory_of_squares(), 6, np.random.default_rng(0))
    revived = [layers_of(student.network)[number].bias[units].min() > -1e3 for number, units in KILLED.items()]
    assert revived == [recycled] * len(KILLED)


def memory_of_squares():
    """A full memory of four games of 32 steps."""
    seen = squares(33 * 4, np.random.default_rng(2))
    grid = {
        name: getattr(seen, name).reshape(33, 4, *getattr(seen, name).shape[1:])
        for name in ("frames", "q", "action", "reward", "done")
    }
    memory = ReplayMemory(128, 4, 32, 6)
    memory.add(Rollout(grid["frames"], grid["action"][:32], grid["reward"][:32], grid["done"][:32], grid["q"], []))
    return memory
