import json
from dataclasses import replace
from pathlib import Path

import onnx
import pytest

from edgedistill.runtime.checksums import checksums
from edgedistill.runtime.policy import Policy
from edgedistill.runtime.shipped import shipped_games, shipped_student


def test_show_gives_the_cards_of_a_game(cli):
    card = Policy.load(shipped_student("pong", "micro")).card
    student, teacher = card.scores["student"][0], card.scores["best_teacher"][0]
    table = cli("zoo", "show", "Pong").out
    assert "micro *" in table
    assert f"{student.low:.1f} to {student.high:.1f}" in table
    (row,) = json.loads(cli("zoo", "show", "pong", "--student", "micro", "--json").out)["students"]
    assert row["agreement"] == card.agreement
    assert row["trained_steps"] == 1_499_136
    first = row["scores"][0]
    assert (first["epsilon"], first["episodes"], first["student"]["mean"]) == (0.01, 100, student.mean)
    # A random player has −20.7, a human 14.6.
    assert first["retention"] == pytest.approx((student.mean + 20.7) / (teacher.mean + 20.7))
    assert first["human_normalised"] == pytest.approx((student.mean + 20.7) / (14.6 + 20.7))


def test_list_passes_over_a_game_without_files(cli, monkeypatch):
    games = {"alien": [], "pong": shipped_games()["pong"]}
    monkeypatch.setattr("edgedistill.runtime.shipped.shipped_games", lambda: games)
    assert [row["game"] for row in json.loads(cli("zoo", "list", "--json").out)["players"]] == ["pong"]


def test_what_ships_is_small():
    sizes = {file: Path(str(file)).stat().st_size for files in shipped_games().values() for file in files}
    assert [file.name for file, size in sizes.items() if size > 64_000] == []
    assert 0 < sum(sizes.values()) <= 3_000_000


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["show", "alien"], "No trained alien student ships"),
        (["show", "pong", "--student", "mirco"], "Did you mean 'micro'?"),
        (
            ["check", "alien"],
            "No trained alien student in the catalogue. Accepted: beam_rider, breakout, enduro, "
            "ms_pacman, pong, qbert, space_invaders",
        ),
        (["check", "--in", "nowhere"], "No folder nowhere"),
        (["check", "--in", "."], "No GAME/STUDENT.onnx in ."),
        (["--json", "show", "pong"], "Put the options behind the command"),
    ],
)
def test_bad_requests(cli, arguments, complaint, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    outcome = cli("zoo", *arguments)
    assert outcome.code == 2
    assert complaint in outcome.err


def trained_folder(tmp_path, export) -> Path:
    """A folder of one game with the file as exported, and the same weights under a card that says otherwise."""
    game = tmp_path / "trained" / "pong"
    game.mkdir(parents=True)
    (game / "pico.onnx").write_bytes(export.path.read_bytes())
    model = onnx.load(export.path)
    first, *others = export.card.scores["student"]
    first = replace(first, returns=(first.returns[0] + 1,))
    wrong = replace(export.card, scores=export.card.scores | {"student": (first, *others)})
    onnx.helper.set_model_props(model, wrong.to_metadata())
    (game / "wrong.onnx").write_bytes(model.SerializeToString())
    (game / "cut.onnx").write_bytes(export.path.read_bytes()[:1000])
    return tmp_path / "trained"


def test_check_names_the_files_that_differ_from_their_cards(cli, tiny_export, tmp_path):
    folder = trained_folder(tmp_path, tiny_export)
    outcome = cli("zoo", "check", "--in", folder)
    assert outcome.code == 1
    assert "2 of 3 files are changed or do not play as their cards say: pong/cut, pong/wrong" in outcome.err
    assert outcome.out.count("DIFFERS") == 2
    (folder / "pong" / "wrong.onnx").unlink()
    (folder / "pong" / "cut.onnx").unlink()
    (row,) = json.loads(cli("zoo", "check", "pong", "--in", folder, "--json").out)
    assert (row["student"], row["compared"], row["agrees"]) == ("pico", "returns", True)


def test_check_names_a_student_of_the_list_that_is_missing(cli, tiny_export, tmp_path):
    folder = trained_folder(tmp_path, tiny_export)
    (folder / "SHA256SUMS").write_text(checksums(folder))
    (folder / "pong" / "wrong.onnx").unlink()
    outcome = cli("zoo", "check", "--student", "wrong", "--in", folder)
    assert outcome.code == 2 and "No trained student 'wrong'" in outcome.err
    rows = {row["student"]: row for row in json.loads(cli("zoo", "check", "--in", folder, "--json").out)}
    assert rows["wrong"]["problem"] == "is missing, and stands in SHA256SUMS"
    assert rows["pico"]["agrees"] and not rows["wrong"]["agrees"]


def test_check_passes_over_a_game_without_files(cli, tiny_export, tmp_path):
    """As `zoo build` leaves one whose run failed."""
    folder = trained_folder(tmp_path, tiny_export)
    (folder / "breakout").mkdir()
    rows = json.loads(cli("zoo", "check", "--in", folder, "--json").out)
    assert {row["game"] for row in rows} == {"pong"}
    outcome = cli("zoo", "check", "breakout", "--in", folder)
    assert outcome.code == 2
    assert outcome.err == f"error: No trained breakout student in {folder}. Accepted: pong.\n"


def test_check_names_a_whole_game_of_the_list_that_is_missing(cli, tiny_export, tmp_path):
    folder = trained_folder(tmp_path, tiny_export)
    (folder / "breakout").mkdir()
    (folder / "breakout" / "pico.onnx").write_bytes(tiny_export.path.read_bytes())
    (folder / "SHA256SUMS").write_text(checksums(folder))
    (folder / "breakout" / "pico.onnx").unlink()
    rows = json.loads(cli("zoo", "check", "--in", folder, "--json").out)
    problems = {row["game"]: row["problem"] for row in rows if row["student"] == "pico"}
    assert problems == {"breakout": "is missing, and stands in SHA256SUMS", "pong": None}
    assert cli("zoo", "check", "pong", "--student", "pico", "--in", folder).code == 0


def test_all_shipped_students_play_as_their_cards_say(cli):
    rows = json.loads(cli("zoo", "check", "--episodes", 1, "--json").out)
    assert len(rows) == sum(map(len, shipped_games().values()))
    assert all(row["agrees"] for row in rows)
