import shutil
from dataclasses import replace

import pytest
import torch

from edgedistill.atari.protocol import Protocol
from edgedistill.files import append_line
from edgedistill.runs.folder import RunFolder
from edgedistill.runs.scoring import score_player
from edgedistill.teachers.trained import load_trained


@pytest.fixture
def run(tiny_run, tmp_path):
    return RunFolder.open(shutil.copytree(tiny_run.path, tmp_path / "run"))


def unfinished(run):
    return list(run.path.glob("unfinished-evaluation-*.jsonl"))


def test_equal_weights_play_once_under_a_protocol_and_others_for_themselves(run):
    best, pico = load_trained(run, ["best_teacher", "pico"])
    last = replace(best, name="last_teacher", step=best.step + 1)
    protocol = Protocol(episodes=1, seed=3, max_frames=400)

    def rows():
        return [record for record in run.evaluations() if record["protocol"]["seed"] == 3]

    scores = score_player(run, best.player(), protocol)
    assert score_player(run, last.player(), protocol) == scores
    assert [row["network"] for row in rows()] == ["best_teacher"]
    score_player(run, last.player(), replace(protocol, epsilon=0.5))
    score_player(run, pico.player(), protocol)
    with torch.no_grad():
        last.network.head.bias[0] += 1.0
    score_player(run, last.player(), protocol)
    assert [row["network"] for row in rows()] == ["best_teacher", "last_teacher", "pico", "last_teacher"]


def test_a_logged_evaluation_that_lacks_games_is_played_anew(run):
    (pico,) = load_trained(run, ["pico"])
    protocol = Protocol(episodes=2, seed=4, max_frames=400)
    whole = score_player(run, pico.player(), protocol)
    logged = [record for record in run.evaluations() if record["protocol"]["seed"] == 4]
    (run.path / "evaluations.jsonl").unlink()
    run.log_evaluation({**logged[0], "returns": whole.returns[:1]})
    assert score_player(run, pico.player(), protocol) == whole
    assert [len(record["returns"]) for record in run.evaluations()] == [1, 2]


def test_an_interrupted_evaluation_goes_on_with_the_games_that_are_missing(run):
    player = load_trained(run, ["pico"])[0].player()
    protocol = Protocol(episodes=14, seed=5, max_frames=400)
    expected = score_player(run, player, protocol)
    (run.path / "evaluations.jsonl").unlink()

    def interrupt(returns, games):
        if len(returns) == 11:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        score_player(run, player, protocol, interrupt)
    (file,) = unfinished(run)
    # Of another evaluation, damaged, and a game that this one does not have.
    append_line(file, "damaged")
    append_line(file, '{"episode": 14, "return": 1.0}')

    told, warnings, batches = [], [], []

    def act(frames):
        batches.append(len(frames))
        return player.act(frames)

    def on_games(returns, games):
        told.append((len(returns), games))

    other = replace(protocol, epsilon=0.5, episodes=1)
    score_player(run, player, other)
    assert score_player(run, replace(player, act=act), protocol, on_games, warnings.append) == expected
    assert told == [(11, 14), (12, 14), (13, 14), (14, 14)]
    assert max(batches) == 3
    assert "2 lines cannot be read and are left out" in warnings[0]
    assert unfinished(run) == []
    assert [len(record["returns"]) for record in run.evaluations()] == [1, 14]
