import json
import os
import subprocess
import sys

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgedistill.errors import BadRequest
from edgedistill.runtime.card import PREFIX, Card
from edgedistill.runtime.policy import MAX_FILE_BYTES, Policy
from edgedistill.runtime.shipped import shipped_student
from tests.cards import with_fields


@pytest.fixture
def model(tiny_export):
    return onnx.load(tiny_export.path)


def set_card(model, **fields):
    props = {prop.key: prop.value for prop in model.metadata_props}
    onnx.helper.set_model_props(model, with_fields(props, **fields))
    return model.SerializeToString()


def test_acts_on_batches(tiny_export):
    policy = Policy.load(tiny_export.path)
    frames = np.random.default_rng(0).integers(0, 256, (7, 84, 84, 4), dtype=np.uint8)
    assert policy.logits(frames).shape == (7, 6)
    assert policy.act(frames).tolist() == policy.logits(frames).argmax(1).tolist()


def test_what_is_not_onnx(tmp_path):
    file = tmp_path / "x.onnx"
    for content in (b"", b"hello", bytes(1000)):
        file.write_bytes(content)
        with pytest.raises(BadRequest, match=r"x\.onnx: not a student that edgedistill exports"):
            Policy.load(file)
    with pytest.raises(BadRequest, match="cannot be read"):
        Policy.load(tmp_path / "missing.onnx")
    with pytest.raises(BadRequest, match="cannot be read"):
        Policy.load(tmp_path)


def test_what_is_too_large(tmp_path):
    file = tmp_path / "x.onnx"
    file.write_bytes(bytes(MAX_FILE_BYTES + 1))
    with pytest.raises(BadRequest, match="larger than 4,000,000 bytes; no student is"):
        Policy.load(file)


def test_onnx_that_is_not_ours(model):
    del model.metadata_props[:]
    with pytest.raises(BadRequest, match=r"not an edgedistill student.*edgedistill export"):
        Policy(model.SerializeToString(), "x.onnx")


@pytest.mark.parametrize(
    ("key", "value", "complaint"),
    [
        ("format_version", "3", "format version 3, this edgedistill reads versions 1 and 2"),
        ("format_version", "{", "format version {, this"),
        ("env", '{"side": 96}', "another preprocessing"),
        ("game", None, "metadata is damaged"),
        ("scores", "[1]", "metadata is damaged"),
        ("actions", '["NOOP"]', "metadata is damaged"),
        ("params", "{", "metadata is damaged"),
        ("surprise", "1", "metadata is damaged"),
    ],
)
def test_metadata_of_the_first_version_that_cannot_be_served(key, value, complaint):
    model = onnx.load(shipped_student("pong", "micro"))  # a file of version 1
    props = {prop.key: prop.value for prop in model.metadata_props} | {PREFIX + key: value}
    onnx.helper.set_model_props(model, {k: v for k, v in props.items() if v is not None})
    with pytest.raises(BadRequest, match=complaint):
        Policy(model.SerializeToString(), "x.onnx")


def test_another_interface_than_the_format_says(model):
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 96
    with pytest.raises(BadRequest, match=r"takes and gives|not an ONNX model"):
        Policy(model.SerializeToString(), "x.onnx")


@pytest.mark.parametrize("fixed", ["input", "output"])
def test_a_file_for_one_frame_at_a_time(model, fixed):
    value = getattr(model.graph, fixed)[0]
    value.type.tensor_type.shape.dim[0].dim_value = 1
    with pytest.raises(BadRequest, match=r"takes and gives .*\[1, .* a student of this format .*\['N', 84, 84, 4\]"):
        Policy(model.SerializeToString(), "x.onnx")


def test_another_action_count_than_its_metadata_says(model):
    with pytest.raises(BadRequest, match="takes and gives"):
        Policy(set_card(model, actions=["NOOP", "FIRE"]), "x.onnx")


def test_another_action_set_than_the_emulators(model, tiny_export):
    from edgedistill.atari.emulator import Emulator

    actions = ["FIRE", "NOOP", "RIGHT", "LEFT", "RIGHTFIRE", "LEFTFIRE"]
    with pytest.raises(BadRequest, match="the emulator offers"):
        Policy(set_card(model, actions=actions), "x.onnx").require_actions(Emulator("pong"))
    Policy.load(tiny_export.path).require_actions(Emulator("pong"))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_metadata_are_a_card_or_a_clear_error(tiny_export, data):
    good = tiny_export.card.to_metadata()
    leaf = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4)
    json_like = st.recursive(leaf, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=4), inner))
    field = data.draw(st.sampled_from([*json.loads(good[PREFIX + "card"]), "surprise", ""]))
    odd = [with_fields(good, **{field: data.draw(json_like)}), good | {PREFIX + "card": data.draw(st.text())}]
    try:
        Card.from_metadata(data.draw(st.sampled_from(odd)), "x.onnx")
    except BadRequest as error:
        assert "x.onnx" in str(error)


def test_a_card_reads_back_as_it_was_written(tiny_export):
    assert Card.from_metadata(tiny_export.card.to_metadata(), "x.onnx") == tiny_export.card


def test_playing_leaves_no_notes_for_others(tiny_export, tmp_path):
    """onnxruntime's telemetry writes below HOME at once, and sends later; it is quiet where CI says so."""
    silencing = ("CI", "GITHUB_ACTIONS", "TF_BUILD", "ORT_RUNNING_UNIT_TESTS", "ORT_DISABLE_TELEMETRY")
    environment = {name: value for name, value in os.environ.items() if name not in silencing}
    code = "import sys; from edgedistill.runtime import Policy; Policy.load(sys.argv[1])"
    subprocess.run(
        [sys.executable, "-c", code, tiny_export.path], env=environment | {"HOME": str(tmp_path)}, check=True
    )
    assert list(tmp_path.iterdir()) == []
