import shutil
from dataclasses import replace

import torch

from edgedistill.atari.protocol import Protocol
from edgedistill.runs.folder import RunFolder
from edgedistill.teachers.trained import load_trained, score_trained


def test_equal_weights_play_once_under_a_protocol_and_others_for_themselves(tiny_run, tmp_path):
    run = RunFolder.open(shutil.copytree(tiny_run.path, tmp_path / "run"))
    best, pico = load_trained(run, ["best_teacher", "pico"])
    last = replace(best, name="last_teacher", step=best.step + 1)
    protocol = Protocol(episodes=1, seed=3, max_frames=400)

    def rows():
        return [record for record in run.evaluations() if record["protocol"]["seed"] == 3]

    scores = score_trained(run, best, protocol)
    assert score_trained(run, last, protocol) == scores
    assert [row["network"] for row in rows()] == ["best_teacher"]
    score_trained(run, last, replace(protocol, epsilon=0.5))
    score_trained(run, pico, protocol)
    with torch.no_grad():
        last.network.head.bias[0] += 1.0
    score_trained(run, last, protocol)
    assert [row["network"] for row in rows()] == ["best_teacher", "last_teacher", "pico", "last_teacher"]


def test_a_logged_evaluation_that_lacks_games_is_played_anew(tiny_run, tmp_path):
    run = RunFolder.open(shutil.copytree(tiny_run.path, tmp_path / "run"))
    (pico,) = load_trained(run, ["pico"])
    protocol = Protocol(episodes=2, seed=4, max_frames=400)
    whole = score_trained(run, pico, protocol)
    logged = [record for record in run.evaluations() if record["protocol"]["seed"] == 4]
    (run.path / "evaluations.jsonl").unlink()
    run.log_evaluation({**logged[0], "returns": whole.returns[:1]})
    assert score_trained(run, pico, protocol) == whole
    assert [len(record["returns"]) for record in run.evaluations()] == [1, 2]
