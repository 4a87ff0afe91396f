import json

import pytest

from edgedistill.profiler import PHASES


def test_train_tells_where_its_time_went(cli, tmp_path):
    small = ("--threads", 1, "--evaluate-episodes", 1, "--memory-frames", 128, "--student", "pico", "--envs", 2)
    run = ("--out", tmp_path / "run", "--steps", 256)
    profile = json.loads(cli("train", *small, *run, "--profile", "--json").out)["profile"]
    phases, seconds = profile["phases"], profile["seconds"]
    assert tuple(phases) == PHASES
    assert min(phase["seconds"] for phase in phases.values()) >= 0
    assert all(phases[name]["seconds"] > 0 for name in ("emulators", "acting", "teacher", "students", "evaluation"))
    assert sum(phase["seconds"] for phase in phases.values()) == pytest.approx(seconds, rel=0.03)
    assert sum(phase["share"] for phase in phases.values()) == pytest.approx(1, abs=0.01)
    assert profile["agent_steps"] == 256
    assert profile["agent_steps_per_second"] == pytest.approx(256 / seconds, rel=0.02)
    training = seconds - phases["evaluation"]["seconds"]
    assert profile["agent_steps_per_second_without_evaluation"] == pytest.approx(256 / training, rel=0.02)

    # A resumed run's steps and clock begin anew.
    table = cli("train", "--resume", tmp_path / "run", "--steps", 384, "--profile").out
    rows = [line.strip("│ ").split("│") for line in table.splitlines()]
    shown = {cells[0].strip(): float(cells[1]) for cells in rows if len(cells) == 4}
    assert tuple(shown) == PHASES
    assert "128 agent steps in" in table
    assert "without evaluation" in table
    assert "to the first agent step" in table
