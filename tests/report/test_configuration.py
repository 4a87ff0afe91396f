import shlex

import pytest

from edgedistill.report.configuration import setting_lines, train_command
from edgedistill.runs.folder import RunFolder


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
        "--teacher-from {teacher} --mode offline --ratio 0.01 --memory-frames 60000",
    ],
)
def test_the_command_begins_the_same_run(begin, tiny_run, options):
    first = begin("first", *options.format(teacher=tiny_run.path).split())
    words = shlex.split(train_command(first))
    assert words[:2] == ["edgedistill", "train"]
    assert begin("second", *words[2:]) == first


def test_settings_of_a_mode_are_its_defaults(begin, tiny_run):
    frozen = begin("run", "--teacher-from", tiny_run.path, "--gamma", "0.9")
    changed = [(line.flag, line.value, line.default) for line in setting_lines(frozen) if line.changed]
    assert changed == [("--gamma", "0.9", "0.99")]


def test_what_differs_comes_first(begin):
    lines = setting_lines(begin("run", "--seed", "7"))
    assert [line.changed for line in lines] == [True] + [False] * (len(lines) - 1)
