import json
from pathlib import Path

import pytest

from edgedistill.errors import BadRequest
from edgedistill.report.curves import read_run
from edgedistill.runs.folder import RunFolder
from edgedistill.runs.metrics import EvaluationRecord, ProgressRecord

# Breakout's random player scores 1.7.


def test_retention_is_of_the_best_teacher_of_the_whole_run(evaluated_run):
    run = read_run(evaluated_run("run", teacher=[5.7, 11.7, 6.7], micro=[1.7, 6.7, 9.7]))
    (curve,) = run.curves
    assert [point.retention for point in curve.points] == pytest.approx([0.0, 0.5, 0.8])
    assert [point.teacher_score for point in curve.points] == [5.7, 11.7, 6.7]
    assert (curve.student, curve.game, curve.seed) == ("micro", "breakout", 0)


def test_minutes_leave_evaluations_out(evaluated_run):
    (curve,) = read_run(evaluated_run("run", teacher=[5.0] * 3, micro=[5.0] * 3)).curves
    assert [(point.step, point.minutes) for point in curve.points] == [(1000, 1.0), (2000, 2.0), (3000, 3.0)]


def test_minutes_leave_pauses_out(evaluated_run):
    """A report every ten seconds, but for a pause of half an hour before the twelfth."""
    run = RunFolder.open(evaluated_run("run", teacher=[], micro=[]))
    for number in range(1, 21):
        paused = 1800.0 if number >= 12 else 0.0
        run.log(ProgressRecord(100 * number, seconds=10.0 * number + paused))
        if number in (10, 20):
            scores = {"teacher": 5.0, "micro": 5.0}
            run.log(EvaluationRecord(100 * number, 10.0 * number + paused, 30.0 if number == 10 else 60.0, scores))
    (curve,) = read_run(run.path).curves
    # Reports after the first evaluation have its half minute in their seconds.
    assert [point.minutes for point in curve.points] == pytest.approx([100 / 60, (200 - 30) / 60], abs=0.01)


def test_a_finish_with_many_batches_is_no_pause(evaluated_run):
    """Two hundred reports of 2 s, then twenty of 70 s: slow, but all of them."""
    run = RunFolder.open(evaluated_run("run", teacher=[], micro=[]))
    seconds = 0.0
    for number in range(1, 221):
        seconds += 2.0 if number <= 200 else 70.0
        run.log(ProgressRecord(100 * number, seconds=seconds))
    run.log(EvaluationRecord(22_000, seconds, 0.0, {"teacher": 5.0, "micro": 5.0}))
    (curve,) = read_run(run.path).curves
    assert curve.final.minutes == pytest.approx((200 * 2 + 20 * 70) / 60, abs=0.1)


def test_a_busy_machine_is_no_pause(evaluated_run):
    run = RunFolder.open(evaluated_run("run", teacher=[], micro=[]))
    for number in range(1, 21):
        run.log(ProgressRecord(100 * number, seconds=10.0 * number + (50.0 if number >= 12 else 0.0)))
    run.log(EvaluationRecord(2000, 250.0, 10.0, {"teacher": 5.0, "micro": 5.0}))
    (curve,) = read_run(run.path).curves
    assert curve.final.minutes == pytest.approx(250 / 60)


def test_intervals_are_for_the_games_played(evaluated_run):
    run = RunFolder.open(evaluated_run("run", teacher=[11.7], micro=[6.7]))
    returns = {"teacher": (9.7, 13.7), "micro": (1.7, 11.7)}
    run.log(EvaluationRecord(2000, 200.0, 60.0, {"teacher": 11.7, "micro": 6.7}, returns))
    without, point = read_run(run.path).curves[0].points
    assert without.score_interval is without.teacher_interval is without.retention_interval is None
    assert point.score_interval == pytest.approx((1.7, 11.7))
    assert point.teacher_interval == pytest.approx((9.7, 13.7))
    assert point.retention_interval == pytest.approx((0.0, 1.0))


def test_each_student_has_a_curve_in_the_order_of_the_settings(evaluated_run):
    run = read_run(evaluated_run("run", teacher=[11.7], nano=[2.7], micro=[6.7]))
    assert [(curve.student, curve.final.score) for curve in run.curves] == [("nano", 2.7), ("micro", 6.7)]


def test_the_first_evaluation_at_a_share_of_the_teacher(evaluated_run):
    (curve,) = read_run(evaluated_run("run", teacher=[11.7] * 4, micro=[1.7, 11.2, 1.7, 11.7])).curves
    assert curve.first_at(0.95).step == 2000
    assert curve.first_at(0.96).step == 4000
    assert curve.first_at(1.01) is None
    assert curve.best_retention == pytest.approx(1.0)


def test_a_teacher_that_beats_no_random_player_gives_no_retention(evaluated_run):
    (curve,) = read_run(evaluated_run("run", teacher=[1.7, 0.5], micro=[1.0, 2.0])).curves
    assert [point.retention for point in curve.points] == [None, None]
    assert curve.best_retention is None
    assert curve.first_at(0.0) is None


def test_a_run_in_progress_whose_last_line_is_cut_short(evaluated_run):
    path = evaluated_run("run", teacher=[5.0, 6.0], micro=[4.0, 5.0])
    with (path / "metrics.jsonl").open("a") as file:
        file.write('{"kind": "evaluation", "step": 30')
    (curve,) = read_run(path).curves
    assert curve.final.step == 2000


def test_a_run_without_an_evaluation(evaluated_run):
    with pytest.raises(BadRequest, match=r"run has no evaluation yet.*50,000 agent steps.*train --resume run"):
        read_run(evaluated_run("run", teacher=[], micro=[]))


def test_a_run_without_students(evaluated_run):
    with pytest.raises(BadRequest, match="run was trained with --teacher-only"):
        read_run(evaluated_run("run", teacher=[5.0]))


def test_a_folder_without_a_run(tmp_path):
    with pytest.raises(BadRequest, match="No run at"):
        read_run(tmp_path)


EVALUATION = {
    "kind": "evaluation", "step": 9000, "seconds": 1.0, "evaluation_seconds": 1.0, "scores": {"teacher": 1, "micro": 1}
}  # fmt: skip


def test_an_evaluation_that_lacks_a_student_is_refused_with_its_file(evaluated_run):
    path = evaluated_run("run", teacher=[5.0], micro=[5.0])
    with (path / "metrics.jsonl").open("a") as file:
        file.write(json.dumps(EVALUATION | {"scores": {"teacher": 1}}) + "\n")
    with pytest.raises(BadRequest, match=r"run/metrics\.jsonl: the evaluation at step 9,000 has no score of micro"):
        read_run(path)


@pytest.mark.parametrize(
    "damage", [{"scores": None}, {"scores": {"teacher": 1, "micro": float("nan")}}, {"step": "many"}]
)
def test_a_damaged_evaluation_is_left_out_and_said(evaluated_run, damage):
    path = evaluated_run("run", teacher=[5.0], micro=[5.0])
    with (path / "metrics.jsonl").open("a") as file:
        file.write(json.dumps(EVALUATION | damage) + "\n")
    said = []
    (curve,) = read_run(path, said.append).curves
    assert [point.step for point in curve.points] == [1000]
    assert said == ["run/metrics.jsonl: 1 line cannot be read and is left out."]


def test_a_config_that_is_not_text(evaluated_run):
    path = evaluated_run("run", teacher=[5.0], micro=[5.0])
    Path(path / "config.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadRequest, match="run: the run cannot be read"):
        read_run(path)


def test_a_log_that_is_not_text(evaluated_run):
    path = evaluated_run("run", teacher=[5.0], micro=[5.0])
    Path(path / "metrics.jsonl").write_bytes(b"\xff\xfe\x00")
    said = []
    with pytest.raises(BadRequest, match="run has no evaluation yet"):
        read_run(path, said.append)
    assert said == ["run/metrics.jsonl: 1 line cannot be read and is left out."]
