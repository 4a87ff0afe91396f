import shutil
from dataclasses import replace

import pytest

from edgedistill.errors import BadRequest
from edgedistill.report.curves import read_run
from edgedistill.report.grouping import fields_of_games, group_by_setting, refuse_unlike
from edgedistill.runs.folder import RunFolder
from edgedistill.runs.went_on import WentOn


@pytest.fixture
def run(evaluated_run):
    def make(name, **settings):
        return read_run(evaluated_run(name, **({"teacher": [9.0], "micro": [5.0]} | settings)))

    return make


def grouped(*runs):
    return {label: [str(run.path) for run in group] for label, group in group_by_setting(runs).items()}


def test_runs_that_differ_in_the_seed_the_time_and_the_machine_are_one_setting(run):
    runs = [run("a"), run("b", seed=1, minutes=3.0), run("c", seed=2, threads=1, device="cpu")]
    assert grouped(*runs) == {"a and 2 more": ["a", "b", "c"]}


def test_a_lone_run_is_named_by_its_folder(run):
    assert grouped(run("a")) == {"a": ["a"]}


def test_settings_are_labelled_by_what_differs(run):
    runs = [run("a", gamma=0.9), run("b", gamma=0.99), run("c", gamma=0.9, seed=1)]
    assert grouped(*runs) == {"gamma=0.9": ["a", "c"], "gamma=0.99": ["b"]}


def test_two_differing_fields_make_one_label(run):
    runs = [run("a", gamma=0.9, lam=0.5), run("b", gamma=0.9), run("c", steps=10)]
    assert list(grouped(*runs)) == [
        "steps=2000000, gamma=0.9, lam=0.5",
        "steps=2000000, gamma=0.9, lam=0.65",
        "steps=10, gamma=0.99, lam=0.65",
    ]


def test_a_run_that_went_on_is_no_seed_of_one_that_had_its_steps_from_the_start(run):
    runs = [run("a"), run("b", seed=1, went_on=(WentOn(1000, 1000),)), run("c", seed=2)]
    assert grouped(*runs) == {"went_on=none": ["a", "c"], "went_on=1000": ["b"]}


def test_students_are_labelled_by_their_names(run):
    assert list(grouped(run("a"), run("b", nano=[3.0]))) == ["students=micro", "students=micro+nano"]


def test_where_labels_would_be_long_folders_name_the_settings(run):
    runs = [run("a", gamma=0.9, lam=0.5, epsilon_floors=(0.1,)), run("b"), run("c", seed=1)]
    assert list(grouped(*runs)) == ["a", "b and 1 more"]


def test_where_labels_would_be_equal_folders_name_the_settings(run):
    assert list(grouped(run("a", gamma=0.9), run("b", gamma=0.9000000001))) == ["a", "b"]


def test_folders_of_one_name_are_told_apart_by_their_paths(run):
    assert list(grouped(run("x/run", gamma=0.9), run("y/run", gamma=0.9000000001))) == ["x/run", "y/run"]


def test_another_wording_of_a_students_summary_makes_no_other_setting(run):
    first, second = run("a"), run("b", seed=1)
    reworded = replace(second.config.students[0], summary="other words")
    RunFolder(second.path).save_config(replace(second.config, students=(reworded,)))
    assert len(grouped(first, read_run(second.path))) == 1


def test_what_differs_from_game_to_game_alone_belongs_to_the_game(run):
    runs = [run("p", game="pong", steps=10), run("b", steps=20), run("c", steps=20, seed=1)]
    assert len(grouped(*runs)) == 1
    assert fields_of_games(runs) == ["steps"]


def test_what_differs_within_a_game_makes_settings_across_games(run):
    runs = [run("p", game="pong", gamma=0.9), run("q", game="pong"), run("b", gamma=0.9)]
    assert grouped(*runs) == {"gamma=0.9": ["p", "b"], "gamma=0.99": ["q"]}
    assert fields_of_games(runs) == []


def test_games_are_compared_on_request_only(run):
    runs = [run("a"), run("b", seed=1), run("p", game="pong")]
    with pytest.raises(BadRequest, match=r"differ in 'game': breakout in a and b; pong in p\. .*--over-games"):
        refuse_unlike(runs, over_games=False)
    refuse_unlike(runs, over_games=True)


@pytest.mark.parametrize(
    ("protocol", "complaint"),
    [
        ({"evaluate_episodes": 30}, "differ in 'evaluate_episodes': 10 in a, b and c; 30 in other"),
        ({"sticky": 0.25}, "differ in 'sticky': 0 in a, b and c; 0.25 in other"),
    ],
)
@pytest.mark.parametrize("over_games", [False, True])
def test_scores_under_other_protocols_are_refused(run, protocol, complaint, over_games):
    runs = [run("a"), run("b", seed=1), run("c", seed=2), run("other", **protocol)]
    with pytest.raises(BadRequest, match=complaint):
        refuse_unlike(runs, over_games)


def test_the_same_run_twice_is_refused_by_whatever_path(run, tmp_path):
    once = run("a")
    with pytest.raises(BadRequest, match="a is given 2 times"):
        refuse_unlike([once, read_run(tmp_path / "a")], over_games=False)


def test_a_copy_of_a_run_is_no_second_seed(run):
    once = run("a")
    shutil.copytree("a", "copy")
    with pytest.raises(BadRequest, match="a and copy have the same settings and the same seed"):
        refuse_unlike([once, read_run(once.path.with_name("copy"))], over_games=False)


def test_seeds_repeat_across_settings_and_games(run):
    refuse_unlike([run("a"), run("b", gamma=0.9), run("c", game="pong")], over_games=True)
