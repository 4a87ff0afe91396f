from dataclasses import replace

import pytest

from edgedistill.catalogue import load_catalogue
from edgedistill.desktop import train
from edgedistill.distill.machine import check_machine, fitting_frames, memory_parts
from edgedistill.distill.starting import new_run
from edgedistill.errors import BadRequest
from edgedistill.runs.config import TrainConfig

PONG_ACTIONS = 6
RUN = TrainConfig("pong", (load_catalogue()["micro"],))


@pytest.fixture
def machine(monkeypatch):
    """Gives the machine so many bytes of free memory, or an unknown number."""
    return lambda free: monkeypatch.setattr("edgedistill.distill.machine.available_bytes", lambda: free)


@pytest.mark.parametrize(
    "more",
    [
        {"envs": 64},
        {"rollout_length": 128},
        {"memory_frames": 200_000},
        {"minibatch": 256},
        {"student_batch": 256},
        {"students": tuple(load_catalogue().values())},
    ],
)
def test_whatever_grows_takes_more_memory(machine, more):
    parts = memory_parts(RUN, PONG_ACTIONS)
    machine(sum(parts.values()))
    check_machine(RUN, PONG_ACTIONS)
    with pytest.raises(BadRequest, match="GB of memory"):
        check_machine(replace(RUN, **more), PONG_ACTIONS)


def test_a_machine_that_does_not_tell_is_believed_in(machine):
    machine(None)
    check_machine(replace(RUN, memory_frames=10**8), PONG_ACTIONS)
    assert fitting_frames(RUN, PONG_ACTIONS) == RUN.memory_frames


def test_frames_that_nobody_asked_for_are_as_many_as_fit(machine, tmp_path):
    machine(2_000_000_000)
    assert fitting_frames(RUN, PONG_ACTIONS) < RUN.memory_frames
    _, config = new_run(tmp_path / "run", "pong", RUN.students, "pqn", "realtime", (), {})
    assert config.memory_frames == fitting_frames(RUN, PONG_ACTIONS)
    with pytest.raises(BadRequest, match=f"Use --memory-frames {config.memory_frames} or less"):
        new_run(tmp_path / "asked", "pong", RUN.students, "pqn", "realtime", (), {"memory_frames": 10**6})
    assert [entry.name for entry in tmp_path.iterdir()] == ["run"]


def test_the_python_interface_refuses_as_the_command_does(machine, tmp_path, tiny_run):
    machine(100_000_000)
    with pytest.raises(BadRequest, match="GB of memory"):
        train(RUN, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    with pytest.raises(BadRequest, match="GB of memory"):
        train(tiny_run.config(), tiny_run.path, resume=True)
