"""A float student's weights in integers, with the float student's own activations as the measure.

- Activations are uint8 with zero point 0 (all follow a ReLU) and scale 1/255. Each channel is divided by the square
  root of (its own range × the layer's), and the next layer's weights multiplied by it, which a ReLU lets pass unchanged
  (Nagel et al. 2019, arXiv 1906.04721, section 4.1). Dividing by the whole range spends the weights' bits instead: with
  plain rounding, int8 and float agreed on 95.2% of a Pong student's frames, against 97.0% with the root.
- Weights are int8 per output channel, in 7 bits (±63): on CPUs without VNNI the 16-bit sums of uint8 × int8 products
  saturate with 8 bits, and the logits then differ from machine to machine: with its weights doubled and its scales
  halved, the shipped `micro` of Pong gives other logits on 298 of 300 frames on an emulated Haswell, by up to 5.8.
- Layer by layer, weights are first fitted to what the float layer gave, on inputs that the layers before have rounded;
  then rounded one input after the other, the rest making up for each error (GPTQ, Frantar et al. 2022, arXiv
  2210.17323); and biases take up the mean error that is left (Nagel et al. 2019, section 4.2).
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import unfold

from edgedistill.atari.emulator import STACK, Frames
from edgedistill.networks.integers import (
    ACTIVATION_LEVELS,
    WEIGHT_LIMIT,
    activation_ranges,
    integer_layers,
    per_weight,
    plain_bias,
    weight_scale,
)
from edgedistill.networks.network import AtariNetwork, groups_of

# Of the mean diagonal, added so that inputs that never vary leave the second moments invertible.
DAMPING = 1e-4
# Frames whose activations are held at once.
CHUNK = 50


@dataclass(frozen=True)
class QuantisedLayer:
    """A convolution or fully connected layer: weight_int · weight_scale is its weight, on inputs in [0, 1]."""

    weight_int: NDArray[np.int8]
    """(out, in, k, k), (out, 1, k, k) where depthwise, or (out, in)"""
    weight_scale: NDArray[np.float32]
    """(out,)"""
    bias_int: NDArray[np.int32]
    """(out,): the bias, in products of a weight and an input, so of weight_scale / 255"""
    stride: int | None
    """None for a fully connected layer"""
    groups: int = 1
    """As many as channels where it is depthwise"""


@dataclass(frozen=True)
class FloatLayer:
    """A float layer."""

    weight: Tensor
    bias: Tensor
    stride: int | None
    groups: int = 1

    def inputs(self, x: Tensor) -> Tensor:
        """What the weights of each group meet, (groups, rows, in · k · k): image patches for a convolution."""
        if self.stride is None:
            return x.flatten(1)[None]
        patches = unfold(x, self.weight.shape[-1], stride=self.stride)  # (N, in · k · k, places)
        return patches.transpose(1, 2).reshape(-1, self.groups, self.weight[0].numel()).transpose(0, 1)

    def __call__(self, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        if self.stride is None:
            return nn.functional.linear(x.flatten(1), weight, bias)
        return nn.functional.conv2d(x, weight, bias, stride=self.stride, groups=self.groups)


@torch.inference_mode()
def learnt_layers(student: AtariNetwork) -> list[QuantisedLayer]:
    """The integers with which a student computes already."""
    layers = []
    for layer, (weight, bias, scale) in zip(student.weighted_layers(), integer_layers(student), strict=True):
        stride = layer.stride[0] if isinstance(layer, nn.Conv2d) else None
        integers = weight.to(torch.int8).numpy(), scale.numpy(), bias.to(torch.int32).numpy()
        layers.append(QuantisedLayer(*integers, stride, groups_of(layer)))
    return layers


@torch.inference_mode()
def quantised_layers(student: AtariNetwork, calibration: Frames) -> list[QuantisedLayer]:
    """Quantise a float student on frames of its own play, calibration (N, 84, 84, 4) uint8."""
    plain = float_layers(student)
    layers = _scaled_layers(plain, _activation_ranges(plain, calibration))
    exact = list(_inputs(calibration))
    rounded = [x.clone() for x in exact]  # the same frames through the layers quantised so far
    quantised = []
    for number, layer in enumerate(layers):
        expected = [layer(x, layer.weight, layer.bias) for x in exact]
        moments, fitted = _fit(layer, rounded, expected)
        scale = weight_scale(fitted, layer.bias.view(layer.groups, -1))[..., None]
        integers = _round_weights(fitted, scale, moments)
        weight = (integers * scale).reshape(layer.weight.shape)
        got = [layer(x, weight, layer.bias) for x in rounded]
        errors = torch.cat([(a - b).transpose(0, 1).flatten(1) for a, b in zip(got, expected, strict=True)], dim=1)
        error = errors.mean(dim=1)
        quantised.append(
            QuantisedLayer(
                integers.reshape(layer.weight.shape).to(torch.int8).numpy(),
                scale.flatten().numpy(),
                ((layer.bias - error) / (scale.flatten() / ACTIVATION_LEVELS)).round().to(torch.int32).numpy(),
                layer.stride,
                layer.groups,
            )
        )
        if number < len(layers) - 1:
            exact = [y.relu() for y in expected]
            shift = error.reshape(1, -1, *[1] * (got[0].ndim - 2))
            rounded = [_round_activations(y - shift) for y in got]
    return quantised


def _inputs(frames: Frames) -> list[Tensor]:
    """frames (N, 84, 84, 4) uint8 -> chunks (n, 4, 84, 84) in [0, 1]."""
    chunks = [frames[start : start + CHUNK] for start in range(0, len(frames), CHUNK)]
    return [torch.from_numpy(chunk).permute(0, 3, 1, 2) / 255 for chunk in chunks]


def float_layers(student: AtariNetwork) -> list[FloatLayer]:
    """The student's own layers, for frames (N, 4, 84, 84) in [0, 1]."""
    layers = []
    for module in student.weighted_layers():
        stride = module.stride[0] if isinstance(module, nn.Conv2d) else None
        layers.append(FloatLayer(module.weight, plain_bias(module), stride, groups_of(module)))
    return layers


def _activation_ranges(layers: list[FloatLayer], frames: Frames) -> list[Tensor]:
    """The largest value of each channel behind each layer but the last, on the frames: one (C,) a layer."""
    ranges: list[Tensor] = []
    for x in _inputs(frames):
        seen = []
        for layer in layers[:-1]:
            x = layer(x, layer.weight, layer.bias).relu()
            seen.append(x.transpose(0, 1).flatten(1).amax(dim=1))
        ranges = [torch.maximum(a, b) for a, b in zip(ranges, seen, strict=True)] if ranges else seen
    return ranges


def _scaled_layers(layers: list[FloatLayer], ranges: list[Tensor]) -> list[FloatLayer]:
    """The same layers, with the scales of their inputs and outputs moved into the weights."""
    scaled = []
    inputs = torch.ones(STACK)
    outputs = [activation_ranges(each) for each in ranges] + [torch.ones(len(layers[-1].weight))]
    for layer, output in zip(layers, outputs, strict=True):
        rest = [1] * (layer.weight.ndim - 2)
        weight = layer.weight * per_weight(inputs, layer.weight) / output.reshape(-1, 1, *rest)
        scaled.append(FloatLayer(weight, layer.bias / output, layer.stride, layer.groups))
        inputs = output
    return scaled


def _fit(layer: FloatLayer, chunks: list[Tensor], expected: list[Tensor]) -> tuple[Tensor, Tensor]:
    """The weights that bring a layer on its rounded inputs closest to what it gave on the exact ones.

    A ridge regression around the layer's own weights. Returns, for each of G groups, the damped second moments E[x xᵀ]
    of its inputs (G, in, in), in float64, and its weights (G, out, in).
    """
    groups, rows, size = layer.groups, 0, layer.weight[0].numel()
    moments = torch.zeros(groups, size, size, dtype=torch.float64)
    cross = torch.zeros(groups, len(layer.weight) // groups, size, dtype=torch.float64)
    for chunk, wanted in zip(chunks, expected, strict=True):
        # In float32, sums over inputs that are alike lose more than the damping adds, and the moments are indefinite.
        x = layer.inputs(chunk).double()
        missing = (wanted - layer(chunk, layer.weight, layer.bias)).transpose(0, 1).flatten(1)  # (out, rows)
        moments += x.mT @ x
        cross += missing.double().reshape(groups, -1, x.shape[1]) @ x
        rows += x.shape[1]
    moments /= rows
    damping = DAMPING * moments.diagonal(dim1=1, dim2=2).mean(dim=1).clamp_min(1e-12)
    moments += damping[:, None, None] * torch.eye(size, dtype=torch.float64)
    correction = torch.linalg.solve(moments, (cross / rows).mT).mT
    return moments, layer.weight.reshape(groups, -1, size) + correction.float()


def _round_weights(weight: Tensor, scale: Tensor, moments: Tensor) -> Tensor:
    """GPTQ, algorithm 1, in G groups: weight (G, out, in), scale (G, out, 1), moments (G, in, in) -> whole numbers
    (G, out, in)."""
    inverse = torch.linalg.cholesky(torch.linalg.inv(moments), upper=True)
    left = weight.double() / scale.double()
    integers = torch.zeros_like(left)
    for column in range(left.shape[2]):
        integers[..., column] = left[..., column].round().clamp(-WEIGHT_LIMIT, WEIGHT_LIMIT)
        error = (left[..., column] - integers[..., column]) / inverse[:, column, column, None]
        left[..., column + 1 :] -= error[..., None] * inverse[:, None, column, column + 1 :]
    return integers.float()


def _round_activations(x: Tensor) -> Tensor:
    """What a layer's output is after the ReLU in uint8."""
    return (x.clamp(0, 1) * ACTIVATION_LEVELS).round() / ACTIVATION_LEVELS
