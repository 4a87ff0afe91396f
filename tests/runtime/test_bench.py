import json

from edgedistill.runtime.bench import bench
from edgedistill.runtime.policy import Policy


def test_bench_measures_what_belongs_together(tiny_export):
    stages = []
    result = bench(Policy.load(tiny_export.path), 200, stages.append)
    assert 0 < result.action_median <= result.action_p99
    # The loop holds an emulator step and an action.
    assert result.loop > result.emulator > 0
    assert result.startup_seconds > 0
    assert 20e6 < result.peak_bytes < 500e6
    assert len(stages) == 3


def test_bench_and_doctor_from_the_command_line(cli, tiny_export):
    report = json.loads(cli("bench", tiny_export.path, "--decisions", 100, "--json").out)
    assert report["file_bytes"] == tiny_export.bytes
    assert report["times_real_time"] > 1
    assert report["loop_us"] > report["emulator_us"] > 0
    assert {"action_median_us", "action_p99_us", "startup_seconds", "peak_bytes"} <= set(report)
    assert "real time" in cli("bench", tiny_export.path, "--decisions", 100).out
    assert "All well" in cli("doctor").out
    assert json.loads(cli("doctor", "--json").out)["problems"] == []


def test_bench_of_what_is_no_student(cli, tmp_path):
    outcome = cli("bench", tmp_path / "missing.onnx")
    assert outcome.code == 2
    assert "cannot be read" in outcome.err
