import json

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save

from edgedistill.errors import BadRequest, EdgeDistillError
from edgedistill.runs.checkpoint import save_tensors
from edgedistill.runs.config import TrainConfig
from edgedistill.runs.folder import RunFolder
from edgedistill.runs.metrics import ProgressRecord
from tests.small_disk import small_disk


@pytest.fixture
def run(tmp_path):
    return RunFolder.create(tmp_path / "run", TrainConfig("pong"))


def steps_of(metrics):
    return [record.step for record in metrics.records]


def weights(value):
    return {"w": torch.full((3,), float(value))}


@pytest.mark.parametrize("steps", [(10, 20, 30), (10**9 - 10, 10**9, 10**9 + 10)])
def test_the_newest_checkpoint_is_loaded_and_two_are_kept(run, steps):
    for step in steps:
        run.save_checkpoint(step, weights(step), {"seconds": 1.0})
    tensors, state = run.load_checkpoint()
    assert state == {"seconds": 1.0, "step": steps[-1]}
    assert torch.equal(tensors["w"], weights(steps[-1])["w"])
    assert len(list((run.path / "checkpoints").iterdir())) == 2


def test_the_memory_of_the_newest_checkpoint_is_kept_and_loaded(run):
    for step in (10, 20):
        run.save_checkpoint(step, weights(step), {}, weights(step + 1))
    run.save_checkpoint(20, weights(22), {})  # with what an evaluation found
    assert torch.equal(run.load_checkpoint()[0]["w"], weights(22)["w"])
    assert torch.equal(run.load_memory(20)["w"], weights(21)["w"])
    with pytest.raises(EdgeDistillError, match="has no memory of step 10"):
        run.load_memory(10)


def test_a_kill_between_a_memory_and_its_checkpoint_leaves_both_of_before(run, monkeypatch):
    run.save_checkpoint(10, weights(10), {}, weights(11))
    written = []

    def killed(path, *rest):
        if written:
            raise KeyboardInterrupt
        written.append(path)
        save_tensors(path, *rest)

    monkeypatch.setattr("edgedistill.runs.folder.save_tensors", killed)
    with pytest.raises(KeyboardInterrupt):
        run.save_checkpoint(20, weights(20), {}, weights(21))
    assert written
    step = run.load_checkpoint()[1]["step"]
    assert torch.equal(run.load_memory(step)["w"], weights(11)["w"])


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
        run.log(ProgressRecord(step, seconds=1.0))
    with (run.path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 4')
    run.forget_after(20)
    assert steps_of(run.metrics()) == [10, 20]


def newest(run):
    return sorted((run.path / "checkpoints").iterdir())[-1]


def warned(run):
    """The step of the checkpoint that is loaded, and what was said."""
    warnings = []
    return run.load_checkpoint(warnings.append)[1]["step"], " ".join(warnings)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_one_flipped_bit_anywhere_gives_way_to_the_checkpoint_before(run, data):
    for step in (10, 20):
        run.save_checkpoint(step, weights(step), {"seconds": 1.0})
    content = bytearray(newest(run).read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    newest(run).write_bytes(content)
    step, said = warned(run)
    assert step == 10
    assert "step-000000020.safetensors: not a readable checkpoint" in said


def test_four_kilobytes_of_zeroes_give_way_to_the_checkpoint_before(run):
    for step in (10, 20):
        run.save_checkpoint(step, {"w": torch.randn(10_000)}, {})
    content = bytearray(newest(run).read_bytes())
    content[8192:12288] = bytes(4096)
    newest(run).write_bytes(content)
    assert warned(run)[0] == 10


@pytest.mark.parametrize(
    ("state", "complaint"),
    [
        ({"step": -512}, "its state 'step' must be a whole number from 0"),
        ({"step": 10**30}, "its state 'step' must be a whole number"),
        ({}, "its state 'step' is missing"),
        ([], "its state must be a table"),
        ({"step": 20, "seconds": float("nan")}, "its state 'seconds' must be a number"),
        ({"step": 20, "best_teacher": {"step": 3, "mean": "x"}}, "its state 'best_teacher' 'mean' must be a number"),
        ({"step": 20, "best_teacher": {"step": 3}}, "its state 'best_teacher' 'mean' is missing"),
    ],
)
def test_a_state_that_no_run_has_is_refused(run, state, complaint):
    run.save_checkpoint(10, weights(10), {})
    name = run.path / "checkpoints" / "step-000000020.safetensors"
    name.write_bytes(save(weights(20), metadata={"state": json.dumps(state)}))
    assert warned(run) == (10, f"{name}: not a readable checkpoint ({complaint}" + warned(run)[1].split(complaint)[1])


def test_a_checkpoint_from_before_there_were_digests_is_loaded(run):
    name = run.path / "checkpoints" / "step-000000020.safetensors"
    name.write_bytes(save(weights(20), metadata={"state": json.dumps({"step": 20})}))
    assert warned(run) == (20, "")


def test_a_damaged_best_teacher_is_refused(run):
    run.save_best_teacher(weights(1), {"step": 10, "mean": 3.5})
    assert run.load_best_teacher()[1] == {"step": 10, "mean": 3.5}
    file = run.path / "best_teacher.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(EdgeDistillError, match=r"best_teacher\.safetensors: not a readable checkpoint .*damaged"):
        run.load_best_teacher()


def test_a_damaged_byte_costs_one_line_of_the_log_and_is_counted(run):
    for step in range(10, 110, 10):
        run.log(ProgressRecord(step, seconds=1.0))
    file = run.path / "metrics.jsonl"
    lines = file.read_bytes().splitlines(keepends=True)
    for number, damage in ((2, b"\xff"), (4, b"{"), (6, lines[6].replace(b'"step"', b'"stfp"')), (8, b"[1]\n")):
        lines[number] = damage if damage.endswith(b"\n") else damage + lines[number][1:]
    file.write_bytes(b"".join(lines))
    said = []
    assert steps_of(run.metrics(said.append)) == [10, 20, 40, 50, 60, 80, 100]
    assert said == [f"{file}: 3 lines cannot be read and are left out."]
    run.forget_after(60, said.append)
    assert steps_of(run.metrics()) == [10, 20, 40, 50, 60]
    assert said[1:] == said[:1]


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.data())
def test_whatever_is_in_a_log_the_run_can_be_read(run, data):
    anything = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.just({"a": None})
    line = st.one_of(
        st.binary(max_size=20),
        st.fixed_dictionaries(
            {},
            optional={
                "kind": st.sampled_from(["progress", "evaluation"]) | anything,
                "step": st.integers(0, 10) | anything,
                **dict.fromkeys(["seconds", "evaluation_seconds", "play_return"], st.floats(0, 9) | anything),
                **dict.fromkeys(["scores", "student_loss", "returns"], st.just({"micro": 1.0}) | anything),
            },
        ).map(lambda table: json.dumps(table).encode()),
    )
    (run.path / "metrics.jsonl").write_bytes(b"\n".join(data.draw(st.lists(line, max_size=5))))
    assert all(step >= 0 for step in steps_of(run.metrics()))
    run.forget_after(5)
    assert all(step <= 5 for step in steps_of(run.metrics()))


def test_leftovers_of_a_killed_process_are_cleared_and_nothing_else(run):
    left = [
        run.path / "checkpoints" / "step-000000020.safetensors.0123abcd.partial",
        run.path / "metrics.jsonl.0123abcd.partial",
    ]
    for file in (*left, run.path / "mine.partial"):
        file.write_bytes(b"half")
    with run.alone(), run.alone():
        pass
    assert [file.exists() for file in (*left, run.path / "mine.partial")] == [False, False, True]


def test_a_full_disk_says_what_could_not_be_written_and_that_the_run_is_whole(run):
    run.save_checkpoint(10, weights(10), {})
    with small_disk(0):
        for write in (
            lambda: run.save_checkpoint(20, weights(20), {}),
            lambda: run.log(ProgressRecord(20, seconds=1.0)),
        ):
            with pytest.raises(
                EdgeDistillError, match=r"cannot be written \(File too large\)\. The run is whole up to"
            ):
                write()
    assert run.load_checkpoint()[1]["step"] == 10
    assert len(list((run.path / "checkpoints").iterdir())) == 1
