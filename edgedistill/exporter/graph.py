"""The ONNX graph of a student, written node by node: int8 in QDQ form, or plain float32.

onnxruntime fuses the first to QLinearConv and QGemm, so that nothing but integers is multiplied: frames enter as uint8
NHWC with scale 1/255, since the raw screen is already quantised, exactly; logits leave as float32, since in 8 bits they
would tie.
"""

from math import prod

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from edgedistill.atari.emulator import STACK, Frames
from edgedistill.atari.resize import SIDE
from edgedistill.exporter.quantise import QuantisedLayer, float_layers, learnt_layers, quantised_layers
from edgedistill.networks.integers import ACTIVATION_LEVELS
from edgedistill.networks.network import AtariNetwork

# Per-channel DequantizeLinear came with opset 13; boards lag, so no newer one is asked for.
OPSET = 13
IR_VERSION = 8
DESCRIPTIONS = {
    # The promise is kept by 7-bit weights (see quantise.py) and held by `make test-arm`; it is onnxruntime's alone.
    "int8": "int8 static QDQ; 7-bit weights per channel, uint8 activations, float32 logits; on onnxruntime the same "
    "logits, bit for bit, on x86 with and without VNNI and on ARM with and without dot products",
    "float32": "float32 weights and activations; the logits' last bits differ from one kind of CPU to another",
}


def int8_model(student: AtariNetwork, calibration: Frames | None = None) -> onnx.ModelProto:
    """A student in integers: those that it learnt with, or else rounded on frames of its own play, calibration (N, 84,
    84, 4) uint8.

    The model maps `frames` (N, 84, 84, 4) uint8, newest last, to `logits` (N, A) float32.
    """
    if student.is_integer:
        layers = learnt_layers(student)
    else:
        assert calibration is not None, "a float student needs frames to be rounded on"
        layers = quantised_layers(student, calibration)
    graph = _Graph()
    value = graph.node("Transpose", ["frames"], "nchw", perm=[0, 3, 1, 2])
    channels, height, width = student.architecture.conv_shapes[-1]
    flat = False
    for number, layer in enumerate(layers, start=1):
        name, weight = f"layer{number}", layer.weight_int
        if layer.stride is None and not flat:
            # Flatten in NHWC order, so that onnxruntime cancels both transposes; the columns follow suit.
            value = graph.node("Flatten", [graph.node("Transpose", [value], "nhwc", perm=[0, 2, 3, 1])], "flat")
            assert weight.shape[1] == prod((channels, height, width))
            weight = weight.reshape(-1, channels, height, width).transpose(0, 2, 3, 1).reshape(len(weight), -1)
            flat = True
        inputs = [graph.dequantised(value, f"{name}_in"), *graph.parameters(layer, weight, name)]
        last = number == len(layers)
        if layer.stride is None:
            output = graph.node("Gemm", inputs, "logits" if last else name, transB=1)
        else:
            output = graph.convolution(inputs, name, weight, layer.stride, layer.groups)
        if not last:
            value = graph.quantised(graph.node("Relu", [output], f"{name}_relu"), f"{name}_out")
    return graph.model(student.actions)


@torch.inference_mode()
def float32_model(student: AtariNetwork) -> onnx.ModelProto:
    """The student as it is, with the interface and the operators of `int8_model`: a board needs no more."""
    graph = _Graph()
    value = graph.node("Transpose", [graph.dequantised("frames", "pixels")], "nchw", perm=[0, 3, 1, 2])
    layers = float_layers(student)
    flat = False
    for number, layer in enumerate(layers, start=1):
        name = f"layer{number}"
        if layer.stride is None and not flat:
            value, flat = graph.node("Flatten", [value], "flat"), True
        weight, bias = layer.weight.numpy(), layer.bias.numpy()
        inputs = [value, graph.constant(f"{name}_weight", weight), graph.constant(f"{name}_bias", bias)]
        last = number == len(layers)
        if layer.stride is None:
            value = graph.node("Gemm", inputs, "logits" if last else name, transB=1)
        else:
            value = graph.convolution(inputs, name, weight, layer.stride, layer.groups)
        if not last:
            value = graph.node("Relu", [value], f"{name}_relu")
    return graph.model(student.actions)


class _Graph:
    """ONNX nodes and initialisers under construction."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._initialisers: list[onnx.TensorProto] = []
        # All activations share one scale and zero point.
        self._activation = [
            self.constant("activation_scale", np.array(1 / ACTIVATION_LEVELS, np.float32)),
            self.constant("activation_zero", np.array(0, np.uint8)),
        ]

    def node(self, kind: str, inputs: list[str], output: str, **attributes: int | list[int]) -> str:
        node = helper.make_node(kind, inputs, [output], name=output)
        node.attribute.extend(helper.make_attribute(name, value) for name, value in attributes.items())
        self._nodes.append(node)
        return output

    def convolution(self, inputs: list[str], output: str, weight: NDArray[np.generic], stride: int, groups: int) -> str:
        """Of filters (out, in of a group, k, k)."""
        depthwise = {"group": groups} if groups > 1 else {}
        return self.node("Conv", inputs, output, strides=[stride] * 2, kernel_shape=list(weight.shape[2:]), **depthwise)

    def constant(self, name: str, value: NDArray[np.generic]) -> str:
        self._initialisers.append(numpy_helper.from_array(np.ascontiguousarray(value).reshape(value.shape), name))
        return name

    def dequantised(self, value: str, output: str) -> str:
        """uint8 -> float in [0, 1]."""
        return self.node("DequantizeLinear", [value, *self._activation], output)

    def quantised(self, value: str, output: str) -> str:
        """Float in [0, 1] -> uint8."""
        return self.node("QuantizeLinear", [value, *self._activation], output)

    def parameters(self, layer: QuantisedLayer, weight: NDArray[np.int8], name: str) -> list[str]:
        """A layer's weight (int8) and bias (int32), each behind a DequantizeLinear; the names of the float values."""
        # The bias is added to sums of products, so it carries the product of both scales.
        bias_scale = layer.weight_scale * np.float32(1 / ACTIVATION_LEVELS)
        names = []
        for what, integers, scale in (("weight", weight, layer.weight_scale), ("bias", layer.bias_int, bias_scale)):
            inputs = [
                self.constant(f"{name}_{what}_int", integers),
                self.constant(f"{name}_{what}_scale", scale),
                self.constant(f"{name}_{what}_zero", np.zeros(len(scale), integers.dtype)),
            ]
            names.append(self.node("DequantizeLinear", inputs, f"{name}_{what}", axis=0))
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
        model = helper.make_model(graph, opset_imports=[opset], ir_version=IR_VERSION, producer_name="edgedistill")
        onnx.checker.check_model(model, full_check=True)
        return model
