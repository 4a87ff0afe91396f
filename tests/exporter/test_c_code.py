import json
import re

import numpy as np
import onnx
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper, numpy_helper

from benchmarks.c_targets import (
    ARMV7,
    CORTEX_M0,
    CORTEX_M4,
    NATIVE,
    SharedLibrary,
    build_object,
    build_program,
    run,
    sizes,
    undefined_symbols,
)
from edgedistill.catalogue import Architecture, Conv
from edgedistill.errors import BadRequest
from edgedistill.exporter.c_code import c_source, write_c
from edgedistill.exporter.fidelity import play_frames
from edgedistill.exporter.graph import int8_model
from edgedistill.networks.network import AtariNetwork
from edgedistill.runtime.policy import Policy
from edgedistill.runtime.shipped import shipped_student
from tests.cards import with_fields
from tests.golden import student_file

# Sizes that leave remainders of four everywhere: channels, filters, units, actions.
ODD_SIZES = Architecture("odd-sizes", (Conv(6, 8, 4), Conv(5, 5, 3), Conv(3, 3, 1)), (22, 9))

# Of the 600 frames, on emulated processors; `benchmarks/c_backend.py` runs them all.
EMULATED = 200


def needs(target):
    return pytest.mark.skipif(target.missing() is not None, reason=str(target.missing()))


def policy_of(data):
    return Policy(data, "student.onnx")


@pytest.fixture(scope="module")
def micro():
    return shipped_student("pong", "micro").read_bytes()


@pytest.fixture(scope="module")
def frames(micro):
    """The shipped student's own play."""
    return play_frames(policy_of(micro).act, "pong", 600, seed=3, epsilon=0.05)


def logits_one_by_one(data, frames):
    policy = policy_of(data)
    return np.concatenate([policy.logits(frames[i : i + 1]) for i in range(len(frames))])


def described(model, micro, actions):
    """A model with micro's card, for other actions."""
    helper.set_model_props(model, with_fields(policy_of(micro).card.to_metadata(), actions=actions))
    return model.SerializeToString()


def edited(data, edit):
    model = onnx.load_from_string(data)
    edit(model)
    return model.SerializeToString()


@needs(NATIVE)
@pytest.mark.parametrize("student", ["micro", "nano", "net1", "net5"])
def test_c_gives_onnxruntimes_logits_bit_by_bit(student, frames, tmp_path):
    data = student_file(student).read_bytes()
    library = SharedLibrary(c_source(data, "x"), tmp_path)
    np.testing.assert_array_equal(library.logits(frames), logits_one_by_one(data, frames))


@needs(ARMV7)
def test_the_same_on_armv7(micro, frames, tmp_path):
    few = frames[:EMULATED]
    program = build_program(ARMV7, c_source(micro, "x"), tmp_path)
    np.testing.assert_array_equal(run(ARMV7, program, few).logits, logits_one_by_one(micro, few))


@needs(CORTEX_M4)
def test_the_same_on_a_cortex_m4_of_128_kb(micro, frames, tmp_path):
    # The linker script has 128 KB of RAM.
    few = frames[:EMULATED]
    ran = run(CORTEX_M4, build_program(CORTEX_M4, c_source(micro, "x"), tmp_path), few)
    np.testing.assert_array_equal(ran.logits, logits_one_by_one(micro, few))
    assert 0 < ran.stack_bytes < 1_000


@pytest.fixture(scope="module")
def odd_sizes(micro, frames):
    """A student of 7 actions with random weights, in which no size is a multiple of four."""
    actions = [f"A{'B' * number}" for number in range(7)]
    torch.manual_seed(0)
    return described(int8_model(AtariNetwork(ODD_SIZES, len(actions)).eval(), frames[::60]), micro, actions)


@pytest.mark.parametrize("target", [NATIVE, ARMV7, CORTEX_M4], ids=lambda target: target.name)
def test_any_sizes_on_every_target(target, odd_sizes, frames, tmp_path):
    if target.missing():
        pytest.skip(target.missing())
    program = build_program(target, c_source(odd_sizes, "x"), tmp_path)
    few = frames[::20]
    np.testing.assert_array_equal(run(target, program, few).logits, logits_one_by_one(odd_sizes, few))


@needs(NATIVE)
def test_it_reads_and_writes_nothing_but_its_own(odd_sizes, frames, tmp_path):
    sanitized = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    program = build_program(NATIVE, c_source(odd_sizes, "x"), tmp_path, flags=sanitized)
    run(NATIVE, program, frames[:3])  # a finding ends the program with an error


@needs(NATIVE)
def test_halves_round_to_even_as_in_onnxruntime(micro, frames, tmp_path):
    def powers_of_two(model):
        """Outputs then fall on halves in every layer."""
        for number in (1, 2, 3, 4):
            replace_constant(model, f"layer{number}_weight_scale", lambda scale: np.full_like(scale, 2.0**-9))
            replace_constant(
                model, f"layer{number}_bias_scale", lambda scale: np.full_like(scale, 2.0**-9) * np.float32(1 / 255)
            )

    data = edited(micro, powers_of_two)
    few = frames[::10]
    np.testing.assert_array_equal(
        SharedLibrary(c_source(data, "x"), tmp_path).logits(few), logits_one_by_one(data, few)
    )


@pytest.mark.parametrize("target", [NATIVE, ARMV7, CORTEX_M4, CORTEX_M0], ids=lambda target: target.name)
def test_it_compiles_strictly_and_asks_for_nothing_but_memcpy(target, micro, tmp_path):
    if target.missing():
        pytest.skip(target.missing())
    student = build_object(target, c_source(micro, "x"), tmp_path)
    # Without an FPU, int -> float and a product, both of the compiler's own library.
    soft_float = {"__aeabi_i2f", "__aeabi_fmul"} if target is CORTEX_M0 else set()
    assert undefined_symbols(target, student) <= {"memcpy", *soft_float}


@needs(CORTEX_M4)
def test_weights_stay_in_flash_and_the_promised_ram_is_all(micro, tmp_path):
    c = c_source(micro, "x")
    got = sizes(CORTEX_M4, build_object(CORTEX_M4, c, tmp_path))
    assert c.flash_bytes <= got.constants < c.flash_bytes + 16
    assert c.ram_bytes <= got.ram < c.ram_bytes + 16
    assert f"{c.ram_bytes} bytes" in c.header


def test_the_header_says_what_the_student_is(micro):
    header = c_source(micro, "x").header
    card = Policy(micro, "x").card
    score = card.scores["student"][0]
    interval = f"{score.mean:.2f} (95% interval {score.low:.2f} to {score.high:.2f})"
    for fact in ("pong, student micro", "27,382 parameters, 1.62%", interval, f"{card.agreement:.2%}"):
        assert fact in header
    assert re.findall(r"STUDENT_(\w+) = (\d)", header) == [
        ("NOOP", "0"), ("FIRE", "1"), ("RIGHT", "2"), ("LEFT", "3"), ("RIGHTFIRE", "4"), ("LEFTFIRE", "5"),
    ]  # fmt: skip


def test_the_same_file_gives_the_same_text(micro, tmp_path):
    c = write_c(micro, "x", tmp_path / "new" / "folder")
    assert c == c_source(micro, "x")
    assert sorted(path.name for path in (tmp_path / "new" / "folder").iterdir()) == [
        "student.c", "student.h", "student_selftest.c"
    ]  # fmt: skip
    assert (tmp_path / "new" / "folder" / "student.c").read_text() == c.code


def test_where_no_folder_can_be_made_is_said(micro, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BadRequest, match="no folder can be made there"):
        write_c(micro, "x", tmp_path / "file")


def test_what_is_no_student_is_refused(tmp_path):
    with pytest.raises(BadRequest, match=r"notes\.txt: not a student"):
        write_c(b"hello", "notes.txt", tmp_path / "folder")
    assert not (tmp_path / "folder").exists()


def replace_constant(model, name, change):
    tensor = next(tensor for tensor in model.graph.initializer if tensor.name == name)
    tensor.CopyFrom(numpy_helper.from_array(change(numpy_helper.to_array(tensor).copy()), name))


def without_relu(model):
    relu = next(node for node in model.graph.node if node.op_type == "Relu")
    for node in model.graph.node:
        node.input[:] = [relu.input[0] if name == relu.output[0] else name for name in node.input]
    model.graph.node.remove(relu)


def other_flatten(model):
    node = next(node for node in model.graph.node if node.output[0] == "nhwc")
    next(each for each in node.attribute if each.name == "perm").ints[:] = [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (lambda model: replace_constant(model, "activation_zero", lambda zero: zero + 1), "zero point 0"),
        (lambda model: replace_constant(model, "layer2_weight_zero", lambda zero: zero + 1), "with a zero point"),
        (lambda model: replace_constant(model, "layer2_bias_scale", lambda scale: scale * 2), "another scale"),
        (lambda model: replace_constant(model, "layer1_bias_int", lambda bias: bias | (2**31 - 1)), "beyond 32 bits"),
        (without_relu, "where Relu belongs"),
        (other_flatten, "another order"),
    ],
)
def test_a_graph_that_c_would_compute_otherwise_is_refused(edit, reason, micro):
    data = edited(micro, edit)
    policy_of(data)  # onnxruntime would play it
    with pytest.raises(BadRequest, match=f"my.onnx: its graph .*{reason}.*edgedistill export RUN"):
        c_source(data, "my.onnx")


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        ("z", lambda zero: zero + 1, "zero point 0"),
        ("n", lambda zero: zero + 1, "weights with another one"),
        ("b1", lambda bias: bias | (2**31 - 1), "beyond 32 bits"),
        ("s2", lambda scale: -scale, "not positive"),
    ],
)
def test_other_numbers_in_a_graph_are_refused(name, change, reason, odd_sizes):
    data = edited(odd_sizes, lambda model: replace_constant(model, name, change))
    policy_of(data)  # onnxruntime would play it
    with pytest.raises(BadRequest, match=f"my.onnx: its graph .*{reason}.*edgedistill export RUN"):
        c_source(data, "my.onnx")


def test_logits_that_overflow_are_refused(odd_sizes):
    """`inff` is no number of C."""

    def overflowing(model):
        replace_constant(model, "l", lambda scale: np.full_like(scale, 3e38))
        for tensor in list(model.graph.initializer):  # so that frames of zeros, which a file is tried out with, stay so
            if tensor.name.startswith("b"):
                replace_constant(model, tensor.name, np.zeros_like)

    data = edited(odd_sizes, overflowing)
    policy_of(data)  # onnxruntime would play it
    with pytest.raises(BadRequest, match=r"my.onnx: its logits overflow float32.*edgedistill export RUN"):
        c_source(data, "my.onnx")


def test_a_file_cannot_write_c_of_its_own(micro):
    def with_props(**evil):
        def edit(model):
            props = {entry.key: entry.value for entry in model.metadata_props}
            props |= {f"edgedistill.{name}": json.dumps(value) for name, value in evil.items()}
            del model.metadata_props[:]
            helper.set_model_props(model, props)

        return edited(micro, edit)

    for refused in (
        {"student": "*/ int evil; /*"},
        {"version": "\\\n*/ int evil;"},
        {"version": "*/ int evil;"},
    ):
        with pytest.raises(BadRequest, match="damaged"):
            c_source(with_props(**refused), "x")
    names = ["NOOP", "FIRE", "RIGHT", "LEFT", "RIGHTFIRE", "A = 1 }; int evil; enum {"]
    with pytest.raises(BadRequest, match="damaged"):
        c_source(edited(micro, lambda model: set_actions(model, names)), "x")


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_other_graph_gives_c_or_one_clear_line(micro, odd_sizes, data):
    model = onnx.load_from_string(data.draw(st.sampled_from([micro, odd_sizes])))
    graph = model.graph
    values = [name for node in graph.node for name in [*node.input, *node.output]]
    for _ in range(data.draw(st.integers(1, 2))):
        node = data.draw(st.sampled_from(list(graph.node)))
        change = data.draw(st.sampled_from(["drop", "rewire", "number", "operator", "remove"]))
        if change == "drop":
            del node.input[-1:]
        elif change == "rewire" and node.input:
            node.input[data.draw(st.integers(0, len(node.input) - 1))] = data.draw(st.sampled_from(values))
        elif change == "number" and node.attribute:
            attribute = data.draw(st.sampled_from(list(node.attribute)))
            attribute.i = data.draw(st.integers(-1, 4))
            if attribute.ints:
                attribute.ints[-1] = data.draw(st.integers(-1, 9))
        elif change == "operator":
            node.op_type = data.draw(st.sampled_from(["Conv", "Gemm", "Relu", "Flatten", "Transpose"]))
        elif len(graph.node) > 1:
            graph.node.remove(node)
    try:
        c_source(model.SerializeToString(), "x")
    except BadRequest as error:
        message = str(error)
        assert message.isprintable() and 10 < len(message) < 400


def set_actions(model, names):
    props = {entry.key: entry.value for entry in model.metadata_props} | {"edgedistill.actions": json.dumps(names)}
    del model.metadata_props[:]
    helper.set_model_props(model, props)
