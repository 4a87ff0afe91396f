import subprocess

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from edgedistill.children import python_command
from edgedistill.errors import BadRequest
from edgedistill.runtime.onnx_file import MAX_NODES, check_onnx
from edgedistill.runtime.policy import Policy


@pytest.fixture
def model(tiny_export):
    return onnx.load(tiny_export.path)


def refused(model, complaint):
    with pytest.raises(BadRequest, match=rf"x\.onnx: not a student .*{complaint}.*edgedistill export"):
        check_onnx(model.SerializeToString(), "x.onnx")


def test_what_the_exporter_writes_passes(tiny_export):
    check_onnx(tiny_export.path.read_bytes(), "x.onnx")


@pytest.mark.parametrize("operator", ["Loop", "If", "Gather", "Sqrt"])
def test_other_operators(model, operator):
    model.graph.node[0].op_type = operator
    refused(model, f"the operator '{operator}'")


def test_operators_of_another_domain(model):
    model.graph.node[0].domain = "com.microsoft"
    refused(model, "field 7 of NodeProto")
    model.graph.node[0].ClearField("domain")
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    refused(model, "other operators than opset 13")


def test_attributes_that_the_exporter_does_not_write(model):
    conv = next(node for node in model.graph.node if node.op_type == "QLinearConv")
    conv.attribute.append(helper.make_attribute("pads", [10**6] * 4))
    refused(model, "the attribute 'pads' of QLinearConv")


@pytest.mark.parametrize("groups", [0, 2, 8])
def test_filters_see_all_channels_or_one_each(model, groups):
    first, second, *_ = (node for node in model.graph.node if node.op_type == "QLinearConv")
    second.attribute.append(helper.make_attribute("group", groups))
    refused(model, rf"Conv with weights for {8 * groups} channels where 8 come in")
    second.attribute[-1].i = 1
    check_onnx(model.SerializeToString(), "x.onnx")
    second.attribute.append(helper.make_attribute("group", 1))
    refused(model, "two attributes 'group' of a node")
    del second.attribute[-1]
    second.attribute[-1].ClearField("i")
    refused(model, "the attribute 'group' without a number")
    del second.attribute[-1]
    # Two groups of two channels each fit the frames, and are not depthwise.
    weight = next(tensor for tensor in model.graph.initializer if tensor.name == first.input[3])
    weight.CopyFrom(numpy_helper.from_array(np.zeros((8, 2, 8, 8), np.int8), weight.name))
    first.attribute.append(helper.make_attribute("group", 2))
    refused(model, "a convolution of 2 groups that is not depthwise")


def test_subgraphs_functions_and_training_information(model):
    node = model.graph.node[0]
    node.attribute.append(helper.make_attribute("perm", helper.make_graph([], "inner", [], [])))
    refused(model, "field 6 of AttributeProto")
    del node.attribute[-1]
    model.functions.append(helper.make_function("d", "f", [], [], [], [helper.make_opsetid("", 13)]))
    refused(model, "field 25 of ModelProto")


def test_data_in_files_beside_it(model):
    tensor = model.graph.initializer[0]
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    refused(model, "field 1[34] of TensorProto")


@pytest.mark.parametrize("dims", [[10**6, 10**6], [0], [-1], [2**40]])
def test_tensors_that_are_larger_than_their_bytes(model, dims):
    del model.graph.initializer[0].dims[:]
    model.graph.initializer[0].dims.extend(dims)
    refused(model, "a tensor of shape")


def test_too_many_nodes_and_tensors(model):
    for number in range(MAX_NODES):
        model.graph.node.add(op_type="Relu", input=["frames"], output=[f"x{number}"])
    refused(model, f"more than {MAX_NODES} nodes")
    del model.graph.node[1:]
    for number in range(200):
        model.graph.initializer.append(numpy_helper.from_array(np.zeros(1, np.float32), f"t{number}"))
    refused(model, "more than 128 tensors")


@st.composite
def damaged(draw, original: bytes):
    data = bytearray(original)
    for _ in range(draw(st.integers(1, 8))):
        # Half of the damage goes to the last tenth, where names, shapes and metadata are.
        first = draw(st.sampled_from([0, 9 * len(data) // 10]))
        place = draw(st.integers(first, len(data) - 1))
        kind = draw(st.sampled_from(["set", "flip", "delete", "insert", "repeat"]))
        if kind == "set":
            data[place] = draw(st.sampled_from([0, 1, 0x7F, 0x80, 0xFF]))
        elif kind == "flip":
            data[place] ^= 1 << draw(st.integers(0, 7))
        elif kind == "delete":
            del data[place : place + draw(st.integers(1, 40))]
        elif kind == "insert":
            data[place:place] = draw(st.binary(min_size=1, max_size=8))
        else:
            data[place:place] = data[place : place + draw(st.integers(1, 200))]
    return bytes(data)


# 300 keep the suite short; raise `max_examples` to 20,000 after a change to `onnx_file.py`.
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_a_damaged_file_is_refused_or_plays(tiny_export, data):
    model = data.draw(damaged(tiny_export.path.read_bytes()))
    try:
        policy = Policy(model, "x.onnx")
        actions = policy.act(np.zeros((1, 84, 84, 4), np.uint8))
        assert 0 <= actions[0] < len(policy.card.actions)
    except BadRequest as error:
        assert "x.onnx" in str(error)


def test_damaged_files_take_no_memory(tiny_export):
    """In a process of its own: one that has trained took more before."""
    code = """
import contextlib, sys, numpy as np
from pathlib import Path
from edgedistill.errors import BadRequest
from edgedistill.runtime.policy import Policy

def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))

original, rng = Path(sys.argv[1]).read_bytes(), np.random.default_rng(0)
before = peak()
for _ in range(300):
    data = bytearray(original)
    for place in rng.integers(len(data), size=4):
        data[place] = rng.integers(256)
    with contextlib.suppress(BadRequest):
        Policy(bytes(data), "x.onnx").act(np.zeros((1, 84, 84, 4), np.uint8))
print(peak() - before)
"""
    command = python_command("-c", code, str(tiny_export.path))
    finished = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    assert int(finished.stdout) < 200_000  # KB
