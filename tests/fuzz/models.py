"""Students as an attacker builds them: graphs of our operators with odd shapes, wiring, attributes and cards."""

import json
import random

import numpy as np
import onnx
from hypothesis import strategies as st
from onnx import AttributeProto, TensorProto, helper

from edgedistill.runtime.card import PREFIX
from edgedistill.runtime.policy import Policy
from edgedistill.runtime.shipped import shipped_student
from tests.cards import with_fields
from tests.hostile import damaged

SHIPPED = shipped_student("pong", "pico").read_bytes()
PROPS = {prop.key: prop.value for prop in onnx.load_from_string(SHIPPED).metadata_props}
CARD = Policy(SHIPPED, "pico.onnx").card.to_metadata()
OPERATORS = (
    "Transpose", "Flatten", "QuantizeLinear", "DequantizeLinear", "Conv", "Relu", "Gemm", "QLinearConv",
    "MatMulInteger", "Add", "Cast", "Mul",
)  # fmt: skip
STRANGE = ("Abs", "Gather", "Loop")
NUMBERS = (0, 1, 2, 3, 4, 6, 8, 16, 84, 85, 255, 4096, 65_536, 2**31, 2**63 - 1, -1)
# A file holds 4 MB at most, so that a constant has few elements or few bytes behind large words.
SIDES = st.sampled_from([1, 1, 2, 3, 4, 6, 8, 16, 21, 64, 84, 300, 1000, 5000])
TYPES = {TensorProto.FLOAT: 4, TensorProto.INT8: 1, TensorProto.UINT8: 1, TensorProto.INT32: 4, TensorProto.DOUBLE: 8}


@st.composite
def constants(draw, name: str) -> TensorProto:
    """A tensor, whose bytes mostly are as many as its shape says."""
    dims = draw(st.lists(SIDES, max_size=4))
    kind = draw(st.sampled_from(list(TYPES)))
    size = min(int(np.prod(dims, dtype=object)) * TYPES[kind], 1_000_000)
    if draw(st.integers(0, 9)) == 0:
        size, dims = draw(st.integers(0, 100)), draw(st.lists(st.sampled_from(NUMBERS), max_size=5))
    fill = draw(st.sampled_from([b"\x00", b"\x01", b"\x7f", b"\xff"]))
    return TensorProto(name=name, dims=dims, data_type=kind, raw_data=fill * size)


def made_attributes() -> list[AttributeProto]:
    """One whole number, or a list of them, under a name that some operator has: made once, since drawing takes long."""
    rng = random.Random(0)
    names = ("perm", "strides", "kernel_shape", "group", "transB", "axis", "to", "pads", "alpha")
    lists = [[0, 3, 1, 2], *(rng.choices(NUMBERS, k=rng.randint(1, 5)) for _ in range(30))]
    return [helper.make_attribute(name, value) for name in names for value in (*NUMBERS, *lists)]


ATTRIBUTES = st.sampled_from(made_attributes())


@st.composite
def wild_graphs(draw) -> onnx.GraphProto:
    """Any of our operators on any value."""
    tensors = [draw(constants(f"c{number}")) for number in range(draw(st.integers(0, 6)))]
    names = ["frames", *(tensor.name for tensor in tensors)]
    nodes = []
    for number in range(draw(st.integers(0, 12))):
        inputs = draw(st.lists(st.sampled_from([*names[-4:], *names, "", "nowhere"]), min_size=1, max_size=4))
        output = draw(st.sampled_from([f"v{number}"] * 8 + ["logits", "frames", "v0"]))
        node = helper.make_node(draw(st.sampled_from(OPERATORS + STRANGE)), inputs, [output])
        node.attribute.extend(draw(st.lists(ATTRIBUTES, max_size=3)))
        nodes.append(node)
        names.append(output)
    if nodes and draw(st.booleans()):
        nodes[-1].output[0] = "logits"
    return graph(nodes, tensors, draw(st.integers(1, 30)))


# Kernel, stride and filters: small steps leave much to do for the next layer.
LAYERS = st.tuples(
    st.sampled_from([1, 1, 2, 3, 5, 8, 42]),
    st.sampled_from([1, 1, 1, 2, 4]),
    st.sampled_from([1, 2, 4, 6, 16, 64, 512, 512]),
)


@st.composite
def chains(draw) -> onnx.GraphProto:
    """A student's own form, whose shapes fit more often than not, up to the bounds and beyond them."""
    nodes, tensors = [], []

    def constant(dims: list[int], dtype: type = np.float32) -> str:
        values = (
            np.zeros([min(side, 100_000) for side in dims], dtype) if np.prod(dims, dtype=object) < 400_000 else None
        )
        if values is None:
            values = np.zeros([1] * len(dims), dtype)
        tensors.append(onnx.numpy_helper.from_array(values, f"c{len(tensors)}"))
        return tensors[-1].name

    def node(kind: str, *inputs: str, **more: object) -> None:
        before = nodes[-1].output[0] if nodes else "frames"
        nodes.append(helper.make_node(kind, [before, *inputs], [f"v{len(nodes)}"], **more))

    node("DequantizeLinear", constant([]), constant([], np.uint8))
    node("Transpose", perm=[0, 3, 1, 2])
    channels, side = 4, 84
    deep = draw(st.integers(0, 7)) == 0
    for _ in range(17 if deep else draw(st.integers(0, 12))):
        kernel, stride, filters = draw(st.just((1, 1, 4)) if deep else LAYERS)
        depthwise = draw(st.integers(0, 5)) == 0
        if kernel > side:
            break
        wrong = draw(st.integers(-1, 1)) if draw(st.integers(0, 15)) == 0 else 0
        shape = [channels, 1, kernel, kernel] if depthwise else [filters, max(1, channels + wrong), kernel, kernel]
        group = {"group": channels} if depthwise else {}
        node("Conv", constant(shape), strides=[stride] * 2, kernel_shape=[kernel] * 2, **group)
        node(draw(st.sampled_from(["Relu"] * 50 + ["Abs"])))
        channels, side = shape[0], (side - kernel) // stride + 1
    node("Flatten")
    width = channels * side * side
    for units in [*draw(st.lists(st.sampled_from([1, 6, 16, 512, 4096]), max_size=4)), 6]:
        node("Gemm", constant([units, width]), transB=1)
        width = units
    nodes[-1].output[0] = "logits"
    return graph(nodes, tensors, 6)


@st.composite
def integer_chains(draw) -> onnx.GraphProto:
    """The form of an int8 student, with numbers that mostly fit, in types and shapes that may not."""
    nodes, tensors = [], []

    def constant(dims: list[int], dtype: type) -> str:
        if draw(st.integers(0, 60)) == 0:
            dims, dtype = draw(st.lists(SIDES, max_size=4)), draw(st.sampled_from([np.int8, np.uint8, np.int32]))
        if np.prod(dims, dtype=object) > 400_000:
            dims = [1] * len(dims)
        tensors.append(onnx.numpy_helper.from_array(np.ones(dims, dtype), f"c{len(tensors)}"))
        return tensors[-1].name

    def node(kind: str, *inputs: str, **more: object) -> None:
        before = nodes[-1].output[0] if nodes else "frames"
        nodes.append(helper.make_node(kind, [before, *inputs], [f"v{len(nodes)}"], **more))

    node("Transpose", perm=[0, 3, 1, 2])
    channels, side = 4, 84
    for _ in range(draw(st.integers(0, 6))):
        kernel, stride = draw(st.sampled_from([1, 2, 4, 8, side])), draw(st.integers(1, 4))
        filters = draw(st.sampled_from([1, 4, 6, 16, 64]))
        depthwise = draw(st.integers(0, 5)) == 0
        if kernel > side:
            break
        shape = [channels, 1, kernel, kernel] if depthwise else [filters, channels, kernel, kernel]
        activation = [constant([], np.float32), constant([], np.uint8)]
        weight = [constant(shape, np.int8), constant(shape[:1], np.float32), constant([], np.int8)]
        bias = constant(shape[:1], np.int32)
        group = {"group": channels} if depthwise else {}
        node("QLinearConv", *activation, *weight, *activation, bias, strides=[stride] * 2, **group)
        channels, side = shape[0], (side - kernel) // stride + 1
    node("Flatten")
    node("MatMulInteger", constant([channels * side * side, 6], np.int8))
    node("Add", constant([6], np.int32))
    node("Cast", to=draw(st.sampled_from([1] * 9 + [6])))
    node("Mul", constant([6], np.float32))
    nodes[-1].output[0] = "logits"
    return graph(nodes, tensors, 6)


def graph(nodes: list[onnx.NodeProto], tensors: list[TensorProto], actions: int) -> onnx.GraphProto:
    frames = helper.make_tensor_value_info("frames", TensorProto.UINT8, ["N", 84, 84, 4])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", actions])
    return helper.make_graph(nodes, "student", [frames], [logits], tensors)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["\x1b[2J", "[/x]"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@st.composite
def cards(draw) -> dict[str, str]:
    """A shipped card, of either format version, with up to three other values."""
    if draw(st.booleans()):
        fields = {
            key: draw(JSON)
            for key in draw(st.lists(st.sampled_from([*json.loads(CARD[PREFIX + "card"]), "x"]), max_size=3))
        }
        return with_fields(CARD, **fields)
    props = dict(PROPS)
    for key in draw(st.lists(st.sampled_from(sorted(PROPS)), max_size=3, unique=True)):
        props[key] = draw(JSON.map(json.dumps) | st.text(max_size=30))
    if draw(st.integers(0, 20)) == 0:
        props[draw(st.text(max_size=10))] = "1"
    return {PREFIX + key.removeprefix(PREFIX): value for key, value in props.items()}


@st.composite
def students(draw) -> bytes:
    """A file for `play`."""
    kind = draw(st.sampled_from(["wild", "chain", "integers", "integers", "card", "bytes"]))
    if kind == "bytes":
        return draw(damaged(SHIPPED))
    if kind == "card":
        model = onnx.load_from_string(SHIPPED)
    else:
        opset = helper.make_opsetid("", draw(st.sampled_from([13] * 9 + [22])))
        made = draw({"wild": wild_graphs, "chain": chains, "integers": integer_chains}[kind]())
        model = helper.make_model(made, opset_imports=[opset], ir_version=8)
    helper.set_model_props(model, draw(cards()) if kind == "card" or draw(st.integers(0, 7)) == 0 else PROPS)
    data = model.SerializeToString()
    return draw(damaged(data)) if draw(st.integers(0, 9)) == 0 else data
