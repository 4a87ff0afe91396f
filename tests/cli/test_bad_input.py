"""Each bad request: exit code 2 (1 for a failure), one clear message, nothing half-written."""

import json
import shlex
import shutil
import sys

import pytest

from edgedistill.runs.folder import RunFolder
from tests.conftest import TINY, cli_without

# Options of an export that a student that is exported already cannot have.
FOR_A_RUN = ("--episodes", "5", "--epsilon", "0.1", "--no-returns", "--allow-disagreement")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["train", "--game", "pnog"], "No game 'pnog'. Did you mean 'pong'?"),
        (["train", "--ratio", "0"], "--ratio must be above 0"),
        (["train", "--ratio", "-0.5"], "--ratio must be above 0"),
        (["train", "--ratio", "1.5"], "at most 1"),
        (["train", "--ratio", "0.001"], "the smallest is 'femto'"),
        (["train", "--student", "mirco"], "Did you mean 'micro'?"),
        (["train", "--student", "missing.toml"], "missing.toml: cannot be read"),
        (["train", "--teacher-only", "--ratio", "0.017"], "leave --ratio and --student out"),
        (["train", "--minutes", "-1"], "--minutes must be above 0"),
        (["train", "--envs", "0"], "--envs must be from 1 to 256"),
        (["train", "--resume", "nowhere"], "No run at nowhere"),
        (["train", "--resume", "nowhere", "--ratio", "0.1"], "--resume keeps the run's game, teacher, students"),
        (["train", "--resume", "nowhere", "--game", "pong"], "--resume keeps the run's game, teacher, students"),
        (["train", "--out", "/proc/nothing/here", "--steps", "1"], "cannot be written"),
        (["train", "--device", "cuda:99", "--steps", "1"], "--device must be auto, cpu or cuda"),
        (["train", "--teacher", "ppo"], "--teacher must be pqn, dqn or student, got 'ppo'"),
        (["train", "--mode", "ofline"], "--mode must be realtime or offline"),
        (["train", "--mode", "offline"], "--teacher-from RUN, FILE.onnx, GAME, sb3:FILE or hub:NAME"),
        (["train", "--teacher-from", "nowhere"], "No run at nowhere"),
        (["train", "--teacher-from", "nowhere"], "GAME or GAME:STUDENT (pong:micro), sb3:FILE, hub:USER/REPO"),
        (["train", "--teacher-from", "pnog:micro"], "Did you mean 'pong'?"),
        (["train", "--teacher", "student"], "say which with --teacher-from FILE.onnx or GAME"),
        (["train", "--teacher-from", "missing.onnx"], "missing.onnx: cannot be read"),
        (["train", "--teacher-from", "pong:mirco"], "No pong student 'mirco' ships. Did you mean 'micro'?"),
        (
            ["train", "--teacher-from", "breakout"],
            "The teacher of breakout plays breakout, not pong. Use --game breakout",
        ),
        (["train", "--teacher-from", "pong", "--loss", "mse"], "copies Q-values, and a student has none"),
        (["train", "--teacher-from", "nowhere", "--teacher-only"], "leaves nothing to train"),
        (["train", "--teacher-from", "sb3:missing.zip"], "missing.zip"),
        (["train", "--resume", "nowhere", "--teacher-from", "x"], "keeps the run's game, teacher, students and folder"),
        (["train", "--loss", "kll"], "Did you mean 'kl'"),
        (["train", "--loss", "nll+self-q"], "students that emit Q-values"),
        (["train", "--temperature", "0"], "--temperature must be above 0"),
        (["train", "--student-driven", "1.5"], "--student-driven must be from 0 to 1"),
        (["train", "--student-average", "1"], "--student-average must be from 0 to 0.99999"),
        (["train", "--student-optimiser", "moun"], "--student-optimiser must be muon or adam, got 'moun'"),
        (["train", "--teacher-optimiser", "moun"], "--teacher-optimiser must be muon, radam or rmsprop, got 'moun'"),
        (["train", "--teacher", "dqn", "--teacher-optimiser", "muon"], "--teacher-optimiser muon is for --teacher pqn"),
        (["train", "--teacher", "dqn", "--teacher-average", "0.99"], "leave --teacher-average out (0), got 0.99"),
        (["train", "--envs", "10000000"], "--envs must be from 1 to 256, got 10000000"),
        (["train", "--teacher", "dqn", "--student-batches", "2"], "learn from its own minibatches"),
        (["train", "--student-cooldown", "1"], "leaves the teacher no step to learn in"),
        (["train", "--memory-frames", "1000", "--learning-starts", "2000"], "at most the memory's 1,000 frames"),
        (["export", "nowhere", "-o", "x.onnx"], "No run at nowhere"),
        *(
            (["export", source, "-o", "x.onnx"], f"{source} is exported already. For a board, add --target")
            for source in ("pong", "my.onnx", "hub:ada/pong")
        ),
        (["export", "pnog", "-o", "x.onnx"], "Did you mean 'pong'?"),
        (["export", "alien", "-o", "x.onnx"], "Start one: edgedistill train --game alien"),
        (
            ["export", "pong", "-o", "pi", "--target", "c", *FOR_A_RUN],
            "leave --episodes, --epsilon, --allow-disagreement, --no-returns out",
        ),
        (["export", "pong", "-o", "my pi.onnx", "--target", "x86-64"], "Type: -o 'my pi-x86-64'"),
        (["export", "pong", "-o", "x.onnx", "--with-wheels"], "--with-wheels goes with --target"),
        (["export", "pong", "-o", "pi", "--target", "raspberry-pi4"], "Did you mean 'raspberry-pi-4'?"),
        (
            ["export", "pong", "-o", "pi.onnx", "--target", "x86-64"],
            "-o names a folder, got pi.onnx. Type: -o pi-x86-64",
        ),
        *(
            (["export", "pong", "-o", place, "--target", "x86-64"], f"got {place}: no export replaces the folder that")
            for place in (".", "..", "/", "../..", "new/..", "/tmp/..")
        ),
        (["export", "pong", "-o", "no/pi", "--target", "x86-64"], "cannot be written"),
        (["export", "pong", "-o", "c", "--target", "c", "--with-wheels"], "'c' is C source"),
        (["export", "pong", "-o", "pi", "--target", "x86-64", "--precision", "float32"], "pong is exported already"),
        (["export", "pnog", "-o", "pi", "--target", "x86-64"], "Did you mean 'pong'?"),
        (["export", "pong", "-o", "pi", "--target", "x86-64", "--student", "mirco"], "Did you mean 'micro'?"),
        (["export", "runs/pong", "-o", "pi", "--target", "x86-64"], "No run at runs/pong"),
        (["export", "my.onnx", "-o", "pi", "--target", "x86-64"], "my.onnx: cannot be read"),
        (["play", "pnog"], "Did you mean 'pong'?"),
        (["play", "nope"], "No game 'nope'. All of them: edgedistill games"),
        (["play", "pong", "--headless", "--gif", "p.mp4"], "--gif writes GIFs, got p.mp4. Type: --gif p.gif"),
        (["play", "pong", "--headless", "--gif", "."], ". is a folder. Name a file in it."),
        (["play", "pong", "--headless", "--video", "."], ". is a folder. Name a file in it."),
        (["play", "missing.onnx"], "missing.onnx: cannot be read"),
        (["play", "alien"], "No trained alien student ships"),
        (["evaluate", "missing.onnx"], "missing.onnx: cannot be read"),
        (["zoo", "--actions", "99"], "from 2 to 18"),
        (["train", "--keep", "95"], "--keep must be above 0 and at most 1"),
        (["train", "--keep", "0.9", "--teacher-only"], "it needs students"),
        (["train", "--keep", "0.9", "--teacher-only"], "error: --keep does not go with --teacher-only"),
        (["compare", "runs", "--png", "x.gif"], "--png writes PNGs, got x.gif. Type: --png x.png"),
        (["zoo", "results", "--png", "x.gif"], "--png writes PNGs, got x.gif. Type: --png x.png"),
        (["zoo", "results", "--json", "--markdown"], "leave one of them out"),
        (["zoo", "build"], "zoo has no plan yet"),
        (["zoo", "build", "--games", "pnog"], "Did you mean 'pong'?"),
        (["zoo", "build", "--games", "pong", "--students", "mirco"], "Did you mean 'micro'?"),
        (["zoo", "build", "--games", "pong", "--set", "envs"], "--set takes NAME=VALUE"),
        (["zoo", "build", "--games", "pong", "--set", "envs=none"], "--envs must be a whole number, got 'none'"),
        (["zoo", "build", "--games", "pong", "--on", "moon"], "--on must be local or ray"),
        (["zoo", "build", "--games", "pong", "--on", "ray", "--jobs", "2"], "leave --jobs out"),
    ],
)
def test_a_bad_request_says_what_to_do(cli, arguments, complaint, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    outcome = cli(*arguments)
    assert outcome.code == 2
    assert complaint in outcome.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "--game", "pnog"],
        ["train", "--student", "mirco"],
        ["train", "--keep", "95"],
        ["train", "--resume", "nowhere"],
        ["export", "nowhere", "-o", "x.onnx"],
        ["export", "runs/nowhere", "-o", "x", "--target", "x86-64"],
        ["evaluate", "nowhere"],
        ["evaluate", "."],
    ],
    ids=" ".join,
)
def test_a_wrong_name_is_refused_before_torch_is_loaded(cli, arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for brings_torch in ("distill.training", "exporter.export", "runs.folder", "teachers.trained"):
        monkeypatch.setitem(sys.modules, f"edgedistill.{brings_torch}", None)
    assert cli(*arguments).code == 2


def test_a_teacher_is_no_student_to_evaluate(cli, tmp_path):
    run = RunFolder.create(tmp_path / "run", TINY)
    outcome = cli("evaluate", run.path, "--student", "best_teacher")
    assert outcome.code == 2
    assert f"{run.path} has no student 'best_teacher'. Accepted: micro, pico" in outcome.err


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (["train", "--out"], "edgedistill train --resume"),
        (["play"], "edgedistill export"),
        (["evaluate"], "edgedistill train --resume"),
        (["compare"], "edgedistill train --resume"),
    ],
    ids=str,
)
def test_a_command_to_type_holds_for_a_folder_with_a_space(cli, arguments, advice, tmp_path):
    run = RunFolder.create(tmp_path / "my run", TINY)
    outcome = cli(*arguments, run.path)
    assert f"{advice} {shlex.quote(str(run.path))}" in outcome.err


def test_so_does_the_one_where_no_teacher_was_evaluated(cli, tmp_path, monkeypatch):
    run = RunFolder.create(tmp_path / "my run", TINY)
    monkeypatch.setattr(RunFolder, "load_checkpoint", lambda self, warn: ({}, {"step": 0}))
    assert f"Go on: edgedistill train --resume '{run.path}'" in cli("evaluate", run.path).err


@pytest.mark.parametrize("verb", ["play", "evaluate"])
def test_a_folder_without_a_run_is_told_and_the_student_in_it_named(cli, verb, tmp_path):
    nothing = cli(verb, tmp_path)
    assert (nothing.code, f"{tmp_path} is a folder without a run" in nothing.err) == (2, True)
    (tmp_path / "my.onnx").touch()
    assert f"Name the student's file: {tmp_path / 'my.onnx'}" in cli(verb, tmp_path).err


def test_a_build_that_cannot_start_leaves_no_plan(cli, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    outcome = cli("zoo", "build", "--games", "pong", "--on", "ray", "--out", tmp_path / "zoo")
    assert (outcome.code, "--on ray needs Ray" in outcome.err) == (1, True)
    assert list(tmp_path.iterdir()) == []


def test_a_run_without_a_checkpoint(cli, tiny_run, tmp_path):
    (tmp_path / "config.json").write_bytes((tiny_run.path / "config.json").read_bytes())
    for command in (["export", tmp_path, "--student", "pico", "-o", tmp_path / "x.onnx"], ["evaluate", tmp_path]):
        outcome = cli(*command)
        assert outcome.code == 1
        assert "no checkpoint yet" in outcome.err
    assert not (tmp_path / "x.onnx").exists()


def test_a_checkpoint_cut_short_gives_way_to_the_one_before_and_says_so(cli, tiny_run, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(tiny_run.path, run)
    newest = sorted((run / "checkpoints").iterdir())[-1]
    newest.write_bytes(newest.read_bytes()[:1000])
    outcome = cli("train", "--resume", run, "--steps", 448, "--json")
    assert outcome.code == 0
    assert f"{newest.name}: not a readable checkpoint" in outcome.err
    assert "The one before it is used" in outcome.err
    assert json.loads(outcome.out)["step"] == 448


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--memory-frames", 10**8], "Use --memory-frames "),
        (["--envs", 256, "--rollout-length", 4096], "Use --envs or --rollout-length with less"),
        (
            ["--minibatch", 65_536, "--envs", 256, "--rollout-length", 256],
            "Use --minibatch or --student-batch with less",
        ),
        (["--device", "cuda"], "torch finds no GPU here"),
    ],
)
def test_a_run_that_the_machine_cannot_do_is_refused_before_anything_is_there(
    cli, tiny_run, tmp_path, monkeypatch, options, complaint
):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("edgedistill.distill.machine.available_bytes", lambda: 8_000_000_000)
    outcome = cli("train", *options, "--out", tmp_path / "run")
    assert outcome.code == 2
    assert complaint in outcome.err
    assert list(tmp_path.iterdir()) == []


def test_a_resumed_run_that_the_machine_cannot_do_is_left_as_it_was(cli, tiny_run, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    config = (tiny_run.path / "config.json").read_bytes()
    outcome = cli("train", "--resume", tiny_run.path, "--steps", 1024, "--device", "cuda")
    assert outcome.code == 2
    assert "torch finds no GPU here" in outcome.err
    assert (tiny_run.path / "config.json").read_bytes() == config


def test_a_resumed_run_without_the_memory_is_told_what_may_help(cli, tiny_run, monkeypatch):
    monkeypatch.setattr("edgedistill.distill.machine.available_bytes", lambda: 1_000_000)
    outcome = cli("train", "--resume", tiny_run.path, "--steps", 1024)
    assert outcome.code == 2
    assert "Close other programs, or go on on a machine with more." in outcome.err


def test_a_resumed_run_keeps_what_it_learns(cli, tiny_run):
    config = (tiny_run.path / "config.json").read_bytes()
    outcome = cli("train", "--resume", tiny_run.path, "--steps", 8192, "--seed", 5, "--learning-rate", 1)
    assert outcome.code == 2
    assert "--resume goes on with the run's own --seed (0): leave it out, or train into a new folder" in outcome.err
    assert (tiny_run.path / "config.json").read_bytes() == config


def test_a_teacher_of_another_game(cli, tiny_run, tmp_path):
    outcome = cli("train", "--game", "breakout", "--teacher-from", tiny_run.path, "--out", tmp_path / "run")
    assert outcome.code == 2
    assert "plays pong, not breakout. Use --game pong" in outcome.err
    assert not (tmp_path / "run").exists()


def test_a_student_for_another_game(cli, tiny_export):
    outcome = cli("play", tiny_export.path, "--game", "breakout")
    assert outcome.code == 2
    assert "plays pong, not breakout" in outcome.err


def test_a_file_that_is_not_a_student(cli, tmp_path):
    file = tmp_path / "x.onnx"
    file.write_text("not a model")
    outcome = cli("play", file)
    assert outcome.code == 2
    assert "not a student that edgedistill exports" in outcome.err


@pytest.mark.parametrize("missing", ["torch", "onnx", "safetensors"])
def test_without_the_training_packages_the_message_has_the_pip_command(missing, tmp_path):
    (tmp_path / "config.json").touch()  # what is no run is refused without them
    outcome = cli_without(missing, "export", tmp_path, "-o", tmp_path / "x.onnx")
    assert outcome.code == 1
    assert f"needs {missing}" in outcome.err
    assert "pip install 'edgedistill[train]'" in outcome.err


@pytest.mark.parametrize("verb", ["play", "bench"])
def test_a_run_where_a_student_belongs(cli, tiny_run, verb):
    outcome = cli(verb, tiny_run.path)
    assert outcome.code == 2
    assert f"{tiny_run.path} is a run. Export one of its students first: edgedistill export" in outcome.err
