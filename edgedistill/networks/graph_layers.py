"""The whole numbers of an exported student, read back from its ONNX graph."""

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from edgedistill.atari.emulator import STACK
from edgedistill.atari.resize import SIDE
from edgedistill.networks.integer_layer import IntegerLayer, UnknownGraph
from edgedistill.networks.qdq_layers import qdq_layers

NCHW = [0, 3, 1, 2]


def graph_layers(model: onnx.ModelProto) -> list[IntegerLayer]:
    """The layers from the frames to the logits.

    Raises:
        UnknownGraph: an operator, order or value that our exporter does not write.
    """
    if any(node.op_type == "Gemm" for node in model.graph.node):  # format version 1
        return qdq_layers(model)
    return _Reader(model.graph).layers()


class _Reader:
    """Walks a graph from its input to its output; every assumption about it is checked."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self._nodes = list(graph.node)
        self._constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
        self._value = "frames"
        self._shape = (STACK, SIDE, SIDE)
        """Channels, height, width"""

    def layers(self) -> list[IntegerLayer]:
        """From first to last."""
        if self._next("Transpose")[1] != {"perm": NCHW}:
            raise UnknownGraph("a transpose of another order")
        found = []
        while self._nodes and self._nodes[0].op_type == "QLinearConv":
            found.append(self._convolution())
        found.append(self._logits())
        connected = [layer.stride is None for layer in found]
        if self._nodes or connected != sorted(connected) or connected[0]:
            raise UnknownGraph("other layers than convolutions, then fully connected ones")
        return found

    def _next(self, kind: str) -> tuple[list[NDArray[Any]], dict[str, Any]]:
        """The constants and attributes of the node that takes the last one's value."""
        if not self._nodes or self._nodes[0].op_type != kind:
            raise UnknownGraph(f"{self._nodes[0].op_type if self._nodes else 'nothing'} where {kind} belongs")
        node = self._nodes.pop(0)
        if node.input[0] != self._value or any(name not in self._constants for name in node.input[1:]):
            raise UnknownGraph(f"a {kind} of other values than the one before it and constants")
        self._value = node.output[0]
        attributes = {each.name: helper.get_attribute_value(each) for each in node.attribute}
        return [self._constants[name] for name in node.input[1:]], attributes

    def _convolution(self) -> IntegerLayer:
        constants, attributes = self._next("QLinearConv")
        if len(constants) != 8:
            raise UnknownGraph(f"a QLinearConv with {len(constants)} constants")
        in_scale, in_zero, weight, weight_scale, weight_zero, out_scale, out_zero, bias = constants
        if any(zero.any() for zero in (in_zero, weight_zero, out_zero)) or {in_zero.dtype, out_zero.dtype} != {
            np.dtype(np.uint8)
        }:
            raise UnknownGraph("activations that are not uint8 with zero point 0, or weights with another one")
        self._check(weight, bias, weight_scale)
        channels, height, width = self._shape
        strides, groups = attributes.pop("strides", [1, 1]), attributes.pop("group", 1)
        if attributes or weight.ndim != 4 or weight.shape[2] != weight.shape[3] or height != width:
            raise UnknownGraph(f"a filter of shape {weight.shape}")
        kernel = weight.shape[2]
        if len(strides) != 2 or strides[0] != strides[1] or strides[0] < 1 or kernel > height:
            raise UnknownGraph(f"strides {strides}")
        depthwise = groups != 1
        if weight.shape[1] * groups != channels or (depthwise and len(weight) != groups):
            raise UnknownGraph(f"{groups} groups of filters of shape {weight.shape}")
        side = (height - kernel) // strides[0] + 1
        self._shape = (len(weight), side, side)
        # In this order ONNX Runtime multiplies, in float32; another would differ in the last bit.
        scale = (np.float32(in_scale.item()) * weight_scale / np.float32(out_scale.item())).astype(np.float32)
        rows = weight.transpose(0, 2, 3, 1)
        if side == 1 and kernel == height and not depthwise:
            return IntegerLayer(rows.reshape(len(rows), -1), bias, scale, None)
        return IntegerLayer(rows, bias, scale, strides[0], depthwise)

    def _logits(self) -> IntegerLayer:
        """The last layer, whose weights are in the order channel, height, width."""
        self._next("Flatten")
        (weight,) = self._constants_of("MatMulInteger")
        (bias,) = self._constants_of("Add")
        cast, (scale,) = self._next("Cast")[1], self._constants_of("Mul")
        if cast != {"to": TensorProto.FLOAT} or self._value != "logits":
            raise UnknownGraph("an end that is not logits in float32")
        self._check(weight.T, bias, scale)
        channels, height, width = self._shape
        if weight.ndim != 2 or weight.shape[0] != channels * height * width:
            raise UnknownGraph(f"weights of shape {weight.shape} on {self._shape}")
        rows = weight.T.reshape(-1, channels, height, width).transpose(0, 2, 3, 1)
        return IntegerLayer(rows.reshape(len(rows), -1), bias, scale, None)

    def _constants_of(self, kind: str) -> list[NDArray[Any]]:
        """The one constant of the next node."""
        constants, _ = self._next(kind)
        if len(constants) != 1:
            raise UnknownGraph(f"a {kind} with {len(constants)} constants")
        return constants

    @staticmethod
    def _check(weight: NDArray[Any], bias: NDArray[Any], scale: NDArray[Any]) -> None:
        if weight.dtype != np.int8 or bias.dtype != np.int32 or scale.dtype != np.float32:
            raise UnknownGraph(f"weights of {weight.dtype}, biases of {bias.dtype}, scales of {scale.dtype}")
        if bias.shape != weight.shape[:1] or scale.shape != weight.shape[:1]:
            raise UnknownGraph("parameters that are not scaled per output channel")
