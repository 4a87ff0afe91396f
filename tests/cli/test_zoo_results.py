import json
import shutil
from dataclasses import replace

import onnx
import pytest

from edgedistill.runtime.card import Score

PNG = b"\x89PNG"


@pytest.fixture
def shipped(tiny_export, tmp_path):
    """Writes a student of given scores at ε 0.01: (game, student) -> (mean, teacher's mean), intervals ±0.5."""

    def write(scores):
        model = onnx.load(tiny_export.path)
        for (game, student), means in scores.items():
            mean, teacher = (Score(each, each - 0.5, each + 0.5, 100, 0.01) for each in means)
            card = replace(
                tiny_export.card, game=game, student=student, ratio={"micro": 0.016}.get(student, 0.004),
                scores={"student": (mean,), "best_teacher": (teacher,)},
            )  # fmt: skip
            onnx.helper.set_model_props(model, card.to_metadata())
            (tmp_path / game).mkdir(exist_ok=True)
            (tmp_path / game / f"{student}.onnx").write_bytes(model.SerializeToString())
        return tmp_path

    return write


def test_retention_by_game_and_size(cli, shipped):
    # Random players have −20.7 in Pong and 1.7 in Breakout, which is what retention counts from.
    folder = shipped(
        {("pong", "micro"): (19.3, 19.3), ("pong", "pico"): (-0.7, 19.3), ("breakout", "micro"): (6.7, 11.7)}
    )
    table = cli("zoo", "results", "--in", folder, "--markdown").out.splitlines()
    assert table[0] == "| game | agent steps | teacher | micro | pico |"
    # Errors: 0.5 of 10, and half as much of the teacher's, in quadrature.
    assert table[2:4] == [
        "| breakout | 0.0 M | 11.7 | 50.0% [44%, 56%] | – |",
        "| pong | 0.0 M | 19.3 | 100.0% [98%, 102%] | 50.0% [49%, 51%] |",
    ]
    assert table[4].startswith("| interquartile mean |  |  | 75.0% [")
    report = json.loads(cli("zoo", "results", "--in", folder, "--json").out)
    assert [row["retention"] for row in report["students"]] == pytest.approx([0.5, 1.0, 0.5])
    assert report["over_games"]["micro"]["value"] == pytest.approx(0.75)
    # It lacks a game, and so would be a mean over others.
    assert "pico" not in report["over_games"]


def test_a_student_that_lacks_a_game_has_no_mean_over_games(cli, shipped):
    folder = shipped(
        {("qbert", "micro"): (1000, 2000)}
        | {(game, "micro"): (6.7, 11.7) for game in ("breakout", "pong")}
        | {(game, "pico"): (6.7, 11.7) for game in ("breakout", "pong")}
    )
    last = cli("zoo", "results", "--in", folder, "--markdown").out.splitlines()[-1]
    assert last.startswith("| interquartile mean |") and last.endswith("| – |")


def test_students_of_several_folders_stand_in_one_table(cli, shipped, tmp_path):
    folder = shipped({("pong", "micro"): (19.3, 19.3), ("pong", "pico"): (-0.7, 19.3)})
    (tmp_path / "more" / "pong").mkdir(parents=True)
    (folder / "pong" / "pico.onnx").rename(tmp_path / "more" / "pong" / "pico.onnx")
    assert "| micro |" in cli("zoo", "results", "--in", folder, "--markdown").out
    both = cli("zoo", "results", "--in", folder, "--in", tmp_path / "more", "--markdown").out.splitlines()
    assert both[0] == "| game | agent steps | teacher | micro | pico |"
    assert len(both) == 3


def test_the_same_student_twice_is_refused(cli, shipped, tmp_path):
    folder = shipped({("pong", "micro"): (19.3, 19.3)})
    shutil.copytree(folder / "pong", tmp_path / "again" / "pong")
    outcome = cli("zoo", "results", "--in", folder, "--in", tmp_path / "again")
    assert outcome.code == 2
    assert "pong/micro.onnx and" in outcome.err
    assert "both micro of pong" in outcome.err


def test_a_hopeless_teacher_has_no_retention_and_the_plot_leaves_it_out(cli, shipped, tmp_path):
    folder = shipped({("pong", "micro"): (-21.0, -21.0), ("pong", "pico"): (19.3, 19.3)})
    png = tmp_path / "kept.png"
    outcome = cli("zoo", "results", "--in", folder, "--png", png)
    assert outcome.code == 0
    assert "–" in outcome.out
    assert "-21.0, 19.3" in outcome.out
    assert png.read_bytes().startswith(PNG)


def test_the_picture_is_named_beside_markdown_and_in_json(cli, shipped, tmp_path):
    folder, png = shipped({("pong", "pico"): (19.3, 19.3)}), tmp_path / "kept.png"
    markdown = cli("zoo", "results", "--in", folder, "--markdown", "--png", png)
    assert (f"wrote {png}" in markdown.err, "wrote" in markdown.out) == (True, False)
    assert json.loads(cli("zoo", "results", "--in", folder, "--json", "--png", png).out)["png"] == str(png)


def test_what_ships_has_results(cli):
    assert "pong" in cli("zoo", "results").out


@pytest.mark.parametrize("arguments", [["--in", "nowhere"], ["--in", "."], ["--in", ".", "--in", "nowhere"]])
def test_bad_requests(cli, arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    outcome = cli("zoo", "results", *arguments)
    assert outcome.code == 2
    assert "nowhere" in outcome.err or "No trained student" in outcome.err
