import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgedistill.report.statistics import (
    interquartile_mean,
    interquartile_mean_estimate,
    max_ratio,
    mean_estimate,
    mean_ratio,
)

shares = st.lists(st.floats(-2, 3), min_size=1, max_size=12)
per_game = st.dictionaries(
    st.sampled_from(["pong", "breakout", "qbert"]), st.lists(st.floats(-2, 3), min_size=1, max_size=4), min_size=1
)
# The first bootstrap imports scipy.
quick = settings(max_examples=30, deadline=None)


def test_the_interquartile_mean_cuts_a_quarter_at_each_end():
    assert interquartile_mean([8.0, 1.0, 7.0, 2.0, 6.0, 3.0, 5.0, 4.0]) == 4.5
    assert interquartile_mean([-1000.0, 2.0, 3.0, 4.0, 1000.0]) == 3.0


def test_of_three_values_nothing_is_cut():
    assert interquartile_mean([0.0, 0.0, 9.0]) == 3.0


@quick
@given(shares)
def test_the_interquartile_mean_lies_among_the_values_in_any_order(values):
    middle = interquartile_mean(values)
    assert min(values) - 1e-9 <= middle <= max(values) + 1e-9
    assert interquartile_mean(values[::-1]) == pytest.approx(middle)


@quick
@given(st.lists(st.floats(0, 1), min_size=8, max_size=12))
def test_one_absurd_game_in_eight_moves_no_interquartile_mean_beyond_the_others(values):
    assert -1e-9 <= interquartile_mean([*values[1:], 1e6]) <= 1 + 1e-9


def test_the_interval_of_a_mean_has_the_width_of_its_standard_error():
    sample = np.random.default_rng(1).normal(5.0, 2.0, 400)
    low, high = mean_estimate(list(sample)).interval
    standard_error = sample.std() / 20
    assert low == pytest.approx(sample.mean() - 1.96 * standard_error, abs=0.1 * standard_error)
    assert high == pytest.approx(sample.mean() + 1.96 * standard_error, abs=0.1 * standard_error)


@quick
@given(shares)
def test_an_interval_lies_around_the_mean_and_one_seed_has_none(values):
    estimate = mean_estimate(values)
    assert estimate.runs == len(values)
    assert estimate.value == pytest.approx(np.mean(values))
    if len(values) == 1:
        assert estimate.interval is None
    else:
        low, high = estimate.interval
        assert low <= estimate.value <= high
        assert estimate.value - low == pytest.approx(high - estimate.value)


def test_the_interval_of_three_seeds_holds_the_mean_in_95_of_100_cases():
    samples = np.random.default_rng(2).normal(0.9, 0.05, (2000, 3))
    intervals = [mean_estimate(list(sample)).interval for sample in samples]
    assert np.mean([low <= 0.9 <= high for low, high in intervals]) == pytest.approx(0.95, abs=0.015)


def test_seeds_are_resampled_within_their_game():
    """Each game's seeds agree, so no choice of seeds changes anything, however far the games are apart."""
    games = ["pong", "pong", "qbert", "qbert"]
    estimate = interquartile_mean_estimate([0.2, 0.2, 0.8, 0.8], games)
    assert estimate.value == pytest.approx(0.5)
    assert estimate.interval == pytest.approx((0.5, 0.5))
    assert estimate.resampled == "seeds"


def test_games_do_not_share_their_resampled_seeds():
    """Were both games to draw the same seeds, what one gains the other would lose, and the interval had no width."""
    games = ["pong", "pong", "qbert", "qbert"]
    low, high = interquartile_mean_estimate([0.0, 1.0, 1.0, 0.0], games).interval
    assert (low, high) == (0.0, 1.0)


def test_with_one_seed_per_game_the_runs_are_resampled():
    estimate = interquartile_mean_estimate([0.2, 0.8], ["pong", "qbert"])
    assert estimate.interval == pytest.approx((0.2, 0.8))
    assert estimate.resampled == "runs"


def test_one_run_of_one_game_has_no_interval():
    estimate = interquartile_mean_estimate([0.7], ["pong"])
    assert (estimate.value, estimate.interval, estimate.resampled) == (0.7, None, None)


@quick
@given(per_game)
def test_an_interval_over_games_lies_within_the_values(by_game):
    values = [value for game in by_game.values() for value in game]
    games = [game for game, seeds in by_game.items() for _ in seeds]
    estimate = interquartile_mean_estimate(values, games)
    assert estimate.value == pytest.approx(interquartile_mean(values))
    if len(values) > 1:
        low, high = estimate.interval
        assert min(values) - 1e-9 <= low <= high <= max(values) + 1e-9


def test_max_compares_the_best_scores_wherever_they_fell():
    assert max_ratio([10.0, 30.0, 20.0], [40.0, 10.0, 10.0]) == 0.75


def test_mean_averages_the_ratios_of_the_last_ten_evaluations():
    assert mean_ratio([100.0, *[1.0] * 9, 4.0], [1.0, *[2.0] * 9, 4.0]) == pytest.approx((9 * 0.5 + 1) / 10)


def test_mean_of_a_short_run_averages_over_all_of_it():
    assert mean_ratio([1.0, 3.0], [2.0, 2.0]) == 1.0


@pytest.mark.parametrize(
    ("scores", "teacher_scores"), [([-20.0, 10.0], [-19.0, 20.0]), ([-1.0, 5.0], [1.0, 5.0]), ([1.0, 5.0], [0.0, 5.0])]
)
def test_of_scores_below_0_no_mean_is_given_rather_than_one_of_the_good_evaluations(scores, teacher_scores):
    assert mean_ratio(scores, teacher_scores) is None


def test_scores_below_0_before_the_last_ten_evaluations_do_not_matter():
    assert mean_ratio([-21.0, *[18.0] * 10], [-20.0, *[18.0] * 10]) == 1.0


def test_of_scores_below_0_no_max_is_given():
    assert max_ratio([-3.0], [20.0]) is None
    assert max_ratio([3.0], [-20.0]) is None


def test_a_student_that_scores_nothing_has_0_percent():
    assert max_ratio([0.0], [20.0]) == 0
    assert mean_ratio([0.0, 10.0], [10.0, 10.0]) == 0.5
