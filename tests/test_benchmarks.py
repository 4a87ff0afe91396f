"""What the programs of benchmarks/ refuse, and what they wait for."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from benchmarks.kill_campaign import wait_until_free
from edgedistill.files import alone
from edgedistill.zoo_build.layout import GameFolder

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["serve_cost.py", "--viewers", "6"], "--viewers must be from 0 to 5, got 6"),
        (["soak.py", "--decisions", "10000"], "--decisions must be above 10,000, after which memory is watched"),
        (["c_backend.py", "--frames", "9"], "--frames must be at least 10, got 9"),
    ],
)
def test_what_would_measure_nothing_is_refused(words, complaint):
    outcome = subprocess.run(
        [sys.executable, BENCHMARKS / words[0], *words[1:]], capture_output=True, text=True, timeout=120, check=False
    )
    assert outcome.returncode == 2
    assert complaint in outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_the_kill_campaign_waits_for_a_job_that_exports(tmp_path):
    """It holds the game's lock, and that of the run no more."""
    place = GameFolder(tmp_path, "pong")
    place.run.mkdir(parents=True)
    waiting = threading.Thread(target=wait_until_free, args=(place,))
    with alone(place.lock, "pong"):
        waiting.start()
        waiting.join(timeout=0.5)
        assert waiting.is_alive()
    waiting.join(timeout=30)
    assert not waiting.is_alive()
