"""A look into an `.onnx` file before anything runs it, without the onnx package.

A student's file may come from a stranger. onnxruntime would load whatever graph is in it: other operators, files beside
it, subgraphs, tensors of any size. Here the protobuf is walked with bounds, and only what our exporter writes passes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

from edgedistill.errors import BadRequest

MAX_NODES = 64
MAX_TENSORS = 128
MAX_SIDE = 65_536
OPSET = 13
# What the exporter writes: operators, and the attributes of each.
OPERATORS: dict[str, set[str]] = {
    "Transpose": {"perm"},
    "Flatten": set(),
    "QuantizeLinear": {"axis"},
    "DequantizeLinear": {"axis"},
    "Conv": {"strides", "kernel_shape", "group"},
    "Relu": set(),
    "Gemm": {"transB"},
}
# TensorProto.DataType of our initialisers, and the bytes of an element.
ELEMENT_BYTES = {1: 4, 2: 1, 3: 1, 6: 4}  # float32, uint8, int8, int32

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
Field = tuple[int, int, int | memoryview]
"""Number, wire type, value"""


class _Malformed(Exception):
    """The bytes are no protobuf message, or not one of a student."""


@dataclass(frozen=True)
class _Allowed:
    """Fields of one message type that a student's file may use; any other is refused."""

    name: str
    fields: dict[int, int]
    """Number -> wire type"""
    texts: frozenset[int] = frozenset()
    """Those of the fields that are UTF-8"""


@dataclass(frozen=True)
class _Node:
    """What of a node is looked at together with others."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    groups: int
    """The attribute `group`"""


# Field numbers of onnx.proto (IR version 8).
MODEL = _Allowed("ModelProto", {1: VARINT, 2: BYTES, 3: BYTES, 7: BYTES, 8: BYTES, 14: BYTES}, frozenset({2, 3}))
METADATA = _Allowed("StringStringEntryProto", {1: BYTES, 2: BYTES}, frozenset({1, 2}))
OPSET_IMPORT = _Allowed("OperatorSetIdProto", {1: BYTES, 2: VARINT}, frozenset({1}))
GRAPH = _Allowed("GraphProto", {1: BYTES, 2: BYTES, 5: BYTES, 11: BYTES, 12: BYTES}, frozenset({2}))
VALUE = _Allowed("ValueInfoProto", {1: BYTES, 2: BYTES}, frozenset({1}))
TYPE = _Allowed("TypeProto", {1: BYTES})
TENSOR_TYPE = _Allowed("TypeProto.Tensor", {1: VARINT, 2: BYTES})
SHAPE = _Allowed("TensorShapeProto", {1: BYTES})
DIMENSION = _Allowed("TensorShapeProto.Dimension", {1: VARINT, 2: BYTES}, frozenset({2}))
NODE = _Allowed("NodeProto", {1: BYTES, 2: BYTES, 3: BYTES, 4: BYTES, 5: BYTES}, frozenset({1, 2, 3, 4}))
ATTRIBUTE = _Allowed("AttributeProto", {1: BYTES, 3: VARINT, 8: VARINT, 20: VARINT}, frozenset({1}))
TENSOR = _Allowed("TensorProto", {1: VARINT, 2: VARINT, 8: BYTES, 9: BYTES}, frozenset({8}))


def check_onnx(model: bytes, source: str) -> None:
    """Let pass what our exporter could have written.

    Raises:
        BadRequest: anything else; `source` names the file.
    """
    try:
        _check_model(memoryview(model))
    except _Malformed as error:
        raise BadRequest(
            f"{source}: not a student that edgedistill exports ({error}). Make one: edgedistill export RUN -o my.onnx"
        ) from error


def _check_model(data: memoryview) -> None:
    graphs = 0
    for number, value in _fields(data, MODEL):
        if number == 7:
            graphs += 1
            _check_graph(_message(value))
        elif number == 8:
            opset = dict(_fields(_message(value), OPSET_IMPORT))
            if bytes(_message(opset.get(1, memoryview(b"")))) or opset.get(2) != OPSET:
                raise _Malformed("it asks for other operators than opset 13 of ONNX")
        elif number == 14:
            _walk(_message(value), METADATA)
    if graphs != 1:
        raise _Malformed("it has no graph" if graphs == 0 else "it has several graphs")


def _check_graph(data: memoryview) -> None:
    nodes: list[_Node] = []
    shapes: dict[str, list[int]] = {}
    tensors = 0
    for number, value in _fields(data, GRAPH):
        if number == 1:
            if len(nodes) == MAX_NODES:
                raise _Malformed(f"more than {MAX_NODES} nodes")
            nodes.append(_checked_node(_message(value)))
        elif number == 5:
            tensors += 1
            if tensors > MAX_TENSORS:
                raise _Malformed(f"more than {MAX_TENSORS} tensors")
            name, shape = _checked_tensor(_message(value))
            shapes[name] = shape
        elif number in (11, 12):
            _check_value(_message(value))
    _check_groups(nodes, shapes)


def _check_groups(nodes: list[_Node], shapes: dict[str, list[int]]) -> None:
    """Filters see all channels, or one each."""
    sources = {output: node.inputs[0] for node in nodes if node.inputs for output in node.outputs}
    for node in nodes:
        if node.groups != 1:
            weight = node.inputs[1] if len(node.inputs) > 1 else ""
            # (filters, channels that one sees, height, width), in int8 behind a DequantizeLinear
            if shapes.get(sources.get(weight, weight), [])[:2] != [node.groups, 1]:
                raise _Malformed(f"a convolution of {node.groups} groups that is not depthwise")


def _check_value(data: memoryview) -> None:
    """An input or output of the graph: name, element type, shape."""
    for number, value_type in _fields(data, VALUE):
        for _, tensor_type in _fields(_message(value_type), TYPE) if number == 2 else ():
            for part, shape in _fields(_message(tensor_type), TENSOR_TYPE):
                for _, dimension in _fields(_message(shape), SHAPE) if part == 2 else ():
                    _walk(_message(dimension), DIMENSION)


def _walk(data: memoryview, allowed: _Allowed) -> None:
    """Check a message that holds no others."""
    for _ in _fields(data, allowed):
        pass


def _checked_node(data: memoryview) -> _Node:
    operator, inputs, outputs, groups, attributes = "", list[str](), list[str](), 1, list[str]()
    for number, value in _fields(data, NODE):
        if number in (1, 2):
            (inputs if number == 1 else outputs).append(_text(value))
        elif number == 4:
            operator = _text(value)
        elif number == 5:
            parts = dict(_fields(_message(value), ATTRIBUTE))
            attributes.append(_text(parts.get(1, memoryview(b""))))
            if attributes[-1] == "group":
                groups = _whole(parts.get(3, 0))
    if operator not in OPERATORS:
        raise _Malformed(f"the operator {operator!r}")
    for attribute in attributes:
        if attribute not in OPERATORS[operator] or attributes.count(attribute) > 1:
            raise _Malformed(f"the attribute {attribute!r} of {operator}")
    return _Node(tuple(inputs), tuple(outputs), groups)


def _checked_tensor(data: memoryview) -> tuple[str, list[int]]:
    """Name and shape."""
    name, dims, element_type, raw = "", list[int](), 0, 0
    for number, value in _fields(data, TENSOR):
        if number == 8:
            name = _text(value)
        elif number == 1 and isinstance(value, int):
            dims.append(value)
        elif number == 2 and isinstance(value, int):
            element_type = value
        elif number == 9:
            raw = len(_message(value))
    if element_type not in ELEMENT_BYTES:
        raise _Malformed(f"a tensor of type {element_type}")
    if len(dims) > 4 or any(not 0 < side <= MAX_SIDE for side in dims):
        raise _Malformed(f"a tensor of shape {dims}")
    if prod(dims) * ELEMENT_BYTES[element_type] != raw:
        raise _Malformed(f"a tensor of shape {dims} in {raw} bytes")
    return name, dims


def _fields(data: memoryview, allowed: _Allowed) -> Iterator[tuple[int, int | memoryview]]:
    """Number and value of each field of a message; repeated whole numbers one by one, packed or not."""
    for number, wire, value in _wire_fields(data):
        if number not in allowed.fields:
            raise _Malformed(f"field {number} of {allowed.name}")
        if wire == allowed.fields[number]:
            if number in allowed.texts:
                _text(value)
            yield number, value
        elif wire == BYTES and allowed.fields[number] == VARINT:
            position, packed = 0, _message(value)
            while position < len(packed):
                whole, position = _varint(packed, position)
                yield number, whole
        else:
            raise _Malformed(f"field {number} of {allowed.name} has another type")


def _wire_fields(data: memoryview) -> Iterator[Field]:
    position = 0
    while position < len(data):
        key, position = _varint(data, position)
        number, wire = key >> 3, key & 7
        if wire == VARINT:
            value, position = _varint(data, position)
            yield number, wire, value
            continue
        if wire == BYTES:
            length, position = _varint(data, position)
        elif wire in (FIXED32, FIXED64):
            length = 4 if wire == FIXED32 else 8
        else:
            raise _Malformed(f"wire type {wire}")
        if length > len(data) - position:
            raise _Malformed("it is cut short")
        yield number, wire, data[position : position + length]
        position += length


def _varint(data: memoryview, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(data):
            raise _Malformed("it is cut short")
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise _Malformed("a number of more than 64 bits")


def _message(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise _Malformed("a number where a message belongs")
    return value


def _whole(value: int | memoryview) -> int:
    if not isinstance(value, int):
        raise _Malformed("a message where a number belongs")
    return value


def _text(value: int | memoryview) -> str:
    try:
        return bytes(_message(value)).decode()
    except UnicodeDecodeError as error:
        raise _Malformed("text that is not UTF-8") from error
