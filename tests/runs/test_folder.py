import pytest
import torch

from edgedistill.errors import BadRequest, EdgeDistillError
from edgedistill.runs.config import TrainConfig
from edgedistill.runs.folder import RunFolder


@pytest.fixture
def run(tmp_path):
    return RunFolder.create(tmp_path / "run", TrainConfig("pong"))


def weights(value):
    return {"w": torch.full((3,), float(value))}


def test_the_newest_checkpoint_is_loaded_and_two_are_kept(run):
    for step in (10, 20, 30):
        run.save_checkpoint(step, weights(step), {"seconds": 1.0})
    tensors, state = run.load_checkpoint()
    assert state == {"seconds": 1.0, "step": 30}
    assert torch.equal(tensors["w"], weights(30)["w"])
    assert len(list((run.path / "checkpoints").iterdir())) == 2


@pytest.mark.parametrize("size", [0, 4, 60, -1])
def test_a_checkpoint_cut_short_gives_way_to_the_one_before(run, size):
    for step in (10, 20):
        run.save_checkpoint(step, weights(step), {})
    newest = sorted((run.path / "checkpoints").iterdir())[-1]
    newest.write_bytes(newest.read_bytes()[:size])
    warnings = []
    _, state = run.load_checkpoint(warnings.append)
    assert state["step"] == 10
    assert "step-000000020" in warnings[0]
    assert "one before it is used" in warnings[0]


def test_a_partial_file_of_a_crash_is_not_a_checkpoint(run):
    run.save_checkpoint(10, weights(10), {})
    (run.path / "checkpoints" / "step-000000020.safetensors.partial").write_bytes(b"half")
    assert run.load_checkpoint()[1]["step"] == 10


def test_no_checkpoint_yet(run):
    with pytest.raises(EdgeDistillError, match="no checkpoint yet"):
        run.load_checkpoint()


def test_a_folder_without_a_run(tmp_path):
    with pytest.raises(BadRequest, match="No run at"):
        RunFolder.open(tmp_path)


def test_a_run_is_not_overwritten(run):
    with pytest.raises(BadRequest, match="--resume"):
        RunFolder.create(run.path, TrainConfig("pong"))


def test_metrics_of_work_done_again_are_forgotten(run):
    for step in (10, 20, 30):
        run.log({"step": step})
    with (run.path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 4')
    run.forget_after(20)
    assert [record["step"] for record in run.metrics()] == [10, 20]
