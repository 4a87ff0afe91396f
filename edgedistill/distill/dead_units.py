"""Units of a student that never fire, and how they begin anew (ReDo: Sokar et al. 2023, arXiv 2302.12902).

A ReLU unit that is at 0 on every frame gets no gradient, so it stays there, and a small student cannot spare it.
"""

import torch
from torch import Tensor, nn

from edgedistill.distill.learners import Learner
from edgedistill.networks.network import AtariNetwork, orthogonal_weight


@torch.no_grad()
def dead_units(network: AtariNetwork, x: Tensor) -> list[Tensor]:
    """For each layer of ReLUs, which of its units (units,) are at 0 on all frames; a channel, at all its places too.

    x (N, 64, 21, 21), as `to_input` makes it.
    """
    dead = []
    with torch.autocast(x.device.type, torch.bfloat16, enabled=network.bf16):
        for layer in network.trunk:
            x = layer(x)
            if isinstance(layer, nn.ReLU):
                dead.append((x <= 0).transpose(0, 1).flatten(1).all(dim=1))
    return dead


@torch.no_grad()
def recycle_dead_units(student: Learner, x: Tensor, generator: torch.Generator) -> int:
    """Give dead units new incoming weights and outgoing weights of 0, so that the student's outputs stay as they are.

    x (N, 64, 21, 21); `generator`, on the CPU, draws the weights. The network must have nothing but one layer with
    weights before each ReLU, as those of the catalogue. Returns the number of recycled units.
    """
    network = student.network
    layers = [layer for layer in (*network.trunk, network.head) if isinstance(layer, nn.Conv2d | nn.Linear)]
    recycled = 0
    for layer, following, dead in zip(layers[:-1], layers[1:], dead_units(network, x), strict=True):
        if not dead.any():
            continue
        recycled += int(dead.sum())
        fresh = orthogonal_weight(layer.weight.shape, generator).to(x.device)
        incoming = dead.view(-1, *[1] * (layer.weight.ndim - 1)).expand_as(layer.weight)
        # A channel is one input of a convolution, but h · w of a fully connected layer.
        inputs = dead.repeat_interleave(following.weight.shape[1] // len(dead))
        outgoing = inputs.view(1, -1, *[1] * (following.weight.ndim - 2)).expand_as(following.weight)
        assert layer.bias is not None
        for parameter, begun, value in (
            (layer.weight, incoming, fresh),
            (layer.bias, dead, torch.zeros_like(layer.bias)),
            (following.weight, outgoing, torch.zeros_like(following.weight)),
        ):
            parameter.copy_(torch.where(begun, value, parameter))
            for optimiser in student.optimisers:
                if parameter in optimiser.state:
                    _forget(optimiser.state[parameter], begun)
    return recycled


def _forget(state: dict[str, Tensor], begun: Tensor) -> None:
    """The moments of weights that begin anew."""
    if "momentum" in state:
        state["momentum"].masked_fill_(begun, 0.0)
        return
    state["exp_avg"].masked_fill_(begun, 0.0)
    # Not 0: Adam counts steps by tensor, so its correction for a young average is over, and steps would be huge.
    square = state["exp_avg_sq"]
    living = square if bool(begun.all()) else square[~begun]
    square.masked_fill_(begun, float(living.mean()))
