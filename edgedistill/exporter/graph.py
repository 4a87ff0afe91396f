"""The ONNX graph of a student, written node by node: int8, or plain float32.

In int8 nothing but integers is multiplied: hidden layers are QLinearConv, whose zero point of 0 is the ReLU, and the
last one is MatMulInteger. Frames enter as uint8 NHWC with scale 1/255, since the raw screen is already quantised,
exactly; logits leave as float32, since in 8 bits they would tie. Names are short and nothing is said twice: beside a
student of 2,500 weights each byte counts.
"""

from collections.abc import Sequence

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
    return model_of(layers, student.architecture.conv_shapes[-1])


def model_of(layers: Sequence[QuantisedLayer], features: tuple[int, int, int]) -> onnx.ModelProto:
    """The same of its layers; `features` (channels, height, width) are what the convolutions end in."""
    graph = _Graph()
    value = graph.node("Transpose", ["frames"], "x0", perm=[0, 3, 1, 2])
    graph.logits(graph.hidden_layers(value, layers[:-1], features), layers[-1])
    return graph.model(len(layers[-1].weight_int))


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
            depthwise = {"group": layer.groups} if layer.groups > 1 else {}
            sizes = {"strides": [layer.stride] * 2, "kernel_shape": list(weight.shape[2:])}
            value = graph.node("Conv", inputs, name, **sizes, **depthwise)
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
            self.constant("s", np.array(1 / ACTIVATION_LEVELS, np.float32)),
            self.constant("z", np.array(0, np.uint8)),
        ]

    def node(self, kind: str, inputs: list[str], output: str, **attributes: int | list[int]) -> str:
        node = helper.make_node(kind, inputs, [output])
        node.attribute.extend(helper.make_attribute(name, value) for name, value in attributes.items())
        self._nodes.append(node)
        return output

    def constant(self, name: str, value: NDArray[np.generic]) -> str:
        self._initialisers.append(numpy_helper.from_array(np.ascontiguousarray(value).reshape(value.shape), name))
        return name

    def dequantised(self, value: str, output: str) -> str:
        """uint8 -> float in [0, 1]."""
        return self.node("DequantizeLinear", [value, *self._activation], output)

    def hidden_layers(self, value: str, layers: Sequence[QuantisedLayer], features: tuple[int, int, int]) -> str:
        """Hidden layers of integers, each with its ReLU: uint8 -> uint8."""
        if layers:
            self.constant("n", np.array(0, np.int8))
        for number, layer in enumerate(layers, start=1):
            weight, attributes = layer.weight_int, dict[str, int | list[int]]()
            if layer.stride is None:
                # A fully connected layer is a convolution whose kernel takes in all that there is.
                weight, features = weight.reshape(len(weight), *features), (len(weight), 1, 1)
            elif layer.stride > 1:
                attributes["strides"] = [layer.stride] * 2
            if layer.groups > 1:
                attributes["group"] = layer.groups
            parameters = [
                self.constant(f"w{number}", weight), self.constant(f"s{number}", layer.weight_scale), "n",
                *self._activation, self.constant(f"b{number}", layer.bias_int),
            ]  # fmt: skip
            value = self.node("QLinearConv", [value, *self._activation, *parameters], f"x{number}", **attributes)
        return value

    def logits(self, value: str, layer: QuantisedLayer) -> None:
        """The last layer, whose columns are in the order channel, height, width: uint8 -> float32."""
        sums = self.node(
            "MatMulInteger", [self.node("Flatten", [value], "f"), self.constant("w", layer.weight_int.T)], "m"
        )
        # Sums are products of a weight and an input, so they carry both scales.
        scale = layer.weight_scale * np.float32(1 / ACTIVATION_LEVELS)
        biased = self.node("Add", [sums, self.constant("b", layer.bias_int)], "a")
        values = self.node("Cast", [biased], "c", to=TensorProto.FLOAT)
        self.node("Mul", [values, self.constant("l", scale)], "logits")

    def model(self, actions: int) -> onnx.ModelProto:
        graph = helper.make_graph(
            self._nodes,
            "s",
            [helper.make_tensor_value_info("frames", TensorProto.UINT8, ["N", SIDE, SIDE, STACK])],
            [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", actions])],
            self._initialisers,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
        onnx.checker.check_model(model, full_check=True)
        return model
