import shutil
from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import numpy_helper

from edgedistill.atari.blocks import to_input
from edgedistill.atari.protocol import Scores
from edgedistill.catalogue import load_catalogue
from edgedistill.errors import BadRequest, EdgeDistillError
from edgedistill.exporter import export as exporter
from edgedistill.exporter import fidelity as faithful_play
from edgedistill.exporter.board_folder import write_board_folder
from edgedistill.exporter.export import export_student
from edgedistill.exporter.fidelity import Fidelity, calibration_frames, fidelity, held_out_frames, play_frames
from edgedistill.exporter.graph import float32_model, int8_model
from edgedistill.exporter.options import ExportOptions
from edgedistill.exporter.targets import find_target
from edgedistill.networks.integers import measure_ranges
from edgedistill.networks.network import AtariNetwork, GreedyPolicy
from edgedistill.runs.folder import RunFolder
from edgedistill.runtime.policy import Policy
from edgedistill.runtime.shipped import shipped_games
from edgedistill.teachers.trained import load_trained
from tests.conftest import TINY


@pytest.fixture(scope="module")
def frames():
    return play_frames(lambda frames: np.array([int(frames.sum()) % 6]), "pong", 300, seed=0, epsilon=0.3)


def random_student(architecture, actions=6):
    torch.manual_seed(0)
    return AtariNetwork(architecture, actions).eval()


def run(model, frames):
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"frames": frames})[0]


@pytest.mark.parametrize("architecture", load_catalogue().values(), ids=lambda entry: entry.name)
def test_int8_logits_are_close_to_torchs(architecture, frames):
    student = random_student(architecture)
    logits, expected = run(int8_model(student, frames), frames), GreedyPolicy(student).values(frames)
    # 8-bit activations and 7-bit weights: some 1% of noise a layer.
    assert np.sqrt(np.mean((logits - expected) ** 2)) < 0.08 * expected.std()


@pytest.mark.parametrize("architecture", load_catalogue().values(), ids=lambda entry: entry.name)
def test_float32_logits_are_torchs(architecture, frames):
    student = random_student(architecture)
    student.centre(100)  # what an export must fold into the first bias
    logits, expected = run(float32_model(student), frames), GreedyPolicy(student).values(frames)
    # Some thousand products a sum, added in another order: errors of 1e-7 each, on values of about 1.
    np.testing.assert_allclose(logits, expected, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("architecture", load_catalogue().values(), ids=lambda entry: entry.name)
@pytest.mark.parametrize("actions", [3, 18])
def test_the_catalogue_counts_the_bytes_of_the_exported_tensors(architecture, actions, frames):
    model = int8_model(random_student(architecture, actions), frames[:8])
    written = sum(numpy_helper.to_array(tensor).nbytes for tensor in model.graph.initializer)
    assert written == architecture.int8_bytes(actions)


def test_onnxruntime_multiplies_nothing_but_integers(frames, tmp_path):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    model = int8_model(random_student(load_catalogue()["micro"]), frames)
    onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    kinds = [node.op_type for node in onnx.load(options.optimized_model_filepath).graph.node]
    assert kinds == ["QLinearConv"] * 4 + ["Transpose", "Flatten", "MatMulInteger", "Add", "Cast", "Mul"]


def largest_weight(model):
    weights = [numpy_helper.to_array(t) for t in model.graph.initializer if t.data_type == onnx.TensorProto.INT8]
    return max(np.abs(weight.astype(int)).max() for weight in weights)


def test_weights_take_seven_bits(frames):
    """x86 without VNNI adds two products in 16 bits: 2 × 255 × 64 fits, and with larger weights logits differ there."""
    assert largest_weight(int8_model(random_student(load_catalogue()["micro"]), frames)) == 63
    shipped = [file for files in shipped_games().values() for file in files]
    assert all(largest_weight(onnx.load_from_string(file.read_bytes())) <= 63 for file in shipped)


def test_a_batch_gives_what_single_frames_give(frames):
    model = int8_model(random_student(load_catalogue()["pico"]), frames)
    singles = np.concatenate([run(model, frames[i : i + 1]) for i in range(5)])
    np.testing.assert_array_equal(run(model, frames[:5]), singles)


def test_the_export_is_one_described_file(tiny_export, tiny_run):
    model = onnx.load(tiny_export.path)
    assert {tensor.name for tensor in model.graph.input} == {"frames"}
    card = Policy.load(tiny_export.path).card
    assert card == tiny_export.card
    assert (card.game, card.student, card.params) == ("pong", "pico", 7_418)
    assert card.actions == ("NOOP", "FIRE", "RIGHT", "LEFT", "RIGHTFIRE", "LEFTFIRE")
    assert set(card.scores) == {"student", "best_teacher", "last_teacher"}
    assert [score.epsilon for score in card.scores["student"]] == [0.01, 0.0, 0.05]
    assert tiny_export.bytes == tiny_export.path.stat().st_size < 9_500
    text = tiny_export.path.with_suffix(".md").read_text()
    assert "7,418 (0.44% of the Nature DQN's)" in text
    assert "bit for bit, on x86 with and without VNNI and on ARM" in text
    config = tiny_run.config()
    assert f'"lam": {config.lam}' in text
    assert "beside a finished teacher" not in text
    assert card.trained_minutes == pytest.approx(tiny_run.metrics().evaluations[-1].seconds / 60, abs=0.051)


def test_a_card_names_a_teacher_that_came_finished_and_not_where_it_lay(tiny_run, tmp_path):
    run = RunFolder(shutil.copytree(tiny_run.path, tmp_path / "run"))
    run.save_config(replace(run.config(), teacher_from="/home/ada/runs/pong-7"))
    exported = export_student(run, "pico", tmp_path / "pico.onnx", ExportOptions(episodes=1, allow_disagreement=True))
    text = exported.path.with_suffix(".md").read_text()
    assert "beside a finished teacher: `pong-7` |" in text
    assert '"teacher_from": "pong-7"' in text
    assert "ada" not in text


def scripted_scores(monkeypatch):
    """Games that nobody plays: a network scores the bias of its first action, an exported file −1. Gives protocols."""
    protocols = []

    def scripted(act, game, protocol, **_):
        protocols.append(protocol)
        score = float(act.network.head.bias[0]) if isinstance(act, GreedyPolicy) else -1.0
        return Scores((round(score, 2),) * protocol.episodes, protocol)

    monkeypatch.setattr("edgedistill.runs.scoring.evaluate", scripted)
    return protocols


def test_a_card_tells_the_best_teacher_from_the_last_one_at_the_runs_stickiness(tiny_run, tmp_path, monkeypatch):
    run = RunFolder(shutil.copytree(tiny_run.path, tmp_path / "run"))
    run.save_config(replace(run.config(), sticky=0.25))
    best, state = run.load_best_teacher()
    best["teacher.head.bias"][0] = 7.0
    run.save_best_teacher(best, state)
    protocols = scripted_scores(monkeypatch)
    card = export_student(run, "pico", tmp_path / "x.onnx", ExportOptions(episodes=2, allow_disagreement=True)).card
    last = round(load_trained(run, ["last_teacher"])[0].network.head.bias[0].item(), 2)
    means = {player: {score.mean for score in scores} for player, scores in card.scores.items()}
    assert means == {"student": {-1.0}, "best_teacher": {7.0}, "last_teacher": {last}}
    assert {protocol.sticky for protocol in protocols} == {0.25}
    assert {score.sticky for scores in card.scores.values() for score in scores} == {0.25}


def test_an_export_plays_what_was_not_played_and_anew_what_has_learnt_since(tiny_run, tmp_path, monkeypatch):
    run = RunFolder(shutil.copytree(tiny_run.path, tmp_path / "run"))
    options = ExportOptions(episodes=2, epsilons=[0.3], allow_disagreement=True)
    played = scripted_scores(monkeypatch)
    first = export_student(run, "pico", tmp_path / "x.onnx", options)
    players = len(played)
    assert players in (2, 3)  # the best teacher may be the last one
    assert export_student(run, "pico", tmp_path / "x.onnx", options).card == first.card
    assert len(played) == players

    tensors, state = run.load_checkpoint()
    tensors["student.pico.head.bias"] += torch.arange(6.0)
    run.save_checkpoint(state["step"], tensors, state)
    export_student(run, "pico", tmp_path / "x.onnx", options)
    assert len(played) == players + 1
    names = [each["network"] for each in run.evaluations() if each["protocol"]["epsilon"] == 0.3]
    assert names.count("pico.onnx") == 2


def test_an_export_is_compared_on_other_play_than_it_is_calibrated_on(monkeypatch):
    seeds = []

    def played(act, game, count, *, seed, epsilon):
        seeds.append(seed)
        return np.zeros((1, 84, 84, 4), np.uint8)

    monkeypatch.setattr(faithful_play, "play_frames", played)
    calibration_frames(None, "pong")
    calibrated = set(seeds)
    held_out_frames(None, "pong")
    assert len(calibrated) == 1 and seeds[-1] not in calibrated


def test_a_file_whose_bytes_count_does_without_the_returns_of_single_games(cli, tiny_run, tiny_export, tmp_path):
    path = tmp_path / "small.onnx"
    options = ("--student", "pico", "--episodes", tiny_export.card.scores["student"][0].episodes, "--no-returns")
    assert cli("export", tiny_run.path, "-o", path, *options).code == 0
    card = Policy.load(path).card
    assert path.stat().st_size < tiny_export.bytes
    assert {score.returns for listed in card.scores.values() for score in listed} == {()}
    assert card.scores["student"] == tuple(replace(score, returns=()) for score in tiny_export.card.scores["student"])
    assert card.replayable == tiny_export.card.replayable[:5]  # what `zoo check` plays again


def test_fidelity_counts_equal_actions_what_others_cost_and_the_largest_error(tiny_export, frames):
    policy = Policy.load(tiny_export.path)
    ours = policy.logits(frames)
    theirs = ours + np.eye(6, dtype=np.float32)[0] * 0.5

    class Shifted:
        def values(self, frames):
            return policy.logits(frames) + np.eye(6, dtype=np.float32)[0] * 0.5

    found = fidelity(policy, Shifted(), frames)
    assert found.agreement == (ours.argmax(1) == theirs.argmax(1)).mean()
    lost = [row.max() - row[pick] for row, pick in zip(theirs, ours.argmax(1), strict=True)]
    spread = [row.max() - row.mean() for row in theirs]
    assert found.regret == pytest.approx(np.mean(lost) / np.mean(spread), rel=1e-4)
    assert found.largest_error == pytest.approx(0.5, abs=1e-6)


def test_a_student_that_learnt_in_integers_is_written_down_bit_for_bit(tiny_run, tiny_export, frames):
    (student,) = load_trained(tiny_run, ["pico"])
    assert student.network.is_integer
    np.testing.assert_array_equal(
        Policy.load(tiny_export.path).logits(frames), GreedyPolicy(student.network).values(frames)
    )
    assert tiny_export.card.agreement == 1 and tiny_export.card.largest_logit_error == 0


@pytest.mark.parametrize("architecture", load_catalogue().values(), ids=lambda entry: entry.name)
def test_integers_that_a_student_learns_with_are_those_of_onnxruntime(architecture, frames):
    student = random_student(architecture)
    student.centre(87)
    x = to_input(np.ascontiguousarray(frames.transpose(0, 3, 1, 2)), torch.device("cpu"), torch.float32)
    student.begin_integers(measure_ranges(student, x[::2]))
    np.testing.assert_array_equal(run(int8_model(student), frames), GreedyPolicy(student).values(frames))


@pytest.mark.parametrize(("found", "faithful"), [(Fidelity(0.9, 0.019, 0.1), True), (Fidelity(0.99, 0.03, 0.1), False)])
def test_a_float_student_is_judged_by_what_its_other_actions_cost(float_run, tmp_path, monkeypatch, found, faithful):
    monkeypatch.setattr(exporter, "fidelity", lambda *_: found)
    output, short = tmp_path / "pico.onnx", ExportOptions(episodes=1, epsilons=[0.05])
    if not faithful:
        with pytest.raises(
            EdgeDistillError, match=r"99\.0% equal actions, and a regret of 3\.0%.*--allow-disagreement"
        ):
            export_student(float_run, None, output, short)
        assert list(tmp_path.iterdir()) == []
    exported = export_student(float_run, None, output, replace(short, allow_disagreement=not faithful))
    assert exported.card.disagreement_allowed is not faithful
    assert ("in spite of it" in output.with_suffix(".md").read_text()) is not faithful
    assert set(exported.card.scores) == {"student", "float_student", "best_teacher", "last_teacher"}


def test_a_float32_student_plays_like_torchs_and_says_that_it_is_one(float_run, tmp_path, monkeypatch):
    monkeypatch.setattr("edgedistill.exporter.fidelity.HELD_OUT_FRAMES", 5_000)
    options = ExportOptions("float32", episodes=1, epsilons=[0.05])
    exported = export_student(float_run, "pico", tmp_path / "pico.onnx", options)
    assert exported.card.agreement >= 0.999
    assert exported.bytes > 4 * exported.card.params
    card = Policy.load(exported.path).card
    assert card.quantisation.startswith("float32")
    assert "differ from one kind of CPU to another" in exported.path.with_suffix(".md").read_text()
    with pytest.raises(BadRequest, match="'c' takes an int8 student"):
        write_board_folder(exported.path.read_bytes(), "pico.onnx", tmp_path / "c", find_target("c"))


def test_a_student_that_learnt_in_integers_has_no_float32_form(tiny_run, tmp_path):
    with pytest.raises(BadRequest, match="learnt in integers"):
        export_student(tiny_run, "pico", tmp_path / "x.onnx", ExportOptions("float32"))


def test_which_student_and_precision_must_be_said_right(tiny_run, tmp_path):
    with pytest.raises(BadRequest, match=r"--student micro \| pico"):
        export_student(tiny_run, None, tmp_path / "x.onnx", ExportOptions())
    with pytest.raises(BadRequest, match=r"No precision 'int4'\. Did you mean 'int8'\?"):
        ExportOptions("int4")
    with pytest.raises(BadRequest, match="Did you mean 'pico'"):
        export_student(tiny_run, "piko", tmp_path / "x.onnx", ExportOptions())


def test_a_teacher_is_no_student_to_export(tmp_path):
    run = RunFolder.create(tmp_path / "run", TINY)  # nothing is there that could be loaded
    for teacher in ("best_teacher", "last_teacher"):
        with pytest.raises(BadRequest, match=f"has no student '{teacher}'. Accepted: micro, pico"):
            export_student(run, teacher, tmp_path / "x.onnx", ExportOptions())


def test_an_output_that_cannot_be_written_is_refused_before_the_work(tiny_run, tmp_path):
    with pytest.raises(BadRequest, match="cannot be written"):
        export_student(tiny_run, "pico", tmp_path / "missing" / "x.onnx", ExportOptions())
    with pytest.raises(BadRequest, match="is a folder"):
        export_student(tiny_run, "pico", tmp_path, ExportOptions())
    with pytest.raises(BadRequest, match=r"-o names the \.onnx to write, got .*x\.md\. Type: -o .*x\.onnx"):
        export_student(tiny_run, "pico", tmp_path / "x.md", ExportOptions())
    (tmp_path / "x.md").mkdir()
    with pytest.raises(BadRequest, match=r"x\.md is a folder"):
        export_student(tiny_run, "pico", tmp_path / "x.onnx", ExportOptions())
    assert not (tmp_path / "x.onnx").exists()
