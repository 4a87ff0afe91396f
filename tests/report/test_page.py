import html
import io
import os
import re
import shutil
from base64 import b64decode
from dataclasses import asdict, replace

import onnx
import pytest
import torch
from PIL import Image

from edgedistill.atari.protocol import Protocol
from edgedistill.report import watching
from edgedistill.report.page import page
from edgedistill.runs.ensemble import Member
from edgedistill.runs.folder import RunFolder
from edgedistill.runtime.packed_card import QUANTISATIONS


def page_of(runs):
    """Without games, which take some seconds each."""
    return page(runs, games=False)


def text_of(content: bytes) -> str:
    """The words of a page, without its style and its marks."""
    body = re.sub(r"(?s)<style>.*?</style>", "", content.decode())
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body)))


def rows(content: bytes) -> dict[str, list[str]]:
    """The cells of all table rows by their first one."""
    found = {}
    for row in re.findall(r"(?s)<tr>(.*?)</tr>", content.decode()):
        first, *rest = (html.unescape(re.sub("<[^>]+>", "", cell)) for cell in re.findall(r"<t[hd].*?</t[hd]>", row))
        found.setdefault(first, rest)
    return found


def test_settings_that_differ_come_first(tiny_run):
    content = page_of([tiny_run.path])
    changed, others = content.decode().split("<details>")
    assert "<code>--envs<" in changed and "<code>--envs<" not in others
    assert "<code>--gamma<" in others and "<code>--gamma<" not in changed
    assert rows(content)["--envs"] == ["4", "32", "Parallel games."]


def test_scores_are_those_of_the_exported_file_beside_the_run(tiny_run, tiny_export, tmp_path):
    run = shutil.copytree(tiny_run.path, tmp_path / "run")
    assert rows(page_of([run]))["pico"][-1] == "validation"
    shutil.copy(tiny_export.path, tmp_path / "my.onnx")
    card = tiny_export.card
    found = rows(page_of([run]))["pico"]
    assert found[3] == f"{tiny_export.bytes / 1000:.1f} KB"
    assert found[4] == f"{card.score('student', 0.01).mean:,.1f}"  # of one game, so without an interval
    assert found[8:] == [f"{card.agreement:.1%}", "card"]
    # A run with other settings took another time.
    other = RunFolder.open(shutil.copytree(run, tmp_path / "other"))
    lines = (other.path / "metrics.jsonl").read_text()
    (other.path / "metrics.jsonl").write_text(re.sub(r'"seconds": ', '"seconds": 9', lines))
    assert rows(page_of([other.path]))["pico"][-1] == "validation"
    # Not with the teacher: that agreement stands where they play.
    assert rows(page_of([run]))["player"][8:] == ["as trained", "from"]


def exported_as(export, file, episodes, newer=0, **fields):
    """The same weights under a card that tells of so many games, with other fields."""
    scores = {
        player: tuple(replace(score, episodes=episodes, returns=()) for score in listed)
        for player, listed in export.card.scores.items()
    }
    model = onnx.load(export.path)
    onnx.helper.set_model_props(model, replace(export.card, scores=scores, **fields).to_metadata())
    file.write_bytes(model.SerializeToString())
    os.utime(file, (newer, newer))


def test_of_several_files_of_a_student_one_counts(tiny_run, tiny_export, tmp_path):
    """Whatever the alphabet says: int8 before float32, then more games, then the newest."""
    run = shutil.copytree(tiny_run.path, tmp_path / "run")
    exported_as(tiny_export, tmp_path / "a-float.onnx", 100, newer=9, quantisation=QUANTISATIONS["float32"])
    exported_as(tiny_export, tmp_path / "d.onnx", 10, newer=4, agreement=0.1)
    shown = []
    for name, episodes, newer, agreement in (("c.onnx", 30, 1, 0.2), ("b.onnx", 30, 2, 0.3), ("e.onnx", 30, 3, 0.4)):
        exported_as(tiny_export, tmp_path / name, episodes, newer=newer, agreement=agreement)
        shown.append(rows(page_of([run]))["pico"][5:9:3])
    assert shown == [["30, ε 0.01", "20.0%"], ["30, ε 0.01", "30.0%"], ["30, ε 0.01", "40.0%"]]
    for file in "bcde":
        (tmp_path / f"{file}.onnx").unlink()
    assert rows(page_of([run]))["pico"][5] == "100, ε 0.01"


def test_another_runs_file_does_not_count(evaluated_run, tiny_export, tmp_path):
    run = evaluated_run("run", game="pong", teacher=[5.0], pico=[4.0])
    shutil.copy(tiny_export.path, tmp_path / "run" / "pico.onnx")
    assert rows(page_of([run]))["pico"][3] == "–"


def test_scores_of_evaluate_count_at_the_last_step(evaluated_run):
    run = evaluated_run("run", teacher=[5.0, 11.7], micro=[4.0, 6.0])
    RunFolder.open(run).save_best_teacher({"weight": torch.zeros(1)}, {"step": 2000, "mean": 11.7})
    for network, step, returns in (
        ("best_teacher", 2000, [21.7, 21.7]),
        ("micro", 1000, [1.0, 1.0]),
        ("micro", 2000, [11.7, 11.7]),
    ):
        record = {"network": network, "step": step, "protocol": asdict(Protocol(episodes=2)), "returns": returns}
        RunFolder.open(run).log_evaluation(record)
        sticky = {"protocol": asdict(Protocol(episodes=2, sticky=0.25)), "returns": [20.0, 20.0]}
        RunFolder.open(run).log_evaluation(record | sticky)
    found = rows(page_of([run]))["micro"]
    assert found[4:8] == ["11.7 [11.7, 11.7]", "2, ε 0.01", "0.35", "50.0% [50, 50]"]


def test_scores_of_evaluate_count_where_the_best_teacher_stays_to_the_end(tiny_run, tmp_path):
    """Its mean is logged again at each evaluation after it; the teacher then on the disk is of an earlier step."""
    run = RunFolder.open(shutil.copytree(tiny_run.path, tmp_path / "run"))
    (run.path / "evaluations.jsonl").unlink(missing_ok=True)
    last = run.metrics().evaluations[-1]
    run.save_best_teacher(run.load_best_teacher()[0], {"step": last.step - 64, "mean": last.scores["teacher"]})
    protocol = asdict(Protocol(episodes=2))
    for network, step in (("best_teacher", last.step - 64), ("pico", last.step)):
        run.log_evaluation({"network": network, "step": step, "protocol": protocol, "returns": [21.0, 21.0]})
    assert rows(page_of([run.path]))["pico"][5] == "2, ε 0.01"


def test_scores_of_evaluate_count_for_a_run_that_was_stopped_after_its_last_validation_games(tiny_run, tmp_path):
    run = RunFolder.open(shutil.copytree(tiny_run.path, tmp_path / "run"))
    (run.path / "evaluations.jsonl").unlink(missing_ok=True)
    newest = run.path / "checkpoints" / "step-000000512.safetensors"
    newest.rename(newest.with_name("step-000000576.safetensors"))
    for network, step in (("best_teacher", 512), ("pico", 576)):
        record = {"network": network, "step": step, "protocol": asdict(Protocol(episodes=2)), "returns": [21.0, 21.0]}
        run.log_evaluation(record)
    assert rows(page_of([run.path]))["pico"][5] == "2, ε 0.01"


def test_a_damaged_best_teacher_costs_its_evaluation_alone(tiny_run, tmp_path):
    run = RunFolder.open(shutil.copytree(tiny_run.path, tmp_path / "run"))
    (run.path / "best_teacher.safetensors").write_bytes(b"cut")
    for network in ("best_teacher", "pico"):
        record = {"network": network, "step": 512, "protocol": asdict(Protocol(episodes=2)), "returns": [21.0, 21.0]}
        run.log_evaluation(record)
    said = []
    found = rows(page([run.path], games=False, warn=said.append))
    assert found["pico"][-1] == "validation"
    (warning,) = said
    assert "best_teacher.safetensors: not a readable checkpoint" in warning


def test_a_folder_whose_name_is_no_utf_8_has_a_page_and_a_table(evaluated_run, cli, tmp_path):
    run = evaluated_run(os.fsdecode(b"r\xe9n"), teacher=[5.0], micro=[4.0])
    assert cli("report", run, "-o", "r.html", "--no-games").code == 0
    assert "r?n" in (tmp_path / "r.html").read_text("utf-8")
    assert cli("compare", run, "--csv", "r.csv").code == 0
    assert b",r\xe9n," in (tmp_path / "r.csv").read_bytes()


def test_a_run_beside_several_teachers_has_a_page(evaluated_run):
    members = tuple(Member(f"pong:{name}", "student", name, 1.0) for name in ("micro", "nano"))
    runs = [
        evaluated_run(name, teacher=[9.0], micro=[3.0], teacher_from="a + b", ensemble=ensemble)
        for name, ensemble in (("both", members), ("one", members[:1]))
    ]
    assert "ensemble=pong:micro+pong:nano" in text_of(page_of(runs))


def test_several_runs_stand_beside_each_other(evaluated_run):
    runs = [evaluated_run(f"{gamma}", gamma=gamma, teacher=[9.0] * 2, micro=[3.0, 9 * gamma]) for gamma in (0.5, 0.9)]
    words = text_of(page_of(runs))
    assert "Side by side" in words and "gamma=0.5: retention, breakout, 1 seed" in words
    assert len(re.findall("Settings that differ", words)) == 2


def test_runs_of_several_games(evaluated_run):
    runs = [evaluated_run(game, game=game, teacher=[15.0], micro=[12.0]) for game in ("breakout", "pong")]
    assert "interquartile mean over 2 games" in text_of(page_of(runs))


def test_a_runs_texts_are_no_marks(evaluated_run):
    run = evaluated_run("<b>run", teacher=[5.0], micro=[4.0], teacher_from="<script>alert(1)</script>")
    content = page_of([run, evaluated_run("$x$<i>", teacher=[5.0], micro=[4.0], gamma=0.5)]).decode()
    assert "<b>run" not in content and "<script" not in content and "<i>" not in content


def test_nothing_is_fetched(evaluated_run):
    content = page_of([evaluated_run("run", teacher=[5.0], micro=[4.0])]).decode()
    assert re.findall(r"""(?:src|href)\s*=\s*["'](?!data:|#)""", content) == []
    assert "url(http" not in content


def test_players_are_shown_at_play(tiny_run, monkeypatch):
    monkeypatch.setattr(watching, "MOST_DECISIONS", 300)
    content = page([tiny_run.path])
    assert len(content) < 1_000_000
    pictures = [b64decode(each) for each in re.findall(r'src="data:image/webp;base64,([^"]+)"', content.decode())]
    lengths = [Image.open(io.BytesIO(picture)).n_frames for picture in pictures]
    assert lengths[:3] == [150] * 3 or min(lengths[:3]) > 50  # equal screens in a row are one frame
    assert lengths[3:] and set(lengths[3:]) == {1}
    words = text_of(content)
    assert len(re.findall(r"agreement \d+\.\d%", words)) == 2
    assert re.search(r"Where (micro|pico) and its teacher differ most teacher noop", words)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "A teacher's are discounted returns of clipped rewards, a student's are logits: their shapes"),
        ({"loss": "mse"}, "its largest. All are discounted returns of clipped rewards."),
        ({"teacher_from": "a", "teacher_emits_q": False}, "A teacher's are logits, a student's are logits: "),
        (
            {"teacher_from": "a", "teacher_emits_q": False, "loss": "self-q"},
            "A teacher's are logits, a student's are discounted returns of clipped rewards: ",
        ),
    ],
)
def test_the_bars_are_called_what_they_are(evaluated_run, monkeypatch, settings, said):
    monkeypatch.setitem(page.__globals__, "watch", lambda *_: [])
    assert said in text_of(page([evaluated_run("run", teacher=[5.0], micro=[4.0], **settings)]))


def test_a_page_is_never_large(tiny_run, monkeypatch):
    monkeypatch.setattr(watching, "MOST_DECISIONS", 20)
    monkeypatch.setitem(page.__globals__, "MOST_BYTES", 10_000)
    said = []
    assert "At play Left out." in text_of(page([tiny_run.path], warn=said.append))
    assert len(said) == 1 and "they are left out. Name fewer runs." in said[0]


def test_a_run_whose_teacher_is_lost_has_no_pictures(evaluated_run):
    words = text_of(page([evaluated_run("run", teacher=[5.0], micro=[4.0])]))
    assert "At play run has no checkpoint yet" in words


@pytest.mark.parametrize(
    ("damage", "code", "said"),
    [
        (lambda run: (run / "metrics.jsonl").unlink(), 2, "has no evaluation yet"),
        (lambda run: (run / "config.json").write_text("{"), 2, "not a run's config"),
        (lambda run: shutil.rmtree(run), 2, "No run at run"),
    ],
)
def test_a_run_that_cannot_be_told_of(evaluated_run, cli, damage, code, said):
    damage(evaluated_run("run", teacher=[5.0], micro=[4.0]))
    outcome = cli("report", "run", "-o", "r.html", "--no-games")
    assert outcome.code == code and said in outcome.err
    assert outcome.err.count("\n") == 1


def test_a_path_that_cannot_be_written(evaluated_run, cli, tmp_path):
    run = evaluated_run("run", teacher=[5.0], micro=[4.0])
    outcome = cli("report", run, "-o", "missing/r.html")
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert "missing/r.html: cannot be written" in outcome.err


def test_the_command_says_what_it_wrote(evaluated_run, cli, tmp_path):
    run = evaluated_run("run", teacher=[5.0], micro=[4.0])
    outcome = cli("report", run, "-o", "r.html", "--no-games")
    assert outcome.code == 0 and "wrote r.html" in outcome.out
    assert (tmp_path / "r.html").read_bytes().startswith(b"<!doctype html>")
