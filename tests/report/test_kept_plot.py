from dataclasses import replace

import pytest

from edgedistill.report.kept import Kept
from edgedistill.report.kept_plot import plot_kept
from edgedistill.runtime.card import Score


def kept(game, student, ratio, share, score=10.0, teacher=20.0):
    own, best = (Score(mean, mean - 1, mean + 1, 100, 0.01) for mean in (score, teacher))
    return Kept(game, student, ratio, 30_000, own, best, share, 1_000)


FOUND = [
    kept("pong", "net5", 0.0183, 1.0, 19.0),
    kept("pong", "micro", 0.0162, 0.9, 14.6, 18.0),
    kept("breakout", "net5", 0.0182, 0.8, 60.0),
    kept("breakout", "micro", 0.0161, 0.5, 30.5, 61.0),
    kept("qbert", "net5", 0.0183, 0.9, 60.0),
    kept("qbert", "micro", 0.0162, 0.6, 500.0, 1000.0),
    kept("pong", "net1", 0.2516, 1.1, 20.0),
]


@pytest.fixture(scope="module")
def panels():
    return plot_kept(FOUND, "micro").axes


def test_one_game_has_no_interval():
    several = kept("pong", "micro", 0.0162, 0.9)
    assert several.interval is not None
    one = replace(several.score, episodes=1)
    assert replace(several, score=one).interval is None
    assert replace(several, teacher=one).interval is None


def test_every_size_has_a_tick_with_the_ratio_of_the_tables(panels):
    labels = [label.get_text() for label in panels[0].get_xticklabels()]
    assert labels == ["micro\n1.62%", "net5\n1.83%", "net1\n25.18%"]
    assert panels[0].get_xscale() == "log" and "logarithmic" in panels[0].get_xlabel()
    assert "95%" in [text.get_text() for text in panels[0].texts]


def test_the_median_is_over_sizes_that_all_games_have(panels):
    (line,) = [line for line in panels[0].get_lines() if line.get_label() == "median of 3 games"]
    assert list(line.get_ydata()) == pytest.approx([0.6, 0.9])


def test_bars_are_human_normalised_scores(panels):
    teachers, students = panels[1].containers[:2]
    assert [label.get_text() for label in panels[1].get_yticklabels()] == ["Q*bert", "Pong", "Breakout"]
    assert [bar.get_width() for bar in students][1:] == pytest.approx([1.0, 1.0])
    assert teachers[2].get_width() > 2
    assert teachers[2].get_y() > students[2].get_y()


def test_without_its_student_the_second_panel_is_left_out():
    assert len(plot_kept([each for each in FOUND if each.student != "micro"], "micro").axes) == 1


def test_nothing_to_keep_is_drawn_too():
    assert plot_kept([kept("pong", "micro", 0.0162, None)], "micro").axes
