"""What a student's graph costs by onnx's own shapes: a second opinion on `runtime/graph_bounds.py`."""

from math import prod

import onnx

from edgedistill.bounds import MAX_ACTIVATION_BYTES, MAX_LAYERS, MAX_MACS, Cost
from tests.fuzz.models import OPERATORS

LAYERS = {"Conv": 1, "Gemm": 1, "QLinearConv": 3, "MatMulInteger": 1}
"""Which input the weights are"""


def check_cost(file: bytes) -> None:
    """Of a file that plays: our operators alone, and no more than `edgedistill.bounds` allows."""
    model = onnx.load_from_string(file)
    strange = {node.op_type for node in model.graph.node} - set(OPERATORS)
    assert not strange, strange
    counted = cost(model)
    assert counted.layers <= MAX_LAYERS, counted
    assert counted.macs <= MAX_MACS, counted
    assert counted.activation_bytes <= MAX_ACTIVATION_BYTES, counted


def cost(model: onnx.ModelProto) -> Cost:
    """For one frame; what DequantizeLinear makes of a constant is one of the values."""
    graph = model.graph
    graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    for output in graph.output:
        output.type.tensor_type.ClearField("shape")
    shapes = {each.name: tuple(each.dims) for each in graph.initializer}
    constants = set(shapes)
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True).graph
    for value in (*inferred.value_info, *inferred.output):
        shapes[value.name] = tuple(side.dim_value for side in value.type.tensor_type.shape.dim)
    layers = macs = elements = 0
    for node in graph.node:
        made = shapes[node.output[0]]
        elements += prod(made)
        if node.input[0] in constants:
            constants.add(node.output[0])
            continue
        if node.op_type in LAYERS:
            weights = shapes[node.input[LAYERS[node.op_type]]]
            layers += 1
            if len(weights) == 4:
                groups = next((each.i for each in node.attribute if each.name == "group"), 1)
                macs += prod(made) * prod(weights[1:])
                elements += groups * prod(weights[1:]) * prod(made[2:])
            else:
                macs += prod(weights)
    return Cost(layers, macs, 4 * elements)
