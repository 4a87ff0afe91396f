"""A float student as an int8 ONNX graph, written node by node.

The graph is in QDQ form: onnxruntime fuses it to QLinearConv and QGemm, so that nothing but integers is multiplied.

- frames enter as uint8 NHWC with scale 1/255: the raw screen is already quantised, exactly;
- activations are uint8 with zero point 0 (all follow a ReLU, so nothing is lost below) and scale 1/255 too: each
  channel is divided by the largest value that it took in calibration, and the next layer's weights multiplied by it,
  which a ReLU lets pass unchanged (Nagel et al. 2019, arXiv 1906.04721, section 4.1, with ranges from data);
- weights are int8 per output channel, in 7 bits (±63): on CPUs without VNNI the 16-bit sums of uint8 × int8 products
  saturate with 8 bits, and the logits then differ from machine to machine;
- logits leave as float32: rounded to 8 bits they would tie.
"""

from dataclasses import dataclass

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from edgedistill.atari.emulator import STACK, Frames
from edgedistill.atari.resize import SIDE
from edgedistill.networks.network import AtariNetwork, CentredConv2d, to_input

# Per-channel DequantizeLinear came with opset 13; boards lag, so no newer one is asked for.
OPSET = 13
IR_VERSION = 8
WEIGHT_LIMIT = 63
ACTIVATION_SCALE = 1 / 255
# A channel that hardly fires in calibration may fire in play: it gets at least this share of the layer's range.
SMALLEST_RANGE = 0.01
DESCRIPTION = "int8 static QDQ; 7-bit weights per channel, uint8 activations, float32 logits"


@dataclass(frozen=True)
class Layer:
    """A convolution or fully connected layer, its channels scaled to activations of at most 1."""

    weight: NDArray[np.float32]
    """(out, in, k, k) or (out, in)"""
    bias: NDArray[np.float32]
    """(out,)"""
    stride: int | None
    """None for a fully connected layer"""


@torch.inference_mode()
def activation_ranges(student: AtariNetwork, frames: Frames) -> list[NDArray[np.float32]]:
    """The largest value of each channel after each ReLU, on `frames` (N, 84, 84, 4) uint8: one (C,) a layer."""
    ranges: list[NDArray[np.float32]] = []
    for start in range(0, len(frames), 256):
        x = to_input(np.moveaxis(frames[start : start + 256], 3, 1), torch.device("cpu"), torch.float32)
        seen = []
        for module in student.trunk:
            x = module(x)
            if isinstance(module, nn.ReLU):
                seen.append(x.transpose(0, 1).flatten(1).amax(dim=1).numpy())
        ranges = [np.maximum(a, b) for a, b in zip(ranges, seen, strict=True)] if ranges else seen
    return [np.maximum(each, max(SMALLEST_RANGE * each.max(), 1e-6)) for each in ranges]


def scaled_layers(student: AtariNetwork, ranges: list[NDArray[np.float32]]) -> list[Layer]:
    """The student's layers, with the ranges of their inputs and outputs moved into the weights."""
    modules = [module for module in [*student.trunk, student.head] if isinstance(module, nn.Conv2d | nn.Linear)]
    layers = []
    inputs = np.ones(STACK, np.float32)
    for module, outputs in zip(modules, [*ranges, np.ones(student.actions, np.float32)], strict=True):
        assert module.bias is not None
        plain_bias = module.plain_bias() if isinstance(module, CentredConv2d) else module.bias
        weight, bias = module.weight.detach().numpy(), plain_bias.detach().numpy()
        # Behind the flatten a channel feeds height × width columns.
        columns = inputs.repeat(weight.shape[1] // len(inputs))
        weight = weight * columns.reshape(1, -1, *[1] * (weight.ndim - 2))
        weight = weight / outputs.reshape(-1, *[1] * (weight.ndim - 1))
        stride = module.stride[0] if isinstance(module, nn.Conv2d) else None
        layers.append(Layer(weight.astype(np.float32), (bias / outputs).astype(np.float32), stride))
        inputs = outputs
    return layers


def int8_model(student: AtariNetwork, calibration: Frames) -> onnx.ModelProto:
    """Quantise a student on frames of its own play, calibration (N, 84, 84, 4) uint8."""
    graph = _Graph()
    channels, height, width = student.architecture.conv_shapes[-1]
    value = graph.node("Transpose", ["frames"], "nchw", perm=[0, 3, 1, 2])
    layers = scaled_layers(student, activation_ranges(student, calibration))
    flat = False
    for number, layer in enumerate(layers, start=1):
        name, weight = f"layer{number}", layer.weight
        if layer.stride is None and not flat:
            # Flatten in NHWC order, so that onnxruntime cancels both transposes; the columns follow suit.
            value = graph.node("Flatten", [graph.node("Transpose", [value], "nhwc", perm=[0, 2, 3, 1])], "flat")
            weight = weight.reshape(-1, channels, height, width).transpose(0, 2, 3, 1).reshape(len(weight), -1)
            flat = True
        inputs = [graph.dequantised(value, f"{name}_in"), *graph.parameters(weight, layer.bias, name)]
        if number == len(layers):
            graph.node("Gemm", inputs, "logits", transB=1)
        elif layer.stride is None:
            graph.node("Gemm", inputs, name, transB=1)
        else:
            graph.node("Conv", inputs, name, strides=[layer.stride] * 2, kernel_shape=list(weight.shape[2:]))
        if number < len(layers):
            value = graph.quantised(graph.node("Relu", [name], f"{name}_relu"), f"{name}_out")
    model = graph.model(student.actions)
    onnx.checker.check_model(model, full_check=True)
    return model


class _Graph:
    """ONNX nodes and initialisers under construction."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._initialisers: list[onnx.TensorProto] = []

    def node(self, kind: str, inputs: list[str], output: str, **attributes: int | list[int]) -> str:
        node = helper.make_node(kind, inputs, [output], name=output)
        node.attribute.extend(helper.make_attribute(name, value) for name, value in attributes.items())
        self._nodes.append(node)
        return output

    def constant(self, name: str, value: NDArray[np.generic]) -> str:
        self._initialisers.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def dequantised(self, value: str, output: str) -> str:
        """uint8 -> float in [0, 1]."""
        return self.node("DequantizeLinear", [value, *self._activation()], output)

    def quantised(self, value: str, output: str) -> str:
        """Float in [0, 1] -> uint8."""
        return self.node("QuantizeLinear", [value, *self._activation()], output)

    def _activation(self) -> list[str]:
        """Scale and zero point of all activations, stored once."""
        if not any(tensor.name == "activation_scale" for tensor in self._initialisers):
            self.constant("activation_scale", np.array(ACTIVATION_SCALE, np.float32))
            self.constant("activation_zero", np.array(0, np.uint8))
        return ["activation_scale", "activation_zero"]

    def parameters(self, weight: NDArray[np.float32], bias: NDArray[np.float32], layer: str) -> list[str]:
        """A layer's weight (int8) and bias (int32), each behind a DequantizeLinear; the names of the float values."""
        axes = tuple(range(1, weight.ndim))
        weight_scale = (np.abs(weight).max(axis=axes).clip(1e-8) / WEIGHT_LIMIT).astype(np.float32)
        weight_int = np.rint(weight / weight_scale.reshape(-1, *[1] * len(axes))).astype(np.int8)
        # The bias is added to sums of products, so it carries the product of both scales.
        bias_scale = weight_scale * np.float32(ACTIVATION_SCALE)
        limit = np.iinfo(np.int32)
        bias_int = np.rint(bias.astype(np.float64) / bias_scale).clip(limit.min, limit.max).astype(np.int32)
        names = []
        for what, integers, scale in (("weight", weight_int, weight_scale), ("bias", bias_int, bias_scale)):
            name = f"{layer}_{what}"
            inputs = [
                self.constant(f"{name}_int", integers),
                self.constant(f"{name}_scale", scale),
                self.constant(f"{name}_zero", np.zeros(len(scale), integers.dtype)),
            ]
            names.append(self.node("DequantizeLinear", inputs, name, axis=0))
        return names

    def model(self, actions: int) -> onnx.ModelProto:
        graph = helper.make_graph(
            self._nodes,
            "student",
            [helper.make_tensor_value_info("frames", TensorProto.UINT8, ["N", SIDE, SIDE, STACK])],
            [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", actions])],
            self._initialisers,
        )
        opset = helper.make_opsetid("", OPSET)
        return helper.make_model(graph, opset_imports=[opset], ir_version=IR_VERSION, producer_name="edgedistill")
