"""What a student's graph may cost, told from the file before anything runs it."""

import subprocess

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgedistill.atari.emulator import STACK
from edgedistill.atari.resize import SIDE
from edgedistill.catalogue import NATURE_DQN
from edgedistill.children import python_command
from edgedistill.errors import BadRequest
from edgedistill.runtime.onnx_file import check_onnx
from edgedistill.runtime.policy import Policy
from edgedistill.runtime.shipped import shipped_games, shipped_student
from tests.fuzz.costs import cost

CARD = onnx.load(shipped_student("pong", "pico")).metadata_props


class Graph:
    """A graph under construction; every node feeds on the last one."""

    def __init__(self) -> None:
        self.nodes, self.constants, self.last = [], [], "frames"

    def constant(self, *shape, dtype=np.float32):
        self.constants.append(numpy_helper.from_array(np.zeros(shape, dtype), f"c{len(self.constants)}"))
        return self.constants[-1].name

    def node(self, kind, *more, source=None, **attributes):
        output = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, [source or self.last, *more], [output], **attributes))
        self.last = output
        return output

    def begin(self):
        """The frames as floats, channels first."""
        self.node("DequantizeLinear", self.constant(), self.constant(dtype=np.uint8))
        self.node("Transpose", perm=[0, 3, 1, 2])
        return self

    def conv(self, *shape, stride=1, **attributes):
        kernel = list(shape[2:])
        self.node("Conv", self.constant(*shape), strides=[stride] * 2, kernel_shape=kernel, **attributes)

    def gemm(self, *shape):
        self.node("Gemm", self.constant(*shape), transB=1)

    def model(self, card=CARD):
        if self.nodes:
            self.nodes[-1].output[0] = "logits"
        frames = helper.make_tensor_value_info("frames", TensorProto.UINT8, ["N", SIDE, SIDE, STACK])
        logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 6])
        graph = helper.make_graph(self.nodes, "student", [frames], [logits], self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
        model.metadata_props.extend(card)
        return model.SerializeToString()


def refused(graph, complaint):
    with pytest.raises(BadRequest, match=complaint) as caught:
        Policy(graph.model() if isinstance(graph, Graph) else graph, "x.onnx")
    assert "x.onnx: not a student that edgedistill exports" in str(caught.value)


def test_what_ships_is_far_below_the_bounds():
    for files in shipped_games().values():
        for file in files:
            policy = Policy.load(str(file))
            assert policy.cost.macs == policy.card.macs
            assert policy.cost.macs < 4_000_000
            assert policy.cost.activation_bytes < 5_000_000
            assert policy.cost.layers == 5


def test_the_cost_of_a_graph_is_the_catalogues_for_its_architecture():
    graph, channels = Graph().begin(), STACK
    for conv in NATURE_DQN.convs:
        graph.conv(conv.channels, channels, conv.kernel, conv.kernel, stride=conv.stride)
        channels = conv.channels
    graph.node("Flatten")
    graph.gemm(512, 3136)
    graph.gemm(6, 512)
    assert Policy(graph.model(), "x.onnx").cost.macs == NATURE_DQN.macs(6)


def test_a_chain_of_gemms_on_constants():
    """201 KB of such took 5.5 minutes of play: each squares what the one before it made."""
    graph = Graph()
    value = graph.constant(1, 1)
    for _ in range(8):
        value = graph.node("Gemm", graph.constant(50_000, 1), source=value, transB=1)
    refused(graph, "Gemm of a constant")


def test_an_outer_product_of_constants():
    """434 KB that ask for 17 GB."""
    graph = Graph()
    graph.node("Gemm", graph.constant(65_000, 1), source=graph.constant(65_000, 1), transB=1)
    refused(graph, "Gemm of a constant")


def test_a_convolution_to_very_many_channels():
    graph = Graph().begin()
    graph.conv(65_536, STACK, 1, 1)
    refused(graph, r"it takes 1,849,688,064 multiply-accumulates a frame, 37\.0 times the 50,000,000 allowed")


def test_large_activations_that_take_little_work():
    graph = Graph().begin()
    graph.conv(1, STACK, 42, 42)
    refused(graph, r"its values take [0-9,]+ bytes a frame, 1\.6 times the 32,000,000 allowed")


def test_many_layers():
    graph = Graph().begin()
    for _ in range(17):
        graph.conv(4, 4, 1, 1)
    refused(graph, r"it has 17 layers, 1\.1 times the 16 allowed")


def test_depthwise_convolutions_cost_a_filter_a_channel():
    graph = Graph().begin()
    graph.conv(8, STACK, 8, 8, stride=4)
    graph.conv(8, 1, 4, 4, stride=2, group=8)
    graph.node("Flatten")
    graph.gemm(6, 8 * 81)
    assert Policy(graph.model(), "x.onnx").cost.macs == 8 * 256 * 400 + 8 * 16 * 81 + 6 * 8 * 81


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda graph: graph.node("Relu", source="nowhere"), "'nowhere', which is neither"),
        (lambda graph: graph.node("Relu", source="v0"), "a second path"),
        (lambda graph: graph.node("Relu", source=graph.constant(5)), "Relu of a constant"),
        (lambda graph: graph.node("Conv", "v1"), "Conv of two values"),
        (lambda graph: graph.node("Conv", graph.constant(5)), "weights of shape"),
        (lambda graph: graph.conv(8, 3, 2, 2), "weights for 3 channels where 4 come in"),
        (lambda graph: graph.conv(8, 4, 85, 1), "a kernel larger than its input"),
        (lambda graph: graph.conv(8, 4, 2, 2, stride=0), r"strides \[0, 0\]"),
        (lambda graph: graph.conv(8, 2, 2, 2, group=2), "of 2 groups that is not depthwise"),
        (lambda graph: graph.gemm(8, 84), "Gemm of a value of shape"),
        (lambda graph: graph.node("Transpose", perm=[3, 1, 2, 0]), "perm"),
        (lambda graph: graph.node("Transpose"), "perm"),
        (lambda graph: graph.constants.append(numpy_helper.from_array(np.zeros(3), "frames")), "tensor of type"),
        (
            lambda graph: graph.constants.append(numpy_helper.from_array(np.zeros(3, np.float32), "v0")),
            "two values called 'v0'",
        ),
        (lambda graph: graph.conv(8, 4, 2, 2), "ends in a value of shape"),
    ],
)
def test_what_is_no_chain_of_layers(change, complaint):
    graph = Graph().begin()
    change(graph)
    refused(graph, complaint)


def test_a_graph_without_nodes():
    refused(Graph(), "no layers")


def test_optional_inputs_may_be_left_out():
    graph = Graph()
    graph.node("DequantizeLinear", graph.constant(), "")
    graph.node("Transpose", perm=[0, 3, 1, 2])
    graph.conv(4, STACK, 84, 84)
    graph.node("Flatten")
    weight = graph.node("DequantizeLinear", graph.constant(), source=graph.constant(6, 4, dtype=np.int8))
    graph.node("Gemm", weight, graph.constant(6), source="v3", transB=1)
    assert Policy(graph.model(), "x.onnx").cost.layers == 2


def test_many_frames_at_once_take_no_more_memory_than_few(tmp_path):
    """Values of 6 MB a frame; without pieces, 40 frames take 0.23 GB.

    Not by `ru_maxrss`, which begins at the peak of the process that starts this one.
    """
    graph = Graph().begin()
    graph.conv(200, STACK, 1, 1)
    graph.conv(6, 200, 1, 1, stride=84)
    graph.node("Flatten")
    (tmp_path / "x.onnx").write_bytes(graph.model())
    code = """
import sys, numpy as np
from pathlib import Path
from edgedistill.runtime import Policy

def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))

policy = Policy.load(sys.argv[1])
before = peak()
assert policy.act(np.zeros((40, 84, 84, 4), np.uint8)).shape == (40,)
print(peak() - before)
"""
    command = python_command("-c", code, str(tmp_path / "x.onnx"))
    finished = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert int(finished.stdout) < 100_000  # KB


def with_dequantised(times, *shape):
    """The smallest student that plays, and beside it a constant that goes through DequantizeLinear."""
    graph = Graph().begin()
    graph.conv(6, STACK, 84, 84)
    graph.node("Flatten")
    last, constant = graph.last, graph.constant(*shape, dtype=np.int8)
    for _ in range(times):
        graph.node("DequantizeLinear", graph.constant(), graph.constant(dtype=np.int8), source=constant)
    graph.node("Relu", source=last)
    return graph


def test_what_is_dequantised_counts():
    """A session makes it anew at each decision."""
    model = with_dequantised(1, 60, 6_500).model()
    without = check_onnx(with_dequantised(0).model(), "x.onnx")
    counted = check_onnx(model, "x.onnx")
    assert counted.activation_bytes - without.activation_bytes == 4 * 60 * 6_500
    assert counted == cost(onnx.load_from_string(model))
    refused(with_dequantised(1, 160, 60_000), r"its values take [0-9,]+ bytes a frame, 1\.2 times")


def test_a_constant_is_dequantised_once():
    """A file of 4 MB took 0.2 s a decision and 700 MB so."""
    refused(with_dequantised(2, 60, 6_500), "DequantizeLinear of 'c3': a second path")


def integers(bias=(8,), scale=(8,), zero=(), add=(6,), to=1, more=()):
    """A graph of format version 2 with one hidden layer."""
    graph = Graph()
    graph.node("Transpose", perm=[0, 3, 1, 2])
    activation = [graph.constant(), graph.constant(*zero, dtype=np.uint8)]
    weights = [graph.constant(8, STACK, 8, 8, dtype=np.int8), graph.constant(*scale), graph.constant(dtype=np.int8)]
    graph.node("QLinearConv", *activation, *weights, *activation, graph.constant(*bias, dtype=np.int32), strides=[4, 4])
    graph.node("Flatten")
    graph.node("MatMulInteger", graph.constant(8 * 400, 6, dtype=np.int8), *(graph.constant(*each) for each in more))
    graph.node("Add", graph.constant(*add, dtype=np.int32))
    graph.node("Cast", to=to)
    graph.node("Mul", graph.constant(6))
    return graph


def test_the_cost_of_a_graph_of_integers():
    cost = check_onnx(integers().model(), "x.onnx")
    assert (cost.layers, cost.macs) == (2, 8 * 256 * 400 + 6 * 8 * 400)


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"bias": (7,)}, "QLinearConv with parameters of shapes"),
        ({"scale": (1,)}, "QLinearConv with parameters of shapes"),
        ({"zero": (8,)}, "QLinearConv with parameters of shapes"),
        ({"add": (500, 6)}, "Add of shapes"),
        ({"add": (1,)}, "Add of shapes"),
        ({"to": 7}, "Cast to another type"),
        ({"more": [()]}, "MatMulInteger with zero points"),
    ],
)
def test_numbers_of_other_shapes_than_a_layer_of_integers_has(fields, complaint):
    """None of these is left to onnxruntime to notice."""
    refused(integers(**fields), complaint)
