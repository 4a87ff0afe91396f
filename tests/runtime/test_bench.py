import json
import shutil

import pytest

from edgedistill.runtime.bench import bench
from edgedistill.runtime.player import SECONDS_PER_DECISION
from edgedistill.runtime.policy import Policy


def test_bench_measures_what_belongs_together(tiny_export):
    stages = []
    result = bench(Policy.load(tiny_export.path), 200, stages.append)
    assert 0 < result.action_median <= result.action_p99
    # The loop holds an emulator step and an action; they are timed one after the other, on a machine that may get busy.
    assert result.loop > 0.2 * result.emulator > 0
    assert result.startup_seconds > 0
    assert 20e6 < result.peak_bytes < 500e6
    assert len(stages) == 3


def test_bench_and_doctor_from_the_command_line(cli, tiny_export):
    report = json.loads(cli("bench", tiny_export.path, "--decisions", 100, "--json").out)
    assert report["file_bytes"] == tiny_export.bytes
    assert report["times_real_time"] == pytest.approx(1e6 * SECONDS_PER_DECISION / report["loop_us"], rel=0.01)
    assert report["loop_us"] > 0.2 * report["emulator_us"] > 0
    assert {"action_median_us", "action_p99_us", "startup_seconds", "peak_bytes"} <= set(report)
    assert "real time" in cli("bench", tiny_export.path, "--decisions", 100).out
    assert "All well" in cli("doctor").out
    assert json.loads(cli("doctor", "--json").out)["problems"] == []


def test_bench_of_what_is_no_student(cli, tmp_path):
    outcome = cli("bench", tmp_path / "missing.onnx")
    assert outcome.code == 2
    assert "cannot be read" in outcome.err


def test_bench_of_a_file_with_a_dash(cli, tiny_export, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(tiny_export.path, "-x.onnx")
    assert cli("bench", "./-x.onnx", "--decisions", 100).code == 0


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("import sys; sys.exit('one line\\nthe last one')", "the last one"),
        ("import os; os.kill(os.getpid(), 9)", "exit code -9"),
    ],
)
def test_bench_says_how_its_own_process_failed(cli, tiny_export, monkeypatch, program, said):
    monkeypatch.setattr("edgedistill.runtime.bench.PLAY", program)
    outcome = cli("bench", tiny_export.path, "--decisions", 100)
    assert outcome.code == 1
    assert outcome.err.endswith(f"error: {tiny_export.path}: a process that plays it failed ({said}).\n")
