import os
import signal
from types import SimpleNamespace

import pytest

from edgedistill.errors import EdgeDistillError
from edgedistill.zoo_build.build import build
from edgedistill.zoo_build.layout import GameFolder
from edgedistill.zoo_build.ray_jobs import RayJobs


@pytest.fixture
def ray(monkeypatch):
    """Ray without a cluster: what it is asked it is told by the test."""
    ray = pytest.importorskip("ray")
    monkeypatch.setattr(ray, "is_initialized", lambda: True)
    monkeypatch.setattr(ray, "remote", lambda **_: lambda _: SimpleNamespace(remote=lambda *_: "task"))
    monkeypatch.setattr(ray, "wait", lambda tasks, **_: (tasks, []))
    return ray


def failing(error):
    def fail(*_, **__):
        raise error

    return fail


@pytest.mark.parametrize("error", [ValueError("Invalid address format: nonsense"), ConnectionError("timeout")])
def test_a_cluster_that_is_not_there_is_told(ray, monkeypatch, tmp_path, error):
    monkeypatch.setenv("RAY_ADDRESS", "nonsense")
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", failing(error))
    with pytest.raises(EdgeDistillError, match=rf"^Ray does not start \({error}\)\. RAY_ADDRESS is 'nonsense'"):
        RayJobs(tmp_path, 1, threads=1)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("WorkerCrashedError", "its worker was lost more than 3 times"),
        ("LocalRayletDiedError", "its worker was lost more than 3 times"),
        ("RaySystemError", "no room"),
    ],
)
def test_what_ray_says_is_told_but_of_lost_workers(ray, monkeypatch, tmp_path, name, told):
    error = getattr(ray.exceptions, name)
    monkeypatch.setattr(ray, "get", failing(error("no room") if name == "RaySystemError" else error()))
    jobs = RayJobs(tmp_path, 1, threads=1)
    jobs.start("pong")
    (problem,) = jobs.ended().values()
    assert problem.startswith(f"{name}: ")
    assert told in problem


@pytest.mark.skipif(not os.environ.get("RAY_TEST"), reason="a minute and more on two busy cores: RAY_TEST=1 runs it")
def test_a_worker_that_dies_is_replaced_and_goes_on_from_the_checkpoint(planned):
    folder, plan = planned(steps=1024)
    pong = GameFolder(folder, "pong")
    killed = []

    def kill_one_worker() -> bool:
        if not killed and pong.training().step >= 320:
            killed.append(int(pong.lock.read_text()))
            os.kill(killed[0], signal.SIGKILL)
        return False

    outcome = build(folder, plan, RayJobs(folder, len(plan.games), threads=1), should_stop=kill_one_worker)
    assert killed
    assert outcome.failed == {}
    assert outcome.unfinished == []
    assert "resumed at step" in pong.log.read_text()
    assert "resumed at step" not in GameFolder(folder, "space_invaders").log.read_text()
    assert (pong.gif.exists(), pong.training().step) == (True, 1024)
