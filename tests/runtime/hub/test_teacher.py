"""Teachers that somebody shared, named as rl-zoo3 names them."""

import pytest
import torch

from edgedistill.catalogue import find_architecture
from edgedistill.distill.starting import new_run
from edgedistill.errors import BadRequest
from edgedistill.teachers.sources import load_ready_teacher
from tests.torch_files import DqnPolicy, torch_bytes, zipped

NAME = "hub:sb3/dqn-PongNoFrameskip-v4"


@pytest.fixture(scope="module")
def policy() -> DqnPolicy:
    torch.manual_seed(0)
    return DqnPolicy(6)


@pytest.fixture(scope="module")
def saved(policy) -> bytes:
    return zipped({"data": "{}", "policy.pth": torch_bytes(policy.state_dict())})


def test_the_file_named_as_its_repository_teaches(hub, policy, saved):
    files = {"README.md": b"", "train_eval_metrics.zip": b"PK", "dqn-PongNoFrameskip-v4.zip": saved, "replay.mp4": b""}
    hub.add("sb3/dqn-PongNoFrameskip-v4", files)
    hub.breaks = [100_000]
    teacher = load_ready_teacher(NAME, "pong", 6)
    assert teacher.emits_q
    assert torch.equal(teacher.tensors["teacher.head.weight"], policy.q_net.q_net[0].weight)
    before = len(hub.paths(hub.storage))
    load_ready_teacher(f"{NAME}@main:dqn-PongNoFrameskip-v4.zip", "pong", 6)
    assert len(hub.paths(hub.storage)) == before
    with pytest.raises(BadRequest, match=r"plays pong, not breakout. Use --game pong"):
        load_ready_teacher(NAME, "breakout", 4)


def test_a_file_that_is_no_teacher_is_not_kept(hub, tmp_path, saved):
    hub.add("eve/teachers", {"a.zip": zipped({"data": "{}", "policy.pth": b"pickle"}), "b.zip": saved})
    with pytest.raises(BadRequest, match=r"eve/teachers has 2 of the kind"):
        load_ready_teacher("hub:eve/teachers", "pong", 6)
    with pytest.raises(BadRequest, match=r"^eve/teachers:a.zip .*Accepted: what model.save"):
        load_ready_teacher("hub:eve/teachers:a", "pong", 6)
    assert list((tmp_path / "cache").rglob("*.zip")) == []


def test_a_run_takes_its_teacher_from_the_hub(hub, cli, tmp_path, policy, saved):
    commit = hub.add("sb3/dqn-PongNoFrameskip-v4", {"dqn-PongNoFrameskip-v4.zip": saved})
    run, config = new_run(
        tmp_path / "run", "pong", (find_architecture("pico"),), "pqn", "realtime", (NAME,), {"memory_frames": 128}
    )
    assert (config.teacher, config.teacher_from) == ("dqn", f"{NAME}@{commit}:dqn-PongNoFrameskip-v4.zip")
    assert len(hub.asked) == 3
    assert torch.equal(run.load_best_teacher()[0]["teacher.head.weight"], policy.q_net.q_net[0].weight)
    outcome = cli("train", "--teacher-from", "hub:sb3/dqn-Pong", "--out", tmp_path / "none")
    assert outcome.code == 2
    assert "taking the teacher from hub:sb3/dqn-Pong\n" in outcome.err
    assert "No repository sb3/dqn-Pong at" in outcome.err
    assert not (tmp_path / "none").exists()
