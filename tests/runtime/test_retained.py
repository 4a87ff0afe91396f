from dataclasses import replace

import pytest

from edgedistill.atari.protocol import Protocol, Scores
from edgedistill.runtime.card import Score
from edgedistill.runtime.retained import retained

# A random player has −20.7.
TEACHER = Score.of(Scores((19.3, 9.3, -20.7), Protocol(episodes=3)))


def student(*returns):
    return Scores(returns, Protocol(episodes=len(returns)))


@pytest.mark.parametrize(
    ("returns", "share", "games"),
    [
        ((-0.7,), 0.5, 1),
        ((-0.7, -10.7), 30 / 70, 2),
        ((-0.7, -10.7, -20.7), 30 / 70, 3),
        # Games beyond those of the teacher do not count.
        ((-0.7, -10.7, -20.7, 100.0), 30 / 70, 3),
    ],
)
def test_the_first_games_of_both_are_compared(returns, share, games):
    found = retained("pong", student(*returns), TEACHER)
    assert found.share == pytest.approx(share)
    assert (found.games, found.why_not) == (games, None)


def test_a_mean_alone_is_compared_with_as_many_games_or_more():
    old = replace(TEACHER, returns=())
    assert retained("pong", student(-0.7, -10.7, -20.7, 5.0), old).share == pytest.approx(30 / 70, abs=1e-3)
    found = retained("pong", student(-0.7, -10.7), old)
    assert found.share is None
    assert "\n" not in found.why_not
    assert "--episodes 3 compares the same games" in found.why_not


def test_why_there_is_none():
    assert "no score of the teacher" in retained("pong", student(1.0), None).why_not
    assert "--sticky 0.25" in retained("pong", student(1.0), replace(TEACHER, sticky=0.25)).why_not
    assert "--seed 7" in retained("pong", student(1.0), replace(TEACHER, seed=7)).why_not
    lost = replace(TEACHER, mean=-21.0, returns=(-21.0,) * 3)
    assert "does not beat a random player" in retained("pong", student(1.0), lost).why_not
