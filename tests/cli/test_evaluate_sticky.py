"""`edgedistill evaluate` plays with the sticky actions of what it scores."""

import json
import shutil
from dataclasses import replace

import onnx
import pytest

from edgedistill.atari.protocol import Scores
from edgedistill.report.curves import read_run
from edgedistill.report.final_scores import EVALUATED, final_scores
from edgedistill.runs.folder import RunFolder


@pytest.fixture
def games(monkeypatch):
    """No game is played: each returns 1 point."""

    def scripted(act, game, protocol, **_):
        return Scores((1.0,) * protocol.episodes, protocol)

    for place in ("edgedistill.runs.scoring.evaluate", "edgedistill.cli.evaluate.play_games"):
        monkeypatch.setattr(place, scripted)


@pytest.fixture
def stickiness(cli, games):
    """The sticky actions with which a target's games are played."""

    def found(target, *options):
        outcome = cli("evaluate", target, "--episodes", 2, "--epsilon", 0.01, "--json", *options)
        assert outcome.code == 0, outcome.err
        return {row["protocol"]["sticky"] for row in json.loads(outcome.out)["results"]}

    return found


def test_a_run_is_scored_with_its_own_and_its_report_takes_the_score(stickiness, tiny_run, tmp_path):
    run = RunFolder(shutil.copytree(tiny_run.path, tmp_path / "run"))
    run.save_config(replace(run.config(), sticky=0.25))
    assert stickiness(run.path) == {0.25}
    rows = final_scores(read_run(run.path), {}, pytest.fail)
    assert {row.played.source for row in rows} == {EVALUATED}
    assert stickiness(run.path, "--sticky", 0) == {0.0}


def test_a_file_is_scored_with_that_of_its_card(stickiness, tiny_export, tmp_path):
    assert stickiness(tiny_export.path) == {0.0}
    model, card = onnx.load(tiny_export.path), tiny_export.card
    scores = {player: tuple(replace(score, sticky=0.25) for score in of) for player, of in card.scores.items()}
    onnx.helper.set_model_props(model, replace(card, scores=scores).to_metadata())
    (tmp_path / "sticky.onnx").write_bytes(model.SerializeToString())
    assert stickiness(tmp_path / "sticky.onnx") == {0.25}
