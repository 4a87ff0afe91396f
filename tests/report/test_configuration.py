import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from edgedistill.report.configuration import go_on_commands, setting_lines, train_command
from edgedistill.runs.config import TrainConfig
from edgedistill.runs.folder import RunFolder
from edgedistill.runs.went_on import WentOn


@pytest.fixture
def begin(cli, tmp_path, monkeypatch):
    """Begins a run as the command line does, without training, and gives its settings."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("edgedistill.distill.training.train", lambda *arguments, **rest: iter(()))

    def run(out, *options):
        outcome = cli("train", *options, "--out", out)
        assert outcome.code == 0, outcome.err
        return RunFolder.open(tmp_path / out).config()

    return run


@pytest.mark.parametrize(
    "options",
    [
        "--game breakout --student pico --student micro --epsilon-floor 0.1 --epsilon-floor 0.2 --seed 3",
        "--teacher dqn --memory-frames 20000 --learning-starts 20000",
        "--teacher-only --teacher-network micro --minutes 3",
        "--student pico --tensorboard",
        "--student pico --student-optimiser adam",
        "--teacher-from {teacher} --mode offline --ratio 0.01 --memory-frames 60000",
    ],
)
def test_the_command_begins_the_same_run(begin, tiny_run, options):
    first = begin("first", *options.format(teacher=tiny_run.path).split())
    words = shlex.split(train_command(first))
    assert words[:2] == ["edgedistill", "train"]
    assert begin("second", *words[2:]) == first


def test_the_commands_go_on_as_the_run_did():
    config = TrainConfig("pong", steps=3000, went_on=(WentOn(1024, 1000), WentOn(2048, 2000)))
    assert train_command(config).endswith("--steps 1000")
    assert go_on_commands(Path("my run"), config) == [
        "edgedistill train --resume 'my run' --steps 2000   # at 1,024 agent steps",
        "edgedistill train --resume 'my run' --steps 3000   # at 2,048 agent steps",
    ]
    assert go_on_commands(Path("run"), replace(config, went_on=())) == []


def test_settings_of_a_mode_are_its_defaults(begin, tiny_run):
    frozen = begin("run", "--teacher-from", tiny_run.path, "--gamma", "0.9")
    changed = [(line.flag, line.value, line.default) for line in setting_lines(frozen) if line.changed]
    assert changed == [("--gamma", "0.9", "0.99")]


def test_settings_of_an_optimiser_are_its_defaults(begin):
    adam = begin("run", "--student", "pico", "--student-optimiser", "adam")
    assert [line.flag for line in setting_lines(adam) if line.changed] == ["--student-optimiser"]


def test_what_differs_comes_first(begin):
    lines = setting_lines(begin("run", "--seed", "7"))
    assert [line.changed for line in lines] == [True] + [False] * (len(lines) - 1)
