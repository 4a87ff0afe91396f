"""2,000 students that nobody exported. `python benchmarks/fuzz.py` tries more."""

import re

import pytest
from hypothesis import HealthCheck, given, settings

from tests.fuzz.costs import check_cost
from tests.fuzz.limits import MEGABYTES, SECONDS, Played, Player
from tests.fuzz.models import SHIPPED, students

STEERS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@pytest.fixture(scope="module")
def player():
    player = Player()
    yield player
    player.close()


def check(played: Played, model: bytes) -> None:
    """Refused, or played; within the limits, and said to a person. What is played keeps the bounds."""
    assert played.status in (0, 2), played
    assert "Traceback" not in played.said, played
    assert not STEERS.search(played.said), played
    assert played.seconds < SECONDS, played
    assert played.megabytes < MEGABYTES, played
    assert (played.status == 0) == played.said.startswith("pong, student "), played
    if played.status == 0:
        check_cost(model)


def test_the_limits_let_a_student_play(player):
    played = player.play(SHIPPED)
    check(played, SHIPPED)
    assert played.status == 0


@settings(max_examples=2_000, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)
@given(model=students())
def test_any_file_plays_or_is_refused(player, model):
    check(player.play(model), model)
