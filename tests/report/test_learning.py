import math

from edgedistill.report.learning import read_learning
from edgedistill.report.page import page
from edgedistill.runs.folder import RunFolder
from edgedistill.runs.metrics import ProgressRecord


def test_a_loss_beyond_all_floats_of_training_is_left_out(evaluated_run):
    path = evaluated_run("run", teacher=[5.0], micro=[4.0])
    run = RunFolder.open(path)
    for number, loss in enumerate((3e38, 1e308, -1e308, 4e38, math.inf, -math.inf, math.nan, -3e38), start=1):
        run.log(ProgressRecord(100 * number, loss, {"micro": loss}, seconds=10.0 * number))
    learning = read_learning(run, ["micro"])
    assert learning.teacher_loss == learning.student_loss["micro"] == ([100, 800], [3e38, -3e38])
    assert page([path], games=False).count(b"<svg") == 5
