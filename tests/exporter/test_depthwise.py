"""Random small architectures, depthwise layers among them, through all forms in which a student computes."""

import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from onnx import helper

from benchmarks.c_targets import ARMV7, CORTEX_M4, NATIVE, SharedLibrary, build_program, run
from edgedistill.atari.blocks import to_input
from edgedistill.catalogue import Architecture, Conv, parse_architecture
from edgedistill.exporter.c_code import c_source
from edgedistill.exporter.graph import float32_model, int8_model
from edgedistill.exporter.quantise import learnt_layers, quantised_layers
from edgedistill.networks.graph_layers import graph_layers
from edgedistill.networks.integer_network import IntegerNetwork
from edgedistill.networks.integers import measure_ranges
from edgedistill.networks.network import AtariNetwork, GreedyPolicy
from edgedistill.runtime.onnx_file import check_onnx
from edgedistill.runtime.policy import Policy
from edgedistill.runtime.shipped import shipped_student
from tests.cards import with_fields

SEPARABLE = Architecture(
    "separable",
    (Conv(6, 8, 4), Conv(6, 4, 2, depthwise=True), Conv(5, 1, 1), Conv(5, 3, 2, depthwise=True), Conv(7, 1, 1)),
    (9,),
)


@st.composite
def architectures(draw):
    """One to five convolutions, some depthwise, then up to two fully connected layers."""
    convs = [Conv(draw(st.integers(1, 9)), draw(st.integers(3, 9)), draw(st.integers(3, 6)))]
    for _ in range(draw(st.integers(0, 4))):
        side = Architecture("x", tuple(convs), ()).conv_shapes[-1][1]
        kernel, depthwise = draw(st.integers(1, min(side, 4))), draw(st.booleans())
        channels = convs[-1].channels if depthwise else draw(st.integers(1, 9))
        convs.append(Conv(channels, kernel, draw(st.integers(1, 3)), depthwise))
    architecture = Architecture("x", tuple(convs), tuple(draw(st.lists(st.integers(1, 12), max_size=2))))
    assert parse_architecture(architecture.to_dict(), "x") == architecture
    return architecture


def student_of(architecture, actions=5, seed=0):
    torch.manual_seed(seed)
    student = AtariNetwork(architecture, actions).eval()
    for layer in student.weighted_layers():
        torch.nn.init.normal_(layer.bias, std=0.1)
    return student


def frames_of(count, seed=0):
    """Bright rectangles on grey, (N, 84, 84, 4) uint8."""
    rng = np.random.default_rng(seed)
    frames = np.full((count, 84, 84, 4), rng.integers(0, 120), np.uint8)
    for frame in frames:
        for _ in range(6):
            y, x, time = rng.integers(0, (70, 70, 4))
            frame[y : y + rng.integers(2, 40), x : x + rng.integers(2, 40), time:] = rng.integers(256)
    return frames


def onnxruntimes(model, frames):
    data = model if isinstance(model, bytes) else model.SerializeToString()
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    # One by one, as in play.
    return np.concatenate([session.run(None, {"frames": frames[i : i + 1]})[0] for i in range(len(frames))])


def in_whole_numbers(layers, frames):
    """The logits of integer layers, in plain numpy: exact sums, one float32 product, half to even."""
    x = frames.transpose(0, 3, 1, 2).astype(np.int64)
    level = np.float32(1 / 255)
    for layer in layers:
        weight = layer.weight_int.astype(np.int64)
        bias = layer.bias_int.astype(np.int64)
        if layer.stride is None:
            sums = x.reshape(len(x), -1) @ weight.T + bias
        else:
            patches = np.lib.stride_tricks.sliding_window_view(x, weight.shape[2:], axis=(2, 3))
            patches = patches[:, :, :: layer.stride, :: layer.stride]  # (N, C, h, w, k, k)
            how = "nchwij,cij->nchw" if layer.groups > 1 else "nchwij,ocij->nohw"
            sums = np.einsum(how, patches, weight[:, 0] if layer.groups > 1 else weight) + bias[:, None, None]
        scale = layer.weight_scale * level
        if layer is layers[-1]:
            return sums.astype(np.float32) * scale
        scale = (scale / level).reshape(-1, *[1] * (sums.ndim - 2))
        x = np.rint(sums.astype(np.float32) * scale).clip(0, 255).astype(np.int64)
    raise AssertionError


def with_card(model, actions):
    """As bytes, with the card of a shipped student for other actions."""
    card = Policy.load(shipped_student("pong", "micro")).card.to_metadata()
    names = [f"A{'B' * number}" for number in range(actions)]
    helper.set_model_props(model, with_fields(card, actions=names))
    return model.SerializeToString()


# Without shrinking, which would compile hundreds of students; unoptimised, which compiles sooner.
@settings(max_examples=15, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(architectures(), st.integers(0, 1000))
def test_torch_onnx_whole_numbers_and_c_agree_on_any_architecture(architecture, seed):
    student, frames = student_of(architecture, seed=seed), frames_of(8, seed)
    expected = GreedyPolicy(student).values(frames)
    check_onnx(float32_model(student).SerializeToString(), "float32")
    exact = onnxruntimes(float32_model(student), frames)
    np.testing.assert_allclose(exact, expected, atol=1e-5 * max(1, np.abs(expected).max()))

    layers = quantised_layers(student, frames)
    data = with_card(int8_model(student, frames), 5)
    logits = onnxruntimes(data, frames)
    np.testing.assert_array_equal(logits, in_whole_numbers(layers, frames))
    again = IntegerNetwork(architecture, 5)
    again.take(graph_layers(onnx.load_from_string(data)))
    np.testing.assert_array_equal(GreedyPolicy(again).values(frames), logits)
    assert np.abs(logits - expected).max() < 0.5 * max(np.abs(expected).max(), 0.1)  # nothing is wired wrongly
    if not NATIVE.missing():
        with tempfile.TemporaryDirectory() as folder:
            in_c = SharedLibrary(c_source(data, "x"), Path(folder), "-O0").logits(frames)
        np.testing.assert_array_equal(in_c, logits)

    x = to_input(np.ascontiguousarray(frames.transpose(0, 3, 1, 2)), torch.device("cpu"), torch.float32)
    student.begin_integers(measure_ranges(student, x))
    learnt = learnt_layers(student)
    np.testing.assert_array_equal(onnxruntimes(int8_model(student), frames), in_whole_numbers(learnt, frames))
    np.testing.assert_array_equal(GreedyPolicy(student).values(frames), in_whole_numbers(learnt, frames))


def test_onnxruntime_multiplies_nothing_but_integers_in_depthwise_layers(tmp_path):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    student, frames = student_of(SEPARABLE), frames_of(24)
    data = int8_model(student, frames).SerializeToString()
    onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    kinds = [node.op_type for node in onnx.load(options.optimized_model_filepath).graph.node]
    assert kinds == ["QLinearConv"] * 6 + ["Transpose", "Flatten", "MatMulInteger", "Add", "Cast", "Mul"]


def test_a_depthwise_student_in_int8_is_close_to_its_float_self():
    student, frames = student_of(SEPARABLE), frames_of(300)
    logits = onnxruntimes(int8_model(student, frames), frames)
    expected = GreedyPolicy(student).values(frames)
    # 8-bit activations and 7-bit weights: some 1% of noise a layer.
    assert np.sqrt(np.mean((logits - expected) ** 2)) < 0.1 * expected.std()


@pytest.mark.parametrize("target", [ARMV7, CORTEX_M4], ids=lambda target: target.name)
def test_depthwise_layers_in_c_on_other_processors(target, tmp_path):
    if target.missing():
        pytest.skip(target.missing())
    student, frames = student_of(SEPARABLE), frames_of(24)
    data = with_card(int8_model(student, frames), 5)
    program = build_program(target, c_source(data, "x"), tmp_path)
    np.testing.assert_array_equal(run(target, program, frames).logits, onnxruntimes(data, frames))


def test_only_a_student_with_depthwise_layers_has_c_for_them():
    student, frames = student_of(SEPARABLE), frames_of(24)
    data = with_card(int8_model(student, frames), 5)
    assert "convolve_channels" in c_source(data, "x").code
    assert "convolve_channels" not in c_source(shipped_student("pong", "micro").read_bytes(), "x").code
