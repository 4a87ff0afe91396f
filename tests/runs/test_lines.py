"""Logs that no run wrote."""

import pytest

from edgedistill.errors import BadRequest
from edgedistill.runs.config import TrainConfig
from edgedistill.runs.folder import RunFolder
from tests.hostile import ENDLESS


@pytest.mark.parametrize("kind", ENDLESS)
@pytest.mark.parametrize("name", ["metrics.jsonl", "evaluations.jsonl"])
def test_a_log_that_never_ends_is_refused(tmp_path, name, kind):
    run = RunFolder.create(tmp_path / "run", TrainConfig("pong"))
    ENDLESS[kind](run.path / name)
    problem = "larger than 200,000,000 bytes; no log of a run is" if kind == "sparse" else "not a regular file"
    with pytest.raises(BadRequest, match=rf"run/{name}: .*{problem}"):
        run.metrics() if name == "metrics.jsonl" else list(run.evaluations())


def test_a_folder_in_place_of_a_log_is_told_of_in_one_line(evaluated_run, cli):
    run = evaluated_run("run", teacher=[5.0], micro=[4.0])
    (run / "metrics.jsonl").unlink()
    (run / "metrics.jsonl").mkdir()
    outcome = cli("report", "run", "-o", "r.html", "--no-games")
    assert (outcome.code, outcome.err) == (2, "error: run/metrics.jsonl: cannot be read (Is a directory).\n")
