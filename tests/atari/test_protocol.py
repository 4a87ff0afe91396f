import numpy as np
import pytest

from edgedistill.atari import protocol
from edgedistill.atari.protocol import EVALUATION_SEED, VALIDATION_SEED, Protocol, Scores, evaluate
from edgedistill.errors import BadRequest


def always(action):
    return lambda frames: np.full(len(frames), action)


def random_like(frames):
    """A deterministic policy that depends on the frames."""
    return frames.reshape(len(frames), -1).astype(np.int64).sum(axis=1) % 6


@pytest.mark.parametrize("at_once", [1, 3])
def test_a_score_does_not_depend_on_how_many_games_run_side_by_side(at_once):
    protocol = Protocol(episodes=4, epsilon=0.1, max_frames=1200)
    assert evaluate(random_like, "pong", protocol, at_once=at_once).returns == (
        evaluate(random_like, "pong", protocol, at_once=4).returns
    )


def test_standing_still_loses_pong():
    assert evaluate(always(0), "pong", Protocol(episodes=2, epsilon=0.0)).mean == -21


def test_returns_count_to_game_over_not_to_a_lost_life():
    # 200 random games on the training environment gave 1.2; a single of the five lives gives a fifth of that.
    scores = evaluate(always(0), "breakout", Protocol(episodes=60, epsilon=1.0))
    assert 0.7 < scores.mean < 1.9


def test_rewards_are_not_clipped():
    scores = evaluate(always(1), "space_invaders", Protocol(episodes=2, epsilon=0.5))
    assert all(score % 5 == 0 and score > 30 for score in scores.returns)


def test_seeds_differ_between_choosing_and_reporting():
    assert EVALUATION_SEED != VALIDATION_SEED
    short = {"episodes": 3, "epsilon": 0.5, "max_frames": 2000}
    reported = evaluate(always(0), "breakout", Protocol(**short, seed=EVALUATION_SEED))
    assert reported == evaluate(always(0), "breakout", Protocol(**short, seed=EVALUATION_SEED))
    assert reported != evaluate(always(0), "breakout", Protocol(**short, seed=VALIDATION_SEED))


@pytest.mark.parametrize("episodes", [0, 10**6 + 1, 10**15])
def test_so_many_games_are_no_protocol(episodes):
    with pytest.raises(BadRequest, match=f"episodes must be from 1 to 1,000,000, got {episodes:,}"):
        Protocol(episodes=episodes)


def test_what_a_listener_raises_ends_the_evaluation():
    def stop(number, score):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate(always(0), "pong", Protocol(episodes=30, max_frames=400), on_episode=stop)


def test_one_game_has_no_interval():
    assert Scores((3.0,)).interval is None
    assert Scores((3.0,)).to_dict()["interval95"] is None
    assert Scores((3.0, 3.0)).interval == (3.0, 3.0)


def test_an_interval_does_not_depend_on_how_many_resamples_are_drawn_at_once(monkeypatch):
    scores = Scores(tuple(np.random.default_rng(0).normal(10, 3, 37)))
    at_once = scores.interval
    monkeypatch.setattr(protocol, "PICKS_AT_ONCE", 1000)
    assert scores.interval == at_once


def test_interval_is_near_the_normal_one_for_many_games():
    returns = np.random.default_rng(0).normal(10, 3, 400)
    low, high = Scores(tuple(returns)).interval
    half = 1.96 * returns.std(ddof=1) / 20
    np.testing.assert_allclose([low, high], [returns.mean() - half, returns.mean() + half], atol=0.01)
