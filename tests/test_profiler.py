import time

import pytest

from edgedistill import profiler
from edgedistill.profiler import PHASES, Profile, profiling, timed

PAUSE = 0.02


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """Stands still but in `time.sleep`."""
    now = [5.0]
    monkeypatch.setattr(profiler.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(profiler.time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))


@timed("emulators")
def step():
    time.sleep(PAUSE)


def test_a_phase_within_another_is_charged_to_itself_alone():
    profile = Profile()
    with profiling(profile):
        with timed("acting"):
            time.sleep(PAUSE)
            step()
            time.sleep(PAUSE)
        time.sleep(PAUSE)
        with timed("teacher"), pytest.raises(ValueError), timed("targets"):
            raise ValueError
        time.sleep(PAUSE)
    step()  # after the end
    taken = {phase: seconds for phase, seconds in profile.seconds.items() if seconds}
    assert taken == pytest.approx({"acting": 2 * PAUSE, "emulators": PAUSE, "rest": 2 * PAUSE})
    assert profile.total == pytest.approx(5 * PAUSE)
    assert tuple(profile.seconds) == PHASES


def test_the_clock_starts_with_the_first_agent_step():
    profile = Profile()
    with profiling(profile):
        with timed("checkpoint"):
            time.sleep(PAUSE)
        assert (profile.total, profile.seconds_to_first_step) == (0.0, None)
        with timed("acting"):
            pass
    assert profile.seconds["checkpoint"] == 0
    assert profile.seconds_to_first_step > PAUSE


def test_an_accelerator_is_waited_for_at_each_change_of_phase():
    profile, waited = Profile(), []
    profile.synchronise = lambda: waited.append("acting")
    with profiling(profile), timed("acting"):
        step()
    assert len(waited) == 5  # four changes and the end
    step()
    assert len(waited) == 5


def test_nothing_is_kept_of_no_profile():
    profile = Profile()
    with profiling(None), timed("acting"):
        step()
    assert (profile.total, profile.seconds_to_first_step) == (0.0, None)
