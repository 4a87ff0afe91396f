"""Exported students as frozen teachers."""

import json
from dataclasses import replace

import numpy as np
import onnx
import pytest
from scipy.special import softmax

from edgedistill.atari.emulator import Emulator
from edgedistill.catalogue import find_architecture
from edgedistill.distill.starting import new_run
from edgedistill.exporter.fidelity import play_frames
from edgedistill.exporter.graph import float32_model
from edgedistill.networks.graph_layers import graph_layers
from edgedistill.networks.integer_layer import UnknownGraph
from edgedistill.networks.integer_network import IntegerNetwork
from edgedistill.networks.network import AtariNetwork, GreedyPolicy
from edgedistill.networks.tensors import load_module
from edgedistill.runs.folder import RunFolder
from edgedistill.runtime.card import PREFIX
from edgedistill.runtime.policy import Policy
from edgedistill.runtime.shipped import shipped_student
from edgedistill.teachers.build import network_of, teacher_network
from edgedistill.teachers.sources import load_ensemble, load_ready_teacher, pinned_source
from edgedistill.teachers.trained import load_trained

SETTINGS = {
    "steps": 320, "envs": 4, "rollout-length": 16, "minibatch": 32, "memory-frames": 128, "learning-starts": 64,
    "student-batch": 32, "threads": 1, "evaluate-episodes": 1, "evaluate-every": 10**9,
}  # fmt: skip
SMALL = [word for name, value in SETTINGS.items() for word in (f"--{name}", str(value))]


def policy_of(source, game):
    """A ready teacher as it plays."""
    actions = len(Emulator(game).actions)
    ready = load_ready_teacher(source, game, actions)
    network = network_of(ready.kind, ready.network, actions, bf16=False)
    load_module(network, ready.tensors, "teacher")
    return ready, GreedyPolicy(network)


def renamed(path, output, student):
    """A copy of a file of version 1 whose card names another design."""
    model = onnx.load(path)
    for prop in model.metadata_props:
        if prop.key == PREFIX + "student":
            prop.value = json.dumps(student)
    onnx.save(model, output)
    return output


@pytest.mark.parametrize(("game", "student"), [("pong", "micro"), ("breakout", "nano"), ("ms_pacman", "net5")])
def test_it_gives_the_logits_of_onnx_runtime_to_the_last_bit(game, student):
    ready, teacher = policy_of(f"{game}:{student}", game)
    exported = Policy.load(shipped_student(game, student))
    frames = play_frames(exported.act, game, 100, seed=7, epsilon=0.05)
    np.testing.assert_array_equal(teacher.values(frames), exported.logits(frames))
    assert (ready.kind, ready.network, ready.emits_q) == ("student", student, False)
    assert ready.step == exported.card.trained_steps > 0


def test_students_learn_from_a_file_and_the_run_resumes(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.onnx").write_bytes(shipped_student("pong", "micro").read_bytes())
    outcome = cli("train", "--teacher-from", "mine.onnx", "--student", "pico", "--out", "run", *SMALL)
    assert outcome.code == 0, outcome.err
    run = RunFolder.open(tmp_path / "run")
    config = run.config()
    assert (config.teacher, config.teacher_network, config.teacher_from) == ("student", "micro", "mine.onnx")
    frames = np.random.default_rng(0).integers(0, 256, (20, 84, 84, 4), np.uint8)
    expected = Policy.load("mine.onnx").logits(frames)
    for trained in load_trained(run, ["best_teacher", "last_teacher"]):
        np.testing.assert_array_equal(GreedyPolicy(trained.network).values(frames), expected)
    assert any(record.student_loss for record in run.metrics().progress)
    assert cli("train", "--resume", "run", "--steps", "512").code == 0


def test_several_students_teach_by_their_mean_policy(tmp_path, monkeypatch):
    monkeypatch.setattr("edgedistill.teachers.sources.SCALE_STEPS", 25)
    sources = ("pong:pico", "pong:nano")
    students = (find_architecture("pico"),)
    run, config = new_run(tmp_path / "run", "pong", students, "pqn", "realtime", sources, {"memory_frames": 64})
    assert [(each.kind, each.source, each.temperature) for each in config.ensemble] == [
        ("student", source, 1.0) for source in sources
    ]
    network = teacher_network(config, 6, bf16=False)
    best = run.load_best_teacher()
    assert best is not None
    load_module(network, best[0], "teacher")
    frames = np.random.default_rng(0).integers(0, 256, (20, 84, 84, 4), np.uint8)
    policies = [softmax(policy_of(source, "pong")[1].values(frames), axis=1) for source in sources]
    found = softmax(GreedyPolicy(network).values(frames), axis=1)
    np.testing.assert_allclose(found, sum(policies) / 2, atol=1e-6)


@pytest.mark.parametrize(
    ("spread", "relative", "temperature"),
    [(0.1, True, 0.02), (0.1, False, 0.2), (2.6, True, 1.0), (2.6, False, 1.0)],
    ids=["q-values", "q-values-fixed", "logits", "logits-fixed"],
)
def test_members_that_emit_q_values_are_told_by_their_spread_and_softened(monkeypatch, spread, relative, temperature):
    monkeypatch.setattr("edgedistill.teachers.sources.value_spread", lambda *of: spread)
    (member,) = load_ensemble(["pong:pico"], "pong", 6, temperature=0.2, relative=relative).members
    assert member.temperature == pytest.approx(temperature)


def test_a_student_on_the_hub_teaches_too(hub):
    commit = hub.add("ada/pong", {"README.md": b"", "pico.onnx": shipped_student("pong", "pico").read_bytes()})
    assert load_ready_teacher("hub:ada/pong:pico.onnx", "pong", 6).network == "pico"
    assert pinned_source("hub:ada/pong:pico.onnx", "pong") == f"hub:ada/pong@{commit}:pico.onnx"


def test_what_cannot_teach_is_refused_before_there_is_a_folder(cli, tmp_path):
    micro = shipped_student("pong", "micro")
    model = float32_model(AtariNetwork(find_architecture("micro"), 6))
    model.metadata_props.extend(onnx.load(micro).metadata_props)
    onnx.save(model, tmp_path / "float.onnx")
    (tmp_path / "text.onnx").write_text("not one")
    files = {
        renamed(micro, tmp_path / "other.onnx", "mine"): "'mine' is not in the catalogue (edgedistill zoo)",
        renamed(micro, tmp_path / "named.onnx", "pico"): "not the catalogue's 'pico' in whole numbers (weights",
        tmp_path / "float.onnx": "not the catalogue's 'micro' in whole numbers (",
        tmp_path / "text.onnx": "text.onnx: ",
    }
    for file, complaint in files.items():
        outcome = cli("train", "--teacher-from", file, "--student", "pico", "--out", tmp_path / "run")
        assert outcome.code == 2 and complaint in outcome.err, outcome.err
    assert not (tmp_path / "run").exists()


def test_a_graph_of_other_strides_is_not_the_design():
    layers = graph_layers(onnx.load(shipped_student("pong", "pico")))
    network = IntegerNetwork(find_architecture("pico"), 6)
    network.take(layers)
    with pytest.raises(UnknownGraph, match="a stride of 3, where its design has 4"):
        network.take([replace(layers[0], stride=3), *layers[1:]])
    with pytest.raises(UnknownGraph, match="3 layers, where its design has 5"):
        network.take(layers[:3])
