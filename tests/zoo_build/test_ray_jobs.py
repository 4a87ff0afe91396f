"""A real Ray on this machine: a minute and more on two busy cores, so only where RAY_TEST is set."""

import os
import signal

import pytest

from edgedistill.zoo_build.build import build
from edgedistill.zoo_build.layout import GameFolder
from edgedistill.zoo_build.ray_jobs import RayJobs

pytestmark = pytest.mark.skipif(not os.environ.get("RAY_TEST"), reason="RAY_TEST=1 runs it")


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
