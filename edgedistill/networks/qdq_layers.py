"""The whole numbers of a student of format version 1, with QuantizeLinear and DequantizeLinear at each turn."""

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from edgedistill.networks.integer_layer import IntegerLayer, UnknownGraph

NCHW, NHWC = [0, 3, 1, 2], [0, 2, 3, 1]


def qdq_layers(model: onnx.ModelProto) -> list[IntegerLayer]:
    """The layers from the frames to the logits.

    Raises:
        UnknownGraph: an operator, order or value that format version 1 does not have.
    """
    return _Reader(model.graph).layers()


class _Reader:
    """Walks a graph from its output to its input; every assumption about it is checked."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self._producers: dict[str, onnx.NodeProto] = {output: node for node in graph.node for output in node.output}
        self._constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}

    def layers(self) -> list[IntegerLayer]:
        """From first to last."""
        value, found = "logits", list[IntegerLayer]()
        while value != "frames":
            if len(found) == len(self._producers):
                raise UnknownGraph("a loop")
            value, layer = self._layer(value, last=not found)
            found.append(layer)
        connected = [layer.stride is None for layer in found[::-1]]
        if connected != sorted(connected) or connected[0] or not connected[-1]:
            raise UnknownGraph("other layers than convolutions, then fully connected ones")
        return found[::-1]

    def _layer(self, output: str, *, last: bool) -> tuple[str, IntegerLayer]:
        """The layer that gives `output`, and its input."""
        out_scale = np.float32(1)
        if not last:
            quantise = self._node(output, "QuantizeLinear")
            out_scale = self._activation_scale(quantise)
            output = self._node(quantise.input[0], "Relu").input[0]
        node = self._node(output, "Conv", "Gemm")
        source, weights, biases = (self._node(name, "DequantizeLinear") for name in self._three_inputs(node))
        in_scale = self._activation_scale(source)
        weight, weight_scale = self._parameter(weights)
        bias, bias_scale = self._parameter(biases)
        if weight.dtype != np.int8 or bias.dtype != np.int32:
            raise UnknownGraph(f"weights of {weight.dtype}, biases of {bias.dtype}")
        if bias.ndim != 1 or not np.array_equal(bias_scale, weight_scale * in_scale):
            raise UnknownGraph("a bias of another scale than its products")
        attributes = {each.name: helper.get_attribute_value(each) for each in node.attribute}
        value = source.input[0]
        depthwise = False
        if node.op_type == "Conv":
            stride, depthwise = self._stride(attributes, weight), self._is_depthwise(attributes, weight)
            weight = weight.transpose(0, 2, 3, 1)
            value = self._before_convolution(value)
        else:
            stride = None
            if attributes != {"transB": 1} or weight.ndim != 2:
                raise UnknownGraph(f"a Gemm with {attributes}")
            value = self._before_connected(value)
        # In this order ONNX Runtime multiplies, in float32; another would differ in the last bit.
        scale = (in_scale * weight_scale / out_scale).astype(np.float32)
        return value, IntegerLayer(weight, bias, scale, stride, depthwise)

    def _before_convolution(self, value: str) -> str:
        """Past the transpose of the frames."""
        node = self._producers.get(value)
        if node is not None and node.op_type == "Transpose":
            self._check_order(node, NCHW)
            if node.input[0] != "frames":
                raise UnknownGraph("a transpose between convolutions")
            return "frames"
        if value == "frames":
            raise UnknownGraph("frames that are not transposed")
        return value

    def _before_connected(self, value: str) -> str:
        """Past the flattening of a convolution's output, which must be in the order height, width, channels."""
        node = self._producers.get(value)
        if node is not None and node.op_type == "Flatten":
            transpose = self._node(node.input[0], "Transpose")
            self._check_order(transpose, NHWC)
            return str(transpose.input[0])
        return value

    def _node(self, value: str, *kinds: str) -> onnx.NodeProto:
        node: onnx.NodeProto | None = self._producers.get(value)
        if node is None or node.op_type not in kinds:
            raise UnknownGraph(f"{'nothing' if node is None else node.op_type} where {' or '.join(kinds)} belongs")
        return node

    @staticmethod
    def _three_inputs(node: onnx.NodeProto) -> list[str]:
        if len(node.input) != 3:
            raise UnknownGraph(f"a {node.op_type} with {len(node.input)} inputs")
        return list(node.input)

    def _constant(self, name: str) -> NDArray[Any]:
        if name not in self._constants:
            raise UnknownGraph("a parameter that is not a constant")
        return self._constants[name]

    def _activation_scale(self, node: onnx.NodeProto) -> np.float32:
        _, scale_name, zero_name = self._three_inputs(node)
        scale, zero = self._constant(scale_name), self._constant(zero_name)
        if scale.size != 1 or scale.dtype != np.float32 or zero.dtype != np.uint8 or zero.any():
            raise UnknownGraph("activations that are not uint8 with zero point 0")
        return np.float32(scale.item())

    def _parameter(self, node: onnx.NodeProto) -> tuple[NDArray[Any], NDArray[np.float32]]:
        """The integers (out, …) behind a DequantizeLinear, and their scale (out,)."""
        integers, scale, zero = (self._constant(name) for name in self._three_inputs(node))
        axis = [each.i for each in node.attribute if each.name == "axis"]
        if scale.dtype != np.float32 or scale.shape != integers.shape[:1] or axis != [0]:
            raise UnknownGraph("parameters that are not scaled per output channel")
        if zero.any():
            raise UnknownGraph("parameters with a zero point")
        return integers, scale

    @staticmethod
    def _stride(attributes: dict[str, object], weight: NDArray[Any]) -> int:
        strides = attributes.get("strides")
        if weight.ndim != 4 or weight.shape[2] != weight.shape[3]:
            raise UnknownGraph(f"a filter of shape {weight.shape}")
        if not isinstance(strides, list) or len(strides) != 2 or strides[0] != strides[1] or strides[0] < 1:
            raise UnknownGraph(f"strides {strides}")
        if attributes.get("kernel_shape") != list(weight.shape[2:]):
            raise UnknownGraph("a kernel that is not its filter's size")
        return int(strides[0])

    @staticmethod
    def _is_depthwise(attributes: dict[str, object], weight: NDArray[Any]) -> bool:
        """Whether each of the filters (out, in of a group, k, k) sees a channel of its own."""
        group = attributes.get("group", 1)
        if group == 1:
            return False
        if weight.shape[1] != 1 or group != len(weight):
            raise UnknownGraph(f"{group} groups of filters of shape {weight.shape}")
        return True

    @staticmethod
    def _check_order(node: onnx.NodeProto, order: list[int]) -> None:
        if [list(each.ints) for each in node.attribute if each.name == "perm"] != [order]:
            raise UnknownGraph("a transpose of another order")
