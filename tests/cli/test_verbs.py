import json
import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import onnx
import pytest

from edgedistill.atari.protocol import Scores
from edgedistill.runs.folder import RunFolder
from edgedistill.runtime import player as playing


def test_zoo_lists_the_catalogue(cli):
    table = cli("zoo")
    assert table.code == 0
    assert "micro" in table.out
    assert "1.62%" in table.out
    rows = json.loads(cli("zoo", "--json", "--actions", 18).out)["designs"]
    assert {row["name"] for row in rows} >= {"net1", "net5", "micro", "nano", "pico"}
    assert all(row["ratio"] < 0.017 for row in rows if row["name"] in ("micro", "nano"))


def test_sizes_of_designs_are_near_those_of_files(cli, tiny_export):
    designs = json.loads(cli("zoo", "--json", "--actions", 6).out)["designs"]
    (size,) = (row["file_bytes"] for row in designs if row["name"] == "pico")
    assert 0 < size - tiny_export.bytes < 2_000  # it has one game at each ε on its card


def test_play_headless(cli, tiny_export):
    outcome = cli("play", tiny_export.path, "--headless", "--max-steps", 30)
    assert outcome.code == 0
    assert "unfinished game" in outcome.out
    report = json.loads(cli("play", tiny_export.path, "--json", "--max-steps", 30, "--seed", 7).out)
    assert report["steps"] == 30
    again = json.loads(cli("play", tiny_export.path, "--json", "--max-steps", 30, "--seed", 7).out)
    assert report["actions_sha256"] == again["actions_sha256"]


def test_the_json_of_play_tells_how_it_was_played_and_what_was_written(cli, tmp_path):
    gif = tmp_path / "a.gif"
    options = ("--json", "--max-steps", 5, "--epsilon", 0.1, "--sticky", 0.25, "--gif", gif)
    report = json.loads(cli("play", "pong", "--student", "femto", *options).out)
    assert [report[key] for key in ("epsilon", "sticky", "gif", "video")] == [0.1, 0.25, str(gif), None]


def test_play_writes_a_gif(cli, tiny_export, tmp_path):
    assert cli("play", tiny_export.path, "--headless", "--max-steps", 20, "--gif", tmp_path / "a.gif").code == 0
    assert (tmp_path / "a.gif").read_bytes().startswith(b"GIF8")


@pytest.mark.parametrize(("steps", "code"), [(20, 0), (0, 130)])
def test_ctrl_c_out_of_sight_leaves_what_was_recorded(cli, tiny_export, tmp_path, monkeypatch, steps, code):
    def interrupted(policy, episode):
        if episode.steps == steps:
            raise KeyboardInterrupt
        return decide(policy, episode)

    decide = playing.decide
    monkeypatch.setattr(playing, "decide", interrupted)
    assert cli("play", tiny_export.path, "--headless").code == 130
    outcome = cli("play", tiny_export.path, "--headless", "--gif", tmp_path / "a.gif")
    assert outcome.code == code
    assert (tmp_path / "a.gif").exists() == (f"{steps} agent steps" in outcome.out) == (code == 0)


@pytest.mark.parametrize("verb", [("play", "pong", "--headless"), ("evaluate", "pong"), ("export",)], ids=str)
def test_more_games_than_anybody_plays(cli, tiny_run, tmp_path, verb):
    rest = (tiny_run.path, "-o", tmp_path / "x.onnx", "--student", "pico") if verb == ("export",) else ()
    outcome = cli(*verb, *rest, "--episodes", 10**15)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == "error: episodes must be from 1 to 1,000,000, got 1,000,000,000,000,000.\n"


def test_a_run_may_be_called_like_its_game(cli, tiny_run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(tiny_run.path, "pong")
    outcome = cli("evaluate", "pong", "--student", "pico", "--episodes", 1, "--epsilon", 0.05)
    assert outcome.code == 0 and "best teacher" in outcome.out


def test_a_file_is_one_student(cli, tiny_export):
    outcome = cli("play", tiny_export.path, "--student", "nano", "--headless")
    assert outcome.code == 2 and "is one student already: leave --student out" in outcome.err


def test_a_time_limit_leaves_the_length_of_the_schedule_alone(cli, tmp_path):
    small = ("--student", "pico", "--envs", 4, "--rollout-length", 16, "--minibatch", 32, "--memory-frames", 128)
    outcome = cli(
        "train", *small, "--threads", 1, "--evaluate-episodes", 1, "--minutes", 0.01, "--out", tmp_path / "run"
    )
    assert outcome.code == 0
    assert "The minutes were over before the 2,000,000 steps" in outcome.out
    run = RunFolder.open(tmp_path / "run")
    assert run.config().steps == 2_000_000
    assert 0 < run.load_checkpoint()[1]["step"] < 2_000_000


def test_evaluate_a_file(cli, tiny_export):
    outcome = cli("evaluate", tiny_export.path, "--episodes", 1, "--epsilon", 0.05, "--json")
    (result,) = json.loads(outcome.out)["results"]
    assert result["protocol"]["epsilon"] == 0.05
    assert result["mean"] == tiny_export.card.score("student", 0.05).mean


def test_retention_is_given_where_the_teacher_played_the_same_games(cli, tiny_export, tmp_path):
    def result(*options):
        return json.loads(cli("evaluate", good, "--epsilon", 0.05, "--json", *options).out)["results"][0]

    def retention(*options):
        return result(*options)["retention_of_best_teacher"]

    # The tiny run's teacher does not beat a random player; give its card one that does, as cards of before had it.
    model, card = onnx.load(tiny_export.path), tiny_export.card
    assert card.score("best_teacher", 0.05).returns
    teacher = replace(card.score("best_teacher", 0.05), mean=-10.7, returns=())
    onnx.helper.set_model_props(model, replace(card, scores=card.scores | {"best_teacher": (teacher,)}).to_metadata())
    good = tmp_path / "good.onnx"
    good.write_bytes(model.SerializeToString())

    student = card.score("student", 0.05).mean
    assert retention("--episodes", 1) == pytest.approx((student + 20.7) / 10, abs=1e-3)
    # Of two games, the first is the one that the teacher played.
    assert (retention("--episodes", 2), result("--episodes", 2)["retention_games"]) == (retention("--episodes", 1), 1)
    assert retention("--episodes", 1, "--sticky", 0.25) is None
    assert "--sticky 0 --seed 2015" in result("--episodes", 1, "--seed", 3)["no_retention_because"]
    text = cli("evaluate", good, "--epsilon", 0.02, "--episodes", 1).out
    assert "no retention: the card has no score of the teacher at ε 0.02" in text
    assert "one game has no interval" in text


def test_export_says_what_it_wrote(cli, tiny_run, tmp_path):
    output = tmp_path / "pico.onnx"
    options = ("--student", "pico", "--episodes", 1, "--epsilon", 0.05, "--allow-disagreement", "-o", output)
    report = json.loads(cli("export", tiny_run.path, *options, "--json").out)
    assert report["bytes"] == output.stat().st_size
    assert report["student"] == "pico"
    assert [score["epsilon"] for score in report["scores"]["student"]] == [0.05]
    assert output.with_suffix(".md").exists()
    assert f"edgedistill play {output}" in cli("export", tiny_run.path, *options).out


def test_export_makes_a_boards_folder_of_a_run_a_file_or_a_game(cli, float_run, tiny_export, tmp_path):
    to = ("--target", "raspberry-pi-4", "-o")
    scored = ("--student", "pico", "--episodes", 1, "--epsilon", 0.05, "--precision", "float32")
    report = json.loads(cli("export", float_run.path, *scored, *to, tmp_path / "a", "--json").out)
    assert (report["file"], report["student"]) == (str(tmp_path / "a" / "pong.onnx"), "pico")
    assert "float32" in (tmp_path / "a" / "pong.md").read_text()
    assert cli("play", tmp_path / "a" / "pong.onnx", "--json", "--max-steps", 30).code == 0
    assert "scp -r" in cli("export", tiny_export.path, *to, tmp_path / "b").out
    assert (tmp_path / "b" / "pong.onnx").read_bytes() == tiny_export.path.read_bytes()
    assert (
        json.loads(cli("export", "pong", "--student", "nano", *to, tmp_path / "c", "--json").out)["student"] == "nano"
    )
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a", "b", "c"]


@pytest.mark.parametrize("source", ["ALE/Pong-v5", "pong"])
def test_export_takes_a_game_by_any_name_beside_a_folder_called_like_it(cli, tmp_path, monkeypatch, source):
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        outcome = cli("export", source, "--target", "raspberry-pi-4", "-o", "pong", "--json")
        assert (outcome.code, json.loads(outcome.out)["file"]) == (0, "pong/pong.onnx")
    refused = cli("export", "runs/pong", "--target", "raspberry-pi-4", "-o", "pi")
    assert (refused.code, "No run at runs/pong" in refused.err) == (2, True)


def test_what_to_type_next_holds_for_a_folder_with_a_space(cli, tmp_path):
    """The desktop's shell splits the line, then the board's splits what ssh hands over."""
    serving = ("--serve", "--host", "127.0.0.1")
    for options, installed in (
        ((), ["sh", "my pi/install.sh"]),
        (serving, ["sudo", "sh", "my pi/install.sh", "--service"]),
    ):
        said = cli("export", "pong", "--target", "raspberry-pi-4", *options, "-o", tmp_path / "my pi").out
        ssh = shlex.split(next(line for line in said.splitlines() if "ssh -t" in line))
        assert shlex.split(" ".join(ssh[3:])) == installed


def test_export_lists_its_targets(cli):
    assert "cortex-m4, raspberry-pi-4, raspberry-pi-5, raspberry-pi-zero-2w, x86-64" in " ".join(
        cli("export", "--help").out.replace("│", " ").split()
    )


def test_evaluate_a_run(cli, tiny_run):
    outcome = cli("evaluate", tiny_run.path, "--student", "pico", "--episodes", 1, "--epsilon", 0.05)
    assert outcome.code == 0
    for player in ("best_teacher", "last_teacher", "pico"):
        assert player in outcome.out


def test_a_student_keeps_its_share_of_the_best_teacher_not_of_the_last(cli, tiny_run, tmp_path, monkeypatch):
    run = RunFolder(shutil.copytree(tiny_run.path, tmp_path / "run"))
    best, state = run.load_best_teacher()
    best["teacher.head.bias"][0] = 9.3
    run.save_best_teacher(best, state)

    def scripted(act, game, protocol, **_):
        score = 9.3 if abs(float(act.network.head.bias[0]) - 9.3) < 1e-6 else -5.7
        return Scores((score,) * protocol.episodes, protocol)

    monkeypatch.setattr("edgedistill.runs.scoring.evaluate", scripted)
    outcome = cli("evaluate", run.path, "--student", "pico", "--episodes", 2, "--epsilon", 0.3, "--json")
    kept = {each["player"]: each["retention_of_best_teacher"] for each in json.loads(outcome.out)["results"]}
    # Random play scores −20.7 in Pong.
    assert kept == {"best_teacher": None, "last_teacher": None, "pico": 0.5}


def test_train_picks_a_student_by_ratio_and_says_which(cli, tmp_path):
    outcome = cli(
        *("train", "--game", "Pong", "--ratio", 0.017, "--ratio", 0.005, "--steps", 64, "--envs", 2, "--seed", 1),
        *("--evaluate-episodes", 1, "--memory-frames", 500, "--threads", 1, "--out", tmp_path / "run"),
    )
    assert outcome.code == 0
    assert "student micro: 1.62% of the Nature DQN" in outcome.err
    assert "student pico: 0.44%" in outcome.err
    assert f"edgedistill export {tmp_path / 'run'}" in outcome.out
    assert "0.00 GB" in outcome.out
    resumed = cli("train", "--resume", tmp_path / "run", "--steps", 200, "--json")
    assert json.loads(resumed.out)["step"] == 256
    assert "profile" not in json.loads(resumed.out)


@pytest.fixture
def no_training(monkeypatch):
    """Runs are made, and nothing is learnt in them."""
    monkeypatch.setattr("edgedistill.distill.training.train", lambda *_, **__: iter(()))


def test_students_are_introduced_once_there_is_a_run_and_not_to_a_script(cli, tmp_path, no_training):
    new = ("train", "--student", "pico", "--memory-frames", 500, "--threads", 1, "--out")
    assert "student pico: 0.44%" in cli(*new, tmp_path / "a").err
    assert cli(*new, tmp_path / "b", "--json").err == ""
    assert cli(*new, tmp_path / "c", "--envs", 0).err.startswith("error: ")


def test_the_run_line_names_a_teachers_other_network(cli, tmp_path, no_training):
    new = ("train", "--student", "pico", "--memory-frames", 500, "--threads", 1)
    assert "teacher: pqn, students" in cli(*new, "--out", tmp_path / "a").out
    named = cli(*new, "--out", tmp_path / "b", "--teacher-network", "micro").out
    assert "teacher: pqn (micro), students: pico" in named


def test_train_keep_trains_the_small_sizes_and_says_what_they_keep(cli, tmp_path):
    run = tmp_path / "run"
    outcome = cli(
        *("train", "--keep", 0.95, "--steps", 64, "--envs", 2, "--evaluate-episodes", 1, "--memory-frames", 500),
        *("--threads", 1, "--out", run),
    )
    assert outcome.code == 0
    assert [f"student {name}" in outcome.err for name in ("net5", "micro", "nano", "pico", "net1")] == [True] * 4 + [
        False
    ]
    assert "does not beat a random player yet" in outcome.out
    assert f"edgedistill train --resume {run} --keep 0.95 --steps 128" in outcome.out


def test_train_teacher_only(cli, tmp_path):
    outcome = cli(
        *("train", "--teacher-only", "--steps", 64, "--envs", 2, "--evaluate-episodes", 1, "--threads", 1),
        *("--out", tmp_path / "run", "--json"),
    )
    assert set(json.loads(outcome.out)["scores"]) == {"teacher"}
    refused = cli("train", "--resume", tmp_path / "run", "--steps", 128, "--keep", 0.95)
    assert (refused.code, "--keep needs students" in refused.err) == (2, True)
    assert cli("export", tmp_path / "run", "-o", tmp_path / "x.onnx").code == 2


@pytest.mark.parametrize("verb", ["train", "export", "play", "evaluate", "compare", "zoo"])
def test_every_verb_explains_itself(cli, verb):
    outcome = cli(verb, "--help")
    assert outcome.code == 0
    assert "Usage" in outcome.out


def test_games_are_listed_with_what_ships(cli):
    rows = {row["game"]: row for row in json.loads(cli("games", "--json").out)}
    assert len(rows) == 57
    assert (rows["pong"]["actions"], rows["pong"]["random"], rows["pong"]["human"]) == (6, -20.7, 14.6)
    assert "micro" in rows["pong"]["students"]
    lines = [line.split() for line in cli("games").out.splitlines()]
    assert ["pong", "6", "-20.7", "14.6", str(len(rows["pong"]["students"]))] in lines


def test_the_catalogue_has_designs_and_who_plays_each_game(cli):
    found = json.loads(cli("zoo", "list", "--json").out)
    players = {row["game"]: row for row in found["players"]}
    assert set(players) == {row["game"] for row in json.loads(cli("games", "--json").out) if row["students"]}
    for row in players.values():
        (shown,) = (
            student
            for student in json.loads(cli("zoo", "show", row["game"], "--json").out)["students"]
            if student["plays_by_default"]
        )
        scores = shown["scores"][0]
        assert (row["student"], row["bytes"]) == (shown["student"], shown["bytes"])
        assert (row["score"], row["retention"], row["human_normalised"]) == (
            scores["student"]["mean"], scores["retention"], scores["human_normalised"],
        )  # fmt: skip
        assert row["ratio"] <= 0.017


def test_designs_have_the_size_of_the_asked_action_set(cli):
    def micro(*options):
        designs = json.loads(cli("zoo", "list", "--json", *options).out)["designs"]
        return next(row for row in designs if row["name"] == "micro")

    assert micro("--actions", 18)["parameters"] - micro()["parameters"] == 12 * 65  # units and a bias each


def test_what_is_piped_is_neither_wrapped_nor_cut(tmp_path):
    program, environment = Path(sys.executable).with_name("edgedistill"), dict(os.environ)
    environment.pop("COLUMNS", None)
    for command in (["games"], ["zoo"], ["zoo", "show", "pong"], ["zoo", "results"]):
        finished = subprocess.run([program, *command], capture_output=True, text=True, env=environment, check=True)
        assert "…" not in finished.stdout
        if command == ["zoo"]:
            assert "2 where that is not the Nature DQN's" in finished.stdout
        if command == ["zoo", "results"]:
            assert max(map(len, finished.stdout.splitlines())) > 100
    long = "x" * 200
    missing = subprocess.run([program, "play", f"{long}.onnx"], capture_output=True, text=True, env=environment)
    assert missing.stderr.splitlines() == [f"error: {long}.onnx: cannot be read (No such file or directory)."]
