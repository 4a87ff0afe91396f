from dataclasses import replace

import pytest

from edgedistill.catalogue import load_catalogue
from edgedistill.desktop import train
from edgedistill.distill.machine import check_machine, fitting_frames, memory_parts
from edgedistill.distill.starting import new_run
from edgedistill.errors import BadRequest
from edgedistill.experience.memory import ReplayMemory
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


@pytest.mark.parametrize(("fitting", "frames"), [(983_000, 900_000), (230_000, 200_000), (187_000, 180_000)])
def test_frames_that_fit_are_a_round_number_and_told(machine, tmp_path, fitting, frames):
    config = replace(RUN, memory_frames=1_000_000)
    parts = memory_parts(replace(config, memory_frames=fitting), PONG_ACTIONS)
    machine(sum(parts.values()))
    assert fitting_frames(config, PONG_ACTIONS) == frames
    dqn, told = {"students": RUN.students, "teacher": "dqn", "mode": "realtime", "teacher_from": (), "given": {}}, []
    machine(4_000_000_000)
    _, config = new_run(tmp_path / "run", "pong", **dqn, warn=told.append)
    assert config.memory_frames % 100_000 == 0
    assert [f"--memory-frames {config.memory_frames}" in text and "1,000,000" in text for text in told] == [True]


def test_the_usual_number_of_frames_needs_no_word(machine, tmp_path):
    told = []
    machine(100_000_000_000)
    _, config = new_run(tmp_path / "run", "pong", RUN.students, "pqn", "realtime", (), {}, warn=told.append)
    assert (config.memory_frames, told) == (TrainConfig.memory_frames, [])


def test_a_run_without_a_memory_has_none_that_is_too_small(machine, tmp_path):
    told = []
    machine(1_700_000_000)
    _, config = new_run(tmp_path / "run", "pong", (), "pqn", "realtime", (), {}, warn=told.append)
    assert (config.memory_frames, told) == (TrainConfig.memory_frames, [])


def test_the_memory_counts_with_what_a_checkpoint_makes_of_it():
    """Packed, in bytes twice, and what packing leaves; some 365 bytes a frame where frames differ most."""
    frames = memory_parts(RUN, PONG_ACTIONS)["the memory of frames"]
    assert frames - ReplayMemory.bytes_needed(RUN.memory_frames, PONG_ACTIONS) >= 3 * 365 * RUN.memory_frames


def test_the_python_interface_refuses_as_the_command_does(machine, tmp_path, tiny_run):
    machine(100_000_000)
    with pytest.raises(BadRequest, match="GB of memory"):
        train(RUN, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    with pytest.raises(BadRequest, match="GB of memory"):
        train(tiny_run.config(), tiny_run.path, resume=True)
