"""A float student as an int8 ONNX graph, written node by node.

The graph is in QDQ form: onnxruntime fuses it to QLinearConv and QGemm, so that nothing but integers is multiplied.

- frames enter as uint8 NHWC with scale 1/255: the raw screen is already quantised, exactly;
- activations are uint8 with zero point 0 (all follow a ReLU, so nothing is lost below), scaled by the largest value
  seen in calibration;
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

from edgedistill.atari.emulator import STACK
from edgedistill.atari.resize import SIDE
from edgedistill.networks.network import AtariNetwork, to_input

# Per-channel DequantizeLinear came with opset 13; boards lag, so no newer one is asked for.
OPSET = 13
IR_VERSION = 8
WEIGHT_LIMIT = 63
ACTIVATION_LIMIT = 255
DESCRIPTION = "int8 static QDQ; 7-bit weights per channel, uint8 activations, float32 logits"


@dataclass(frozen=True)
class Layer:
    """A convolution or fully connected layer with what its quantisation needs."""

    weight: NDArray[np.float32]
    """(out, in, k, k) or (out, in)"""
    bias: NDArray[np.float32]
    stride: int | None
    """None for a fully connected layer"""
    output_max: float | None
    """Largest activation after the ReLU; None for the last layer, whose output stays float"""


@torch.inference_mode()
def calibrated_layers(student: AtariNetwork, frames: NDArray[np.uint8]) -> list[Layer]:
    """The student's layers with the activation ranges seen on `frames` (N, 84, 84, 4) uint8."""
    modules = [*student.trunk, student.head]
    maxima: dict[int, float] = {}
    for start in range(0, len(frames), 256):
        x = to_input(np.moveaxis(frames[start : start + 256], 3, 1), torch.device("cpu"), torch.float32)
        for index, module in enumerate(student.trunk):
            x = module(x)
            maxima[index] = max(maxima.get(index, 0.0), float(x.max()))
    layers = []
    for index, module in enumerate(modules):
        if isinstance(module, nn.Conv2d | nn.Linear):
            stride = module.stride[0] if isinstance(module, nn.Conv2d) else None
            # The ReLU follows its layer; a layer that never fires still needs a scale above 0.
            output_max = max(maxima[index + 1], 1e-6) if index < len(modules) - 1 else None
            assert module.bias is not None
            layers.append(Layer(module.weight.numpy(), module.bias.numpy(), stride, output_max))
    return layers


def int8_model(student: AtariNetwork, calibration: NDArray[np.uint8]) -> onnx.ModelProto:
    """Quantise a student on frames of its own play, calibration (N, 84, 84, 4) uint8."""
    graph = _Graph()
    channels, height, width = student.architecture.conv_shapes[-1]
    value, scale = graph.node("Transpose", ["frames"], "nchw", perm=[0, 3, 1, 2]), 1 / 255
    flat = False
    for number, layer in enumerate(calibrated_layers(student, calibration), start=1):
        name, weight = f"layer{number}", layer.weight
        if layer.stride is None and not flat:
            # Flatten in NHWC order, so that onnxruntime cancels both transposes; the columns follow suit.
            value = graph.node("Flatten", [graph.node("Transpose", [value], "nhwc", perm=[0, 2, 3, 1])], "flat")
            weight = weight.reshape(-1, channels, height, width).transpose(0, 2, 3, 1).reshape(len(weight), -1)
            flat = True
        inputs = [
            graph.dequantised(value, scale, f"{name}_in"),
            *graph.parameters(weight, layer.bias, scale, name),
        ]
        if layer.output_max is None:
            graph.node("Gemm", inputs, "logits", transB=1)
            break
        if layer.stride is None:
            graph.node("Gemm", inputs, name, transB=1)
        else:
            graph.node("Conv", inputs, name, strides=[layer.stride] * 2, kernel_shape=list(weight.shape[2:]))
        scale = layer.output_max / ACTIVATION_LIMIT
        value = graph.quantised(graph.node("Relu", [name], f"{name}_relu"), scale, f"{name}_out")
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

    def dequantised(self, value: str, scale: float, output: str) -> str:
        """uint8 -> float, zero point 0."""
        return self.node("DequantizeLinear", [value, *self._scale_and_zero(scale, output)], output)

    def quantised(self, value: str, scale: float, output: str) -> str:
        """float -> uint8, zero point 0."""
        return self.node("QuantizeLinear", [value, *self._scale_and_zero(scale, output)], output)

    def _scale_and_zero(self, scale: float, name: str) -> list[str]:
        return [
            self.constant(f"{name}_scale", np.array(scale, np.float32)),
            self.constant(f"{name}_zero", np.array(0, np.uint8)),
        ]

    def parameters(
        self, weight: NDArray[np.float32], bias: NDArray[np.float32], input_scale: float, layer: str
    ) -> list[str]:
        """A layer's weight (int8) and bias (int32), each behind a DequantizeLinear; the names of the float values."""
        axes = tuple(range(1, weight.ndim))
        weight_scale = (np.abs(weight).max(axis=axes).clip(1e-8) / WEIGHT_LIMIT).astype(np.float32)
        weight_int = np.rint(weight / weight_scale.reshape(-1, *[1] * len(axes))).astype(np.int8)
        # The bias is added to sums of products, so it carries the product of both scales.
        bias_scale = weight_scale * np.float32(input_scale)
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
