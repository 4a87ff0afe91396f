"""Weights and moments of a file that no run wrote."""

import pytest
import torch

from edgedistill.catalogue import find_architecture
from edgedistill.errors import EdgeDistillError
from edgedistill.networks.network import AtariNetwork
from edgedistill.networks.optimisers import make_optimisers
from edgedistill.networks.tensors import load_module, load_optimiser, module_tensors, optimiser_tensors
from edgedistill.runs.optimisers import STUDENT_OPTIMISERS


@pytest.fixture
def network():
    return AtariNetwork(find_architecture("pico"), 6)


@pytest.fixture
def adam(network):
    (optimiser,) = make_optimisers(STUDENT_OPTIMISERS["adam"].made_by, network, 1e-3, 1e-2)
    return optimiser


def stepped(network, optimiser):
    """Its moments after a step, by name."""
    network(torch.rand(1, 64, 21, 21)).sum().backward()
    optimiser.step()
    return optimiser_tensors(optimiser, "p")


def test_moments_come_back(network, adam):
    tensors = {name: tensor.clone() for name, tensor in stepped(network, adam).items()}
    adam.state.clear()
    load_optimiser(adam, tensors, "p")
    found = optimiser_tensors(adam, "p")
    assert found.keys() == tensors.keys()
    assert all(torch.equal(found[name], tensors[name]) for name in tensors)


@pytest.mark.parametrize("index", ["9" * 5000, "99", "-1", "00", "²", "x\n"])
def test_moments_of_no_weight(adam, index):
    with pytest.raises(EdgeDistillError, match=r"The checkpoint's .* does not fit its optimiser\.$") as failure:
        load_optimiser(adam, {f"p.{index}.step": torch.tensor(1.0)}, "p")
    assert len(str(failure.value)) < 150 and str(failure.value).isprintable()


def test_some_of_the_moments_alone(network, adam):
    alone = {name: each for name, each in stepped(network, adam).items() if name.endswith(".exp_avg")}
    with pytest.raises(EdgeDistillError, match=r"The checkpoint's 'p' does not fit its optimiser\.$"):
        load_optimiser(adam, alone, "p")


def test_weights_that_do_not_fit_are_named(network):
    tensors = module_tensors(network, "teacher")
    del tensors["teacher.head.weight"]
    tensors["teacher.head.bias"] = torch.zeros(7)
    tensors["teacher.tail"] = torch.zeros(1)
    with pytest.raises(EdgeDistillError) as failure:
        load_module(network, tensors, "teacher")
    assert str(failure.value) == (
        "The checkpoint's 'teacher' does not fit its network: 'head.weight' is missing, "
        "'head.bias' has shape (7,) instead of (6,), 'tail' is unknown."
    )


def test_of_many_weights_that_do_not_fit_four_are_named(network):
    strangers = {f"teacher.{number}\n\x1b[2J{'x' * 1000}": torch.zeros(1) for number in range(1000)}
    with pytest.raises(EdgeDistillError, match=r"\.\.\. is unknown and 996 more\.$") as failure:
        load_module(network, module_tensors(network, "teacher") | strangers, "teacher")
    assert len(str(failure.value)) < 500 and str(failure.value).isprintable()
