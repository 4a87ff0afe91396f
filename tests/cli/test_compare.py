import json

import pytest
from scipy.stats import t

from tests.conftest import cli_without


@pytest.fixture
def seeds(evaluated_run):
    """Two seeds whose student ends at 0.5 and 0.97 of its teacher."""
    return [
        evaluated_run("a", seed=0, teacher=[6.7, 11.7], micro=[1.7, 6.7]),
        evaluated_run("b", seed=1, teacher=[6.7, 11.7], micro=[2.7, 11.4]),
    ]


def test_the_tables_show_the_curve_and_what_it_comes_to(cli, seeds):
    outcome = cli("compare", *seeds)
    assert outcome.code == 0
    lines = [line.split() for line in outcome.out.splitlines()]
    assert ["1,000", "4,000", "1.0", "6.7", "5.0%", "[-58.5,", "68.5]"] in lines
    assert ["2,000", "8,000", "2.0", "11.7", "73.5%", "[-225.1,", "372.1]"] in lines
    # Max (6.7 + 11.4) / 2 / 11.7; Mean of (1.7 / 6.7 + 6.7 / 11.7) / 2 and (2.7 / 6.7 + 11.4 / 11.7) / 2.
    summary = "micro 2 73.5% [-225.1, 372.1] 73.5% [-225.1, 372.1] 2,000 (1 of 2) 2.0 77.4% 55.1%"
    assert summary.split() in lines
    assert "edgedistill evaluate b --student micro" in outcome.out


def test_one_seed_says_so(cli, seeds):
    outcome = cli("compare", seeds[0])
    assert outcome.code == 0
    assert "1 seed: no interval" in outcome.out
    assert "50.0%" in outcome.out
    assert "[" not in outcome.out
    assert "never" in outcome.out


def test_a_percentage_without_meaning_is_left_out(cli, evaluated_run):
    outcome = cli("compare", evaluated_run("a", game="pong", teacher=[-19.0, -15.0], micro=[-21.0, -17.0]))
    assert ["micro", "1", "64.9%", "64.9%", "never", "–", "–"] in [line.split() for line in outcome.out.splitlines()]


def test_settings_are_named_where_they_differ(cli, evaluated_run):
    runs = [evaluated_run(f"{gamma}", gamma=gamma, teacher=[11.7], micro=[6.7]) for gamma in (0.9, 0.99)]
    out = cli("compare", *runs).out
    assert "gamma=0.9: retention, breakout, 1 seed" in out
    assert "gamma=0.99: retention, breakout, 1 seed" in out


def test_json_is_the_only_thing_on_stdout(cli, seeds, tmp_path):
    report = json.loads(cli("compare", *seeds, "--json", "--png", tmp_path / "x.png", "--csv", tmp_path / "x.csv").out)
    assert [(run["run"], run["seed"], run["evaluations"]) for run in report["runs"]] == [("a", 0, 2), ("b", 1, 2)]
    (summary,) = report["by_game"]
    assert summary["student"] == "micro"
    assert summary["final_retention"]["value"] == pytest.approx(0.735)
    assert summary["final_retention"]["interval"] == pytest.approx(t.interval(0.95, 1, loc=0.735, scale=0.235))
    assert [point["step"] for point in summary["curve"]] == [1000, 2000]
    assert report["over_games"] == []


def test_the_json_names_what_was_written(cli, seeds, tmp_path):
    report = json.loads(cli("compare", *seeds, "--json", "--csv", tmp_path / "x.csv").out)
    assert (report["png"], report["csv"]) == (None, str(tmp_path / "x.csv"))


def test_files_are_written_whole(cli, seeds, tmp_path):
    outcome = cli("compare", *seeds, "--png", tmp_path / "x.png", "--csv", tmp_path / "x.csv")
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")
    assert len((tmp_path / "x.csv").read_text().splitlines()) == 1 + 4
    assert f"wrote {tmp_path / 'x.png'}" in outcome.out
    assert {path.name for path in tmp_path.iterdir()} == {"a", "b", "x.png", "x.csv"}


def test_over_games(cli, seeds, evaluated_run):
    pong = evaluated_run("pong", game="pong", teacher=[-10.7, -10.7], micro=[-10.7, -10.7], steps=50)
    outcome = cli("compare", *seeds, pong, "--over-games")
    assert outcome.code == 0
    assert "interquartile mean over 2 games, 3 runs" in outcome.out
    lines = [line.split() for line in outcome.out.splitlines()]
    assert any(line[:4] == ["micro", "2", "3", "82.3%"] for line in lines)
    assert "resampling the runs, whatever their game" in outcome.out
    assert "from game to game the runs differ also in: steps" in outcome.out


def test_a_run_without_retention_is_named(cli, evaluated_run):
    outcome = cli("compare", evaluated_run("hopeless", teacher=[1.0], micro=[1.0]))
    assert outcome.code == 0
    assert ["micro", "1", "–", "–", "–", "100.0%", "100.0%"] in [line.split() for line in outcome.out.splitlines()]
    assert "hopeless: no teacher of this run beats a random player" in outcome.out


def test_runs_that_end_at_different_steps_are_pointed_out(cli, seeds, evaluated_run):
    assert "final: the last evaluation" not in cli("compare", *seeds).out
    longer = evaluated_run("c", seed=2, teacher=[11.7] * 5, micro=[6.7] * 5)
    assert (
        "the last evaluation of each run so far, at agent steps from 2,000 to 5,000"
        in cli("compare", *seeds, longer).out
    )


def test_brackets_in_a_folders_name_are_not_markup(cli, evaluated_run):
    good = evaluated_run("[red]good", gamma=0.9, teacher=[9.0], micro=[3.0])
    hopeless = evaluated_run("[red]hopeless", gamma=0.9 + 1e-9, teacher=[1.0], micro=[1.0])
    outcome = cli("compare", good, hopeless, "--csv", "[red].csv")
    assert outcome.code == 0
    for text in ("[red]good: retention", "[red]hopeless: no teacher", "wrote [red].csv", "evaluate '[red]good'"):
        assert text in outcome.out


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["a", "nowhere"], "No run at nowhere"),
        (["a", "a"], "a is given 2 times"),
        (["a", "breakout.txt"], "No run at breakout.txt"),
        (["a", "pong"], "breakout in a; pong in pong. Compare runs of one game"),
        (["a", "b", "--png", "nowhere/x.png"], "nowhere/x.png: cannot be written"),
        (["a", "b", "--csv", "b"], "b is a folder"),
        (["a", "b", "--csv", "x", "--png", "x"], "--png and --csv both name x"),
    ],
)
def test_a_bad_request_says_what_to_do_and_writes_nothing(cli, seeds, evaluated_run, tmp_path, options, complaint):
    evaluated_run("pong", game="pong", teacher=[1.0], micro=[1.0])
    (tmp_path / "breakout.txt").write_text("not a run")
    before = sorted(tmp_path.rglob("*"))
    outcome = cli("compare", *options)
    assert outcome.code == 2
    assert complaint in outcome.err
    assert outcome.out == ""
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("missing", "options"), [("scipy", ["--over-games"]), ("matplotlib", ["--png", "x.png"]), ("torch", [])]
)
def test_without_the_training_packages_the_message_has_the_pip_command(seeds, missing, options):
    outcome = cli_without(missing, "compare", *seeds, *options)
    assert outcome.code == 1
    assert f"needs {missing}" in outcome.err
    assert "pip install 'edgedistill[train]'" in outcome.err
