import csv
import io

import pytest

from edgedistill.report.comparison import compare_runs
from edgedistill.report.statistics import mean_estimate

# A random player scores 1.7 in Breakout and −20.7 in Pong, so that a teacher's 11.7 and −10.7 are 10 points above.


@pytest.fixture
def three_seeds(evaluated_run):
    """One student retains 0.5, 0.7, 0.9 at its first evaluation and 1.0, 0.96, 0.8 at its second."""
    finals = {0: [6.7, 11.7], 1: [8.7, 11.3], 2: [10.7, 9.7]}
    return [evaluated_run(f"seed-{seed}", seed=seed, teacher=[11.7, 5.0], micro=finals[seed]) for seed in finals]


def test_seeds_of_a_setting_are_averaged_with_an_interval(three_seeds):
    (summary,) = compare_runs(three_seeds).by_game
    assert summary.runs == 3
    assert summary.final_retention.value == pytest.approx((1.0 + 0.96 + 0.8) / 3)
    assert summary.final_retention.interval == pytest.approx(mean_estimate([1.0, 0.96, 0.8]).interval)
    assert summary.best_retention.value == pytest.approx((1.0 + 0.96 + 0.9) / 3)
    first, second = summary.curve
    assert (first.step, first.minutes) == (1000, 1.0)
    assert first.retention.value == pytest.approx(0.7)
    assert first.score == pytest.approx((6.7 + 8.7 + 10.7) / 3)
    assert (second.step, second.teacher_score) == (2000, 5.0)


def test_reaching_95_percent_counts_the_seeds_that_did(three_seeds):
    (summary,) = compare_runs(three_seeds).by_game
    assert summary.reached.runs == 2
    assert (summary.reached.step, summary.reached.minutes) == (2000, 2.0)
    (alone,) = compare_runs(three_seeds[2:]).by_game
    assert alone.reached is None


def test_max_and_mean_are_averaged_over_seeds(three_seeds):
    (summary,) = compare_runs(three_seeds).by_game
    assert summary.max_ratio.value == pytest.approx((11.7 + 11.3 + 10.7) / 3 / 11.7)
    means = [(6.7 / 11.7 + 11.7 / 5) / 2, (8.7 / 11.7 + 11.3 / 5) / 2, (10.7 / 11.7 + 9.7 / 5) / 2]
    assert summary.mean_ratio.value == pytest.approx(sum(means) / 3)


def test_one_seed_without_max_leaves_the_setting_without(evaluated_run):
    good = evaluated_run("good", game="pong", seed=0, teacher=[18.0], micro=[18.0])
    bad = evaluated_run("bad", game="pong", seed=1, teacher=[18.0], micro=[-18.0])
    assert compare_runs([good]).by_game[0].max_ratio.value == 1.0
    (summary,) = compare_runs([good, bad]).by_game
    assert (summary.max_ratio, summary.mean_ratio) == (None, None)
    assert summary.final_retention.runs == 2


def test_a_curve_ends_where_the_shortest_run_does(evaluated_run):
    long = evaluated_run("long", seed=0, teacher=[11.7] * 3, micro=[6.7, 7.7, 8.7])
    short = evaluated_run("short", seed=1, teacher=[11.7], micro=[8.7])
    (summary,) = compare_runs([long, short]).by_game
    assert [point.step for point in summary.curve] == [1000]
    assert summary.last_steps == (1000, 3000)
    assert summary.final_retention.value == pytest.approx(0.7)


def test_settings_and_students_stand_side_by_side(evaluated_run):
    first = evaluated_run("a", gamma=0.9, teacher=[11.7], micro=[6.7], nano=[2.7])
    second = evaluated_run("b", gamma=0.99, teacher=[21.7], micro=[6.7], nano=[1.7])
    summaries = compare_runs([first, second]).by_game
    assert [(each.setting, each.student, round(each.final_retention.value, 6)) for each in summaries] == [
        ("gamma=0.9", "micro", 0.5),
        ("gamma=0.9", "nano", 0.1),
        ("gamma=0.99", "micro", 0.25),
        ("gamma=0.99", "nano", 0.0),
    ]


def test_a_run_whose_teacher_learned_nothing_is_named_and_left_out_of_retention(evaluated_run):
    good = evaluated_run("good", seed=0, teacher=[11.7], micro=[6.7])
    hopeless = evaluated_run("hopeless", seed=1, teacher=[1.0], micro=[1.0])
    comparison = compare_runs([good, hopeless])
    assert [str(path) for path in comparison.hopeless_runs] == ["hopeless"]
    (summary,) = comparison.by_game
    assert (summary.runs, summary.final_retention.runs, summary.final_retention.value) == (2, 1, pytest.approx(0.5))
    (alone,) = compare_runs([hopeless]).by_game
    assert (alone.final_retention, alone.best_retention, alone.reached) == (None, None, None)
    assert alone.curve[0].retention is None


@pytest.fixture
def four_games(evaluated_run):
    """`micro` retains 0.0, 0.4, 0.6 and 20 of four teachers; `nano` 0.5 of Breakout's alone."""
    return [
        evaluated_run("breakout", game="breakout", teacher=[11.7], micro=[1.7], nano=[6.7]),
        evaluated_run("pong", game="pong", teacher=[-10.7], micro=[-16.7], steps=99),
        evaluated_run("freeway", game="freeway", teacher=[10.0], micro=[6.0]),
        evaluated_run("enduro", game="enduro", teacher=[1.0], micro=[20.0]),
    ]


def test_over_games_the_interquartile_mean_is_taken(four_games):
    comparison = compare_runs(four_games, over_games=True)
    micro, nano = comparison.over_games
    assert micro.final_retention.value == pytest.approx(0.5)
    assert micro.final_retention.resampled == "runs"
    assert micro.curve[0].retention.value == pytest.approx(0.5)
    assert (micro.games, micro.runs) == (("breakout", "pong", "freeway", "enduro"), 4)
    assert (nano.games, nano.final_retention.value) == (("breakout",), pytest.approx(0.5))
    assert len(comparison.by_game) == 5
    assert comparison.fields_of_games == ("students", "steps")


def test_over_games_scores_of_different_games_are_not_averaged(evaluated_run):
    games = ("breakout", "freeway")
    runs = [evaluated_run(game, game=game, teacher=[11.7], micro=[6.7]) for game in games]
    comparison = compare_runs(runs, over_games=True)
    assert all(summary.max_ratio for summary in comparison.by_game)
    (micro,) = comparison.over_games
    assert (micro.max_ratio, micro.mean_ratio) == (None, None)
    assert (micro.curve[0].score, micro.curve[0].teacher_score) == (None, None)


def test_without_being_asked_nothing_is_aggregated_over_games(three_seeds):
    assert compare_runs(three_seeds).over_games == ()


def test_the_csv_has_a_row_per_run_student_and_evaluation(evaluated_run):
    first = evaluated_run("a", gamma=0.9, teacher=[11.7, 11.7], micro=[6.7, 7.7], nano=[1.7, 2.7])
    second = evaluated_run("b", gamma=0.99, seed=4, teacher=[0.7], micro=[0.5], nano=[0.5])
    rows = list(csv.DictReader(io.StringIO(compare_runs([first, second]).to_csv().decode())))
    assert len(rows) == 6
    assert rows[1] == {
        "setting": "gamma=0.9", "game": "breakout", "run": "a", "seed": "0", "student": "micro", "step": "2000",
        "minutes": "2.0", "score": "7.7", "teacher_score": "11.7", "retention": "0.6",
    }  # fmt: skip
    assert (rows[5]["run"], rows[5]["seed"], rows[5]["student"], rows[5]["retention"]) == ("b", "4", "nano", "")


def test_the_best_curve_is_that_of_the_largest_final_retention(evaluated_run):
    first = evaluated_run("a", gamma=0.9, teacher=[11.7, 11.7], micro=[11.7, 5.7], nano=[6.7, 6.7])
    second = evaluated_run("b", gamma=0.99, teacher=[1.0, 1.0], micro=[9.0, 9.0], nano=[9.0, 9.0])
    best = compare_runs([second, first]).best_curve
    assert (str(best.run), best.student) == ("a", "nano")
