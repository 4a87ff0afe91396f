"""A look into an `.onnx` file before anything runs it, without the onnx package.

A student's file may come from a stranger. onnxruntime would load whatever graph is in it: other operators, files beside
it, subgraphs, tensors of any size. Here the protobuf is walked with bounds, and only what our exporter writes passes,
in its order (`graph_bounds.py`).
"""

from math import prod

from edgedistill.bounds import Cost
from edgedistill.errors import BadRequest
from edgedistill.runtime.graph_bounds import Graph, Node, cost_of
from edgedistill.runtime.protobuf import BYTES, VARINT, Allowed, Malformed, fields, message, text

# Sixteen layers (`bounds.MAX_LAYERS`) take six nodes and six tensors each.
MAX_NODES = 128
MAX_TENSORS = 128
MAX_SIDE = 65_536
OPSET = 13
# What the exporter writes: operators, and the attributes of each.
OPERATORS: dict[str, set[str]] = {
    "Transpose": {"perm"},
    "Flatten": set(),
    # int8
    "QLinearConv": {"strides", "group"},
    "MatMulInteger": set(),
    "Add": set(),
    "Cast": {"to"},
    "Mul": set(),
    # float32, and int8 in format version 1
    "QuantizeLinear": {"axis"},
    "DequantizeLinear": {"axis"},
    "Conv": {"strides", "kernel_shape", "group"},
    "Relu": set(),
    "Gemm": {"transB"},
}
# TensorProto.DataType of our initialisers, and the bytes of an element.
ELEMENT_BYTES = {1: 4, 2: 1, 3: 1, 6: 4}  # float32, uint8, int8, int32

# Field numbers of onnx.proto (IR version 8).
MODEL = Allowed("ModelProto", {1: VARINT, 2: BYTES, 3: BYTES, 7: BYTES, 8: BYTES, 14: BYTES}, frozenset({2, 3}))
METADATA = Allowed("StringStringEntryProto", {1: BYTES, 2: BYTES}, frozenset({1, 2}))
OPSET_IMPORT = Allowed("OperatorSetIdProto", {1: BYTES, 2: VARINT}, frozenset({1}))
GRAPH = Allowed("GraphProto", {1: BYTES, 2: BYTES, 5: BYTES, 11: BYTES, 12: BYTES}, frozenset({2}))
VALUE = Allowed("ValueInfoProto", {1: BYTES, 2: BYTES}, frozenset({1}))
TYPE = Allowed("TypeProto", {1: BYTES})
TENSOR_TYPE = Allowed("TypeProto.Tensor", {1: VARINT, 2: BYTES})
SHAPE = Allowed("TensorShapeProto", {1: BYTES})
DIMENSION = Allowed("TensorShapeProto.Dimension", {1: VARINT, 2: BYTES}, frozenset({2}))
NODE = Allowed("NodeProto", {1: BYTES, 2: BYTES, 3: BYTES, 4: BYTES, 5: BYTES}, frozenset({1, 2, 3, 4}))
ATTRIBUTE = Allowed("AttributeProto", {1: BYTES, 3: VARINT, 8: VARINT, 20: VARINT}, frozenset({1}))
TENSOR = Allowed("TensorProto", {1: VARINT, 2: VARINT, 8: BYTES, 9: BYTES}, frozenset({8}))


def check_onnx(model: bytes, source: str) -> Cost:
    """Let pass what our exporter could have written, and tell what it costs.

    Raises:
        BadRequest: anything else, and a student that costs more than `edgedistill.bounds` allows; `source` names the
            file.
    """
    try:
        return cost_of(_checked_model(memoryview(model)))
    except Malformed as error:
        raise BadRequest(
            f"{source}: not a student that edgedistill exports ({error}). Make one: edgedistill export RUN -o my.onnx"
        ) from error


def _checked_model(data: memoryview) -> Graph:
    graphs: list[Graph] = []
    for number, value in fields(data, MODEL):
        if number == 7:
            graphs.append(_checked_graph(message(value)))
        elif number == 8:
            opset = dict(fields(message(value), OPSET_IMPORT))
            if bytes(message(opset.get(1, memoryview(b"")))) or opset.get(2) != OPSET:
                raise Malformed("it asks for other operators than opset 13 of ONNX")
        elif number == 14:
            _walk(message(value), METADATA)
    if len(graphs) != 1:
        raise Malformed("it has several graphs" if graphs else "it has no graph")
    return graphs[0]


def _checked_graph(data: memoryview) -> Graph:
    nodes: list[Node] = []
    constants: dict[str, tuple[int, ...]] = {}
    for number, value in fields(data, GRAPH):
        if number == 1:
            if len(nodes) == MAX_NODES:
                raise Malformed(f"more than {MAX_NODES} nodes")
            nodes.append(_checked_node(message(value)))
        elif number == 5:
            if len(constants) == MAX_TENSORS:
                raise Malformed(f"more than {MAX_TENSORS} tensors")
            name, shape = _checked_tensor(message(value))
            if name in constants:
                raise Malformed(f"two tensors called {name!r}")
            constants[name] = shape
        elif number in (11, 12):
            _check_value(message(value))
    return Graph(tuple(nodes), constants)


def _check_value(data: memoryview) -> None:
    """An input or output of the graph: name, element type, shape."""
    for number, value_type in fields(data, VALUE):
        for _, tensor_type in fields(message(value_type), TYPE) if number == 2 else ():
            for part, shape in fields(message(tensor_type), TENSOR_TYPE):
                for _, dimension in fields(message(shape), SHAPE) if part == 2 else ():
                    _walk(message(dimension), DIMENSION)


def _walk(data: memoryview, allowed: Allowed) -> None:
    """Check a message that holds no others."""
    for _ in fields(data, allowed):
        pass


def _checked_node(data: memoryview) -> Node:
    operator, inputs, outputs = "", list[str](), list[str]()
    attributes: dict[str, tuple[int, ...]] = {}
    for number, value in fields(data, NODE):
        if number in (1, 2):
            (inputs if number == 1 else outputs).append(text(value))
        elif number == 4:
            operator = text(value)
        elif number == 5:
            name, whole = _checked_attribute(message(value))
            if name in attributes:
                raise Malformed(f"two attributes {name!r} of a node")
            attributes[name] = whole
    if operator not in OPERATORS:
        raise Malformed(f"the operator {operator!r}")
    for name in attributes:
        if name not in OPERATORS[operator]:
            raise Malformed(f"the attribute {name!r} of {operator}")
    return Node(operator, tuple(inputs), tuple(outputs), attributes)


def _checked_attribute(data: memoryview) -> tuple[str, tuple[int, ...]]:
    """Name and whole numbers."""
    name, single, listed = "", list[int](), list[int]()
    for number, value in fields(data, ATTRIBUTE):
        if number == 1:
            name = text(value)
        elif isinstance(value, int) and number != 20:
            (single if number == 3 else listed).append(value)
    # One number repeated counts once, the last; which of two forms is meant would be the reader's guess.
    if single and listed:
        raise Malformed(f"the attribute {name!r} in two forms")
    if not single and not listed:
        raise Malformed(f"the attribute {name!r} without a number")
    return name, tuple(single[-1:] or listed)


def _checked_tensor(data: memoryview) -> tuple[str, tuple[int, ...]]:
    """Name and shape."""
    name, dims, element_type, raw = "", list[int](), 0, 0
    for number, value in fields(data, TENSOR):
        if number == 8:
            name = text(value)
        elif number == 1 and isinstance(value, int):
            dims.append(value)
        elif number == 2 and isinstance(value, int):
            element_type = value
        elif number == 9:
            raw = len(message(value))
    if element_type not in ELEMENT_BYTES:
        raise Malformed(f"a tensor of type {element_type}")
    if len(dims) > 4 or any(not 0 < side <= MAX_SIDE for side in dims):
        raise Malformed(f"a tensor of shape {dims}")
    if prod(dims) * ELEMENT_BYTES[element_type] != raw:
        raise Malformed(f"a tensor of shape {dims} in {raw} bytes")
    return name, tuple(dims)
