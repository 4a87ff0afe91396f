"""What is logged of a run is what is read of it."""

import math

import pytest

from edgedistill.runs.config import TrainConfig
from edgedistill.runs.folder import RunFolder
from edgedistill.runs.metrics import EvaluationRecord, Metrics, ProgressRecord

FIRST = ProgressRecord(64, seconds=1.5)
SECOND = ProgressRecord(128, 0.5, {"micro": 0.25}, -20.5, 640, seconds=3.0)
RETURNS = {"teacher": (0.0, 2.0), "micro": (0.5, 0.5)}
EVALUATION = EvaluationRecord(128, 3.0, 2.0, {"teacher": 1.0, "micro": 0.5}, RETURNS)
THIRD = ProgressRecord(192, None, {"micro": 0.125}, seconds=7.0)


@pytest.fixture
def run(tmp_path):
    return RunFolder.create(tmp_path / "run", TrainConfig("pong"))


def test_a_run_without_a_log_has_no_records(run):
    assert run.metrics() == Metrics()
    assert (run.metrics().step, run.metrics().seconds_until(10**9)) == (0, 0.0)


def test_records_come_back_as_they_were_logged(run):
    for record in (FIRST, SECOND, EVALUATION, THIRD):
        run.log(record)
    metrics = run.metrics()
    assert metrics == Metrics((FIRST, SECOND, THIRD), (EVALUATION,))
    assert metrics.step == 192
    assert [metrics.seconds_until(step) for step in (0, 64, 191, 192)] == [0.0, 1.5, 3.0, 7.0]
    assert (metrics.evaluation_at(128), metrics.evaluation_at(64)) == (EVALUATION, None)
    run.forget_after(128)
    assert run.metrics() == Metrics((FIRST, SECOND), (EVALUATION,))


def test_the_loss_of_a_network_that_diverged_is_read(run):
    run.log(ProgressRecord(64, math.inf, {"micro": math.nan}, seconds=1.0))
    (record,) = run.metrics(pytest.fail).progress
    assert record.teacher_loss == math.inf
    assert math.isnan(record.student_loss["micro"])


@pytest.mark.parametrize(
    "line",
    [
        '{"step": 64, "seconds": 1.0}',
        '{"kind": "save", "step": 64, "seconds": 1.0}',
        '{"kind": "progress", "step": 64}',
        '{"kind": "progress", "step": 64, "seconds": 1.0, "student_loss": {"micro": "low"}}',
        '{"kind": "progress", "step": 64, "seconds": 1.0, "unknown": 1}',
        '{"kind": "evaluation", "step": 64, "seconds": 1.0, "scores": {"teacher": 1.0}}',
        '{"kind": ["progress"], "step": 64, "seconds": 1.0}',
    ],
)
def test_a_line_that_is_no_record_is_left_out_and_counted(run, line):
    run.log(FIRST)
    with (run.path / "metrics.jsonl").open("a") as file:
        file.write(f"{line}\n")
    said = []
    assert run.metrics(said.append) == Metrics((FIRST,))
    assert said == [f"{run.path / 'metrics.jsonl'}: 1 line cannot be read and is left out."]
