"""A student that computes with the integers of its export, while it still learns.

Weights are rounded to 7 bits per output channel and activations to uint8, as `exporter/quantise.py` explains; the same
integers go into the `.onnx` file. This is quantisation-aware training: roundings let gradients pass (the
straight-through estimator: Bengio et al. 2013, arXiv 1308.3432). In float32 all sums are of whole numbers below 2²⁴, so
that its logits are those of ONNX Runtime.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx

if TYPE_CHECKING:
    from edgedistill.networks.network import AtariNetwork

# 7 bits: on CPUs without VNNI the 16-bit sums of two uint8 × int8 products overflow with 8.
WEIGHT_LIMIT = 63
ACTIVATION_LEVELS = 255
# With products of a few hundred inputs, sums then stay below 2²⁴.
BIAS_LIMIT = 2**23
LEVEL = torch.tensor(1 / ACTIVATION_LEVELS)
# A unit that hardly fires on the frames it is measured with may fire in play: it counts with this share of its layer.
SMALLEST_RANGE = 0.01


class _Rounded(torch.autograd.Function):
    """Whole numbers forward, the gradient unchanged backward."""

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor) -> Tensor:
        return x.round()

    @staticmethod
    def backward(ctx: FunctionCtx, gradient: Tensor) -> Tensor:
        return gradient


def rounded(x: Tensor) -> Tensor:
    """x to the nearest whole numbers, half to even; the gradient passes."""
    result: Tensor = _Rounded.apply(x)  # type: ignore[no-untyped-call]
    return result


class _Activation(torch.autograd.Function):
    """Sums × multiplier, cut to 0 … 255 and rounded; the gradient passes where nothing was cut."""

    @staticmethod
    def forward(ctx: FunctionCtx, sums: Tensor, multiplier: Tensor) -> Tensor:
        x = sums.float() * multiplier
        ctx.save_for_backward((x > 0) & (x < ACTIVATION_LEVELS), multiplier)
        # bfloat16 holds whole numbers up to 256.
        return x.clamp_(0, ACTIVATION_LEVELS).round_().to(sums.dtype)

    @staticmethod
    def backward(ctx: FunctionCtx, gradient: Tensor) -> tuple[Tensor, None]:
        inside, multiplier = ctx.saved_tensors  # type: ignore[attr-defined]
        return (gradient * inside).mul_(multiplier), None


def activation_ranges(largest: Tensor) -> Tensor:
    """What each unit of a layer, or channel, is divided by before it is rounded, from its largest values (units,).

    The root of its own range × the layer's: dividing by its own alone would spend the bits of the weights that follow.
    A scale passes through a ReLU to these weights, as in Nagel et al. 2019 (arXiv 1906.04721, section 4.1), where the
    weights choose it.
    """
    top = largest.max().clamp_min(1e-6)
    return (largest.clamp_min(SMALLEST_RANGE * top) * top).sqrt()


def weight_scale(weight: Tensor, bias: Tensor) -> Tensor:
    """What 1 is worth in the integer weights of outputs (…,), from their weights (…, in) and biases (…,).

    The bias must fit, too. It would not beside weights near 0, such as those of a depthwise filter of a dead channel.
    """
    largest = weight.abs().amax(dim=-1)
    return torch.maximum(largest / WEIGHT_LIMIT, bias.abs() * (ACTIVATION_LEVELS / BIAS_LIMIT)).clamp_min(1e-10)


@torch.no_grad()
def measure_ranges(network: "AtariNetwork", x: Tensor) -> Tensor:
    """The ranges of all hidden units, or channels, one layer after the other (units of all,), on x (N, 64, 21, 21)."""
    found = []
    for layer in network.trunk:
        x = layer(x)
        if isinstance(layer, nn.ReLU):
            found.append(activation_ranges(x.float().transpose(0, 1).flatten(1).amax(dim=1)))
    return torch.cat(found)


class ScaledLayer(NamedTuple):
    """A layer in whole numbers, as a file holds it."""

    weight: Tensor
    bias: Tensor
    """(out,)"""
    scale: Tensor
    """(out,): what 1 is worth in the weights"""


class Parameters(NamedTuple):
    """A layer in whole numbers, as it is computed with."""

    weight: Tensor
    bias: Tensor
    """(out,)"""
    multiplier: Tensor
    """(out,): of its sums, to levels of uint8 or, in the last layer, to logits"""


def integer_layer(layer: nn.Conv2d | nn.Linear, inputs: Tensor, outputs: Tensor) -> ScaledLayer:
    """A layer in whole numbers.

    `inputs` (in,) and `outputs` (out,) are the ranges on both sides.
    """
    rest = [1] * (layer.weight.ndim - 2)
    weight = layer.weight * (per_weight(inputs, layer.weight) / outputs.view(-1, 1, *rest))
    bias = plain_bias(layer) / outputs
    scale = weight_scale(weight.detach().flatten(1), bias.detach())
    return ScaledLayer(rounded(weight / scale.view(-1, 1, *rest)), rounded(bias / (scale / ACTIVATION_LEVELS)), scale)


def integer_layers(network: "AtariNetwork") -> list[ScaledLayer]:
    """All of a network's layers in whole numbers."""
    layers = network.weighted_layers()
    sizes = [len(layer.weight) for layer in layers[:-1]]
    pixels = network.ranges.new_ones(layers[0].weight.shape[1])
    logits = network.ranges.new_ones(len(layers[-1].weight))
    ranges = [pixels, *torch.split(network.ranges, sizes), logits]
    return [integer_layer(layer, ranges[i], ranges[i + 1]) for i, layer in enumerate(layers)]


def integer_parameters(network: "AtariNetwork") -> list[Parameters]:
    """What `forward_through` takes of each layer."""
    layers = integer_layers(network)
    # ONNX Runtime multiplies the scales of inputs and weights, and divides by that of the outputs, in this order.
    multipliers = [layer.scale * LEVEL / LEVEL for layer in layers[:-1]] + [layers[-1].scale * LEVEL]
    return [Parameters(layer.weight, layer.bias, by) for layer, by in zip(layers, multipliers, strict=True)]


def forward_through(
    layers: Sequence[nn.Conv2d | nn.Linear],
    parameters: Sequence[Parameters],
    x: Tensor,
    *,
    bf16: bool,
) -> Tensor:
    """x (N, 64, 21, 21), pixel values from 0 to 255 -> logits (N, A) float32.

    With `bf16` sums are rounded to bfloat16 on the way; whole numbers up to 256 are exact in it.
    """
    for number, (layer, (weight, bias, multiplier)) in enumerate(zip(layers, parameters, strict=True)):
        last = number == len(layers) - 1
        if last:
            x = x.float()
        with torch.autocast(x.device.type, torch.bfloat16, enabled=bf16 and not last):
            if isinstance(layer, nn.Linear):
                sums = nn.functional.linear(x.flatten(1), weight, bias)
            else:
                sums = convolve_integers(layer, x, weight, bias)
        if last:
            return sums.float() * multiplier
        x = _Activation.apply(sums, multiplier.view(1, -1, *[1] * (sums.ndim - 2)))  # type: ignore[no-untyped-call]
    raise AssertionError("a network without a head")


def per_weight(inputs: Tensor, weight: Tensor) -> Tensor:
    """What belongs to a layer's inputs (in,), channels before a flatten, laid out beside its weights (out, …)."""
    rest = [1] * (weight.ndim - 2)
    if weight.ndim == 4 and weight.shape[1] < len(inputs):  # depthwise: a filter each
        return inputs.view(-1, 1, *rest)
    # Behind the flatten a channel feeds height × width columns.
    return inputs.repeat_interleave(weight.shape[1] // len(inputs)).view(1, -1, *rest)


def convolve_integers(layer: nn.Conv2d, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """A convolution with other weights; the first layer's is of frames around their background, with the same sums."""
    background = getattr(layer, "background", None)
    if isinstance(background, Tensor):
        bias = bias + background * weight.sum(dim=(1, 2, 3))
        sums: Tensor = layer.convolve(x - background.to(x.dtype), weight, bias)  # type: ignore[operator]
        return sums
    return nn.functional.conv2d(x, weight, bias, layer.stride, groups=layer.groups)


def plain_bias(layer: nn.Conv2d | nn.Linear) -> Tensor:
    """A layer's bias on inputs as they are: a student's first one sees frames around their background."""
    plain = getattr(layer, "plain_bias", None)
    bias = plain() if plain else layer.bias
    assert isinstance(bias, Tensor)
    return bias
