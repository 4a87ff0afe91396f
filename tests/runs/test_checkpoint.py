"""Checkpoints that no run wrote."""

import json

import pytest
import torch

from edgedistill.errors import BadRequest, EdgeDistillError
from edgedistill.runs.config import TrainConfig
from edgedistill.runs.folder import RunFolder
from tests.hostile import ENDLESS

WEIGHTS = {"w": torch.zeros(3)}


@pytest.fixture
def run(tmp_path):
    """Its only checkpoint is of step 10."""
    run = RunFolder.create(tmp_path / "run", TrainConfig("pong"))
    run.save_checkpoint(10, WEIGHTS, {})
    return run


def step_and_warning(run):
    said = []
    return run.load_checkpoint(said.append)[1]["step"], said[0]


@pytest.mark.parametrize("kind", ENDLESS)
def test_what_never_ends_gives_way_to_the_checkpoint_before(run, kind):
    newest = run.path / "checkpoints" / "step-000000020.safetensors"
    ENDLESS[kind](newest)
    step, said = step_and_warning(run)
    problem = "larger than 2,000,000,000 bytes" if kind == "sparse" else "cannot be read (not a regular file)"
    assert step == 10
    assert said.startswith(f"{newest}: {problem}") and said.endswith(". The one before it is used.")


def test_a_best_teacher_that_is_no_file_is_a_failure_and_no_bad_request(run):
    (run.path / "best_teacher.safetensors").mkdir()
    with pytest.raises(EdgeDistillError, match=r"best_teacher\.safetensors: cannot be read") as failure:
        run.load_best_teacher()
    assert not isinstance(failure.value, BadRequest)


@pytest.mark.parametrize("metadata", [{"state": 5}, {"state": "{}", "sha256": ["0" * 64]}])
def test_metadata_that_are_no_texts(run, metadata):
    header = json.dumps({"__metadata__": metadata}).encode()
    newest = run.path / "checkpoints" / "step-000000020.safetensors"
    newest.write_bytes(len(header).to_bytes(8, "little") + header)
    assert step_and_warning(run) == (
        10, f"{newest}: not a readable checkpoint (its metadata are not texts). The one before it is used."
    )  # fmt: skip


def test_a_memory_has_a_bound_of_its_own(run):
    run.save_checkpoint(20, WEIGHTS, {}, {"w": torch.zeros(1000)})
    assert len(run.load_memory(20, 10_000)["w"]) == 1000
    with pytest.raises(EdgeDistillError, match="larger than 4,000 bytes"):
        run.load_memory(20, 4_000)
