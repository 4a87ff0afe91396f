from copy import deepcopy

import pytest
import torch

from edgedistill.catalogue import find_architecture
from edgedistill.networks.learner import Learner
from edgedistill.networks.muon import Muon
from edgedistill.networks.network import AtariNetwork


def learner_of(*optimisers, decay=0.0):
    torch.manual_seed(0)
    network = AtariNetwork(find_architecture("pico"), 6)
    made = tuple(make(network) for make in optimisers)
    return Learner.build("pico", network, made, with_target=False, decay=decay)


def test_the_average_is_a_mean_at_first_and_then_fades():
    learner = learner_of(lambda network: torch.optim.SGD(network.parameters(), lr=0.1), decay=0.75)
    head = learner.network.head
    expected = deepcopy(head.bias)
    for update in range(1, 9):
        for parameter in learner.network.parameters():
            parameter.grad = torch.full_like(parameter, float(update))
        learner.step(None)
        # A share of 1/n until n is 4; from there on 1 − 0.75.
        share = 1 / min(update, 4)
        expected = (1 - share) * expected + share * head.bias
        torch.testing.assert_close(learner.average.head.bias, expected)
    assert not torch.allclose(learner.average.head.bias, head.bias)
    assert learner.player is learner.average


def test_a_rate_is_a_share_of_the_full_one_in_all_optimisers_and_does_not_pile_up():
    learner = learner_of(
        lambda network: torch.optim.RAdam(
            [{"params": [network.head.weight]}, {"params": [network.head.bias], "lr": 0.2}], lr=0.1
        ),
        lambda network: Muon([network.trunk[0].weight], 0.4),
    )
    for share in (0.5, 0.25, 1.0):
        learner.set_rate(share)
        rates = [group["lr"] for optimiser in learner.optimisers for group in optimiser.param_groups]
        assert rates == pytest.approx([0.1 * share, 0.2 * share, 0.4 * share])
