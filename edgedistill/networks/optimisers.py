"""What makes the optimisers that a run may choose among; `runs/optimisers.py` has their names."""

from collections.abc import Callable, Sequence
from pkgutil import resolve_name

import torch
from torch import Tensor, nn

from edgedistill.networks.muon import Muon
from edgedistill.networks.network import AtariNetwork
from edgedistill.networks.radam import FusedRAdam

Optimisers = tuple[torch.optim.Optimizer, ...]
Choice = Callable[[AtariNetwork, float, float], Optimisers]
"""Network, learning rate, learning rate of Muon -> one or more optimisers, of different weights."""


def make_optimisers(made_by: str, network: AtariNetwork, rate: float, muon_rate: float) -> Optimisers:
    """The optimisers of a network.

    Args:
        made_by: module and function of a `Choice`, as `module:function`.
    """
    choice: Choice = resolve_name(made_by)
    return choice(network, rate, muon_rate)


def nature_rmsprop(parameters: list[nn.Parameter], learning_rate: float) -> torch.optim.Optimizer:
    """The RMSProp of the Nature table: "gradient momentum" and "squared gradient momentum" 0.95, "min squared gradient"
    0.01.

    Both momenta belong to the running mean and variance of the gradient (Graves 2013), which torch calls `centered`;
    steps themselves have none. torch adds its constant behind the root, so 0.1 = √0.01 stands for the table's 0.01.
    """
    return torch.optim.RMSprop(parameters, learning_rate, alpha=0.95, eps=0.1, centered=True, foreach=True)


def teacher_muon(network: AtariNetwork, rate: float, muon_rate: float) -> Optimisers:
    """Muon for the convolutions beside RAdam for the rest."""
    # Not for the 512 × 3136 layer: three times the time of an update, and play was worse (docs/decisions.md).
    convolutions: list[Tensor] = [layer.weight for layer in network.trunk if isinstance(layer, nn.Conv2d)]
    return Muon(convolutions, muon_rate), FusedRAdam(_others(network, convolutions), rate)


def student_muon(network: AtariNetwork, rate: float, muon_rate: float) -> Optimisers:
    """Muon for the trunk's weights beside Adam for biases and head."""
    matrices: list[Tensor] = [parameter for parameter in network.trunk.parameters() if parameter.ndim > 1]
    return Muon(matrices, muon_rate), torch.optim.Adam(_others(network, matrices), rate, fused=True)


def radam(network: AtariNetwork, rate: float, _: float) -> Optimisers:
    """RAdam for all weights."""
    return (FusedRAdam(list(network.parameters()), rate),)


def rmsprop(network: AtariNetwork, rate: float, _: float) -> Optimisers:
    """`nature_rmsprop` for all weights."""
    return (nature_rmsprop(list(network.parameters()), rate),)


def adam(network: AtariNetwork, rate: float, _: float) -> Optimisers:
    """Adam for all weights."""
    return (torch.optim.Adam(list(network.parameters()), rate, fused=True),)


def _others(network: AtariNetwork, taken: Sequence[Tensor]) -> list[nn.Parameter]:
    return [parameter for parameter in network.parameters() if all(parameter is not each for each in taken)]
