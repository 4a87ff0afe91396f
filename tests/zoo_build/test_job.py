import os
import shutil
import subprocess
from dataclasses import replace

import pytest
from PIL import Image

from edgedistill.children import python_command
from edgedistill.errors import BadRequest, EdgeDistillError
from edgedistill.runs.folder import RunFolder
from edgedistill.runs.metrics import EvaluationRecord, ProgressRecord
from edgedistill.runtime.policy import Policy
from edgedistill.zoo_build.index import index_page
from edgedistill.zoo_build.job import STOPPED, run_job
from edgedistill.zoo_build.layout import GameFolder
from edgedistill.zoo_build.plan import Plan
from edgedistill.zoo_build.progress import read_progress, to_markdown


def state(folder, plan, **rest):
    return [line.state for line in read_progress(folder, plan, **rest)]


def test_a_stopped_game_leaves_a_checkpoint_and_its_state_is_read_from_the_folder(planned):
    folder, plan = planned(games=("pong",))
    assert state(folder, plan) == ["waiting"]
    assert state(folder, plan, running=["pong"]) == ["starting"]
    # Stopped at once, after one rollout of 64 steps.
    assert not run_job(folder, "pong", 1, should_stop=lambda: True)
    assert RunFolder(GameFolder(folder, "pong").run).load_checkpoint()[1]["step"] == 64
    assert state(folder, plan) == ["stopped"]
    assert state(folder, plan, running=["pong"]) == ["training"]
    assert state(folder, plan, failed={"pong": "why"}) == ["failed"]
    lines = to_markdown(read_progress(folder, plan, failed={"pong": "why"}), {"pong": "why"})
    assert "| pong | failed | 64 of 512 |" in lines
    assert "- pong: why" in lines


def test_the_time_left_is_that_of_the_steps_left_at_the_pace_of_late(planned):
    # At the last step logged the finish has begun; all steps left take as long.
    folder, plan = planned(games=("pong",), steps=2_750)
    run = RunFolder(GameFolder(folder, "pong").run)
    run.path.mkdir(parents=True)

    def minutes_left():
        (line,) = read_progress(folder, plan, running=["pong"])
        return line.minutes_left

    run.log(ProgressRecord(500, seconds=1_000.0))
    assert minutes_left() is None
    # Two hundred reports of 10 steps and 60 s: the slow start is forgotten by then.
    for number in range(1, 201):
        run.log(ProgressRecord(500 + 10 * number, seconds=1_000.0 + 60 * number))
    assert minutes_left() == 25
    assert "| pong | training | 2,500 of 2,750 | 216.7 | 25 min |" in to_markdown(
        read_progress(folder, plan, running=["pong"]), {}
    )
    assert read_progress(folder, plan)[0].minutes_left is None


def test_the_pace_of_a_finish_is_its_own(planned):
    folder, plan = planned(games=("pong",), steps=1_000)
    run = RunFolder(GameFolder(folder, "pong").run)
    run.path.mkdir(parents=True)
    for step in range(0, 1_001, 50):
        run.log(ProgressRecord(step, seconds=6.0 * step if step <= 900 else 5_400 + 30.0 * (step - 900)))
        if step >= 900:
            (line,) = read_progress(folder, plan, running=["pong"])
            # The first report of the finish knows no pace yet.
            assert line.minutes_left == {900: None, 950: 25, 1_000: 0}[step]


def test_a_trained_game_is_exported_recorded_and_drawn(tiny_run, planned, monkeypatch):
    monkeypatch.setattr("edgedistill.zoo_build.job.GIF_DECISIONS", 600)
    folder, plan = planned(games=("pong",))
    place = GameFolder(folder, "pong")
    # The run knows the scores of its float networks from the fixture's export, which saves their games here.
    shutil.copytree(tiny_run.path, place.run)
    place.student("pico").unlink()
    assert state(folder, plan, running=["pong"]) == ["exporting 0 of 1"]
    assert run_job(folder, "pong", 1)
    card = Policy.load(place.student("pico")).card
    assert (card.trained_steps, card.score("student", 0.01).episodes, len(card.replayable)) == (512, 1, 1)
    assert not any(score.returns for scores in card.scores.values() for score in scores)
    with Image.open(place.gif) as gif:
        assert gif.n_frames > 100
    assert place.curve.read_bytes().startswith(b"\x89PNG")
    assert b"Pong: micro, pico" in place.report.read_bytes()
    assert state(folder, plan) == ["done"]


def test_a_run_that_was_asked_for_more_steps_is_trained_once_it_has_them(planned):
    folder, plan = planned(games=("pong",), steps=500)
    GameFolder(folder, "pong").student("pico").unlink()
    run = RunFolder.create(GameFolder(folder, "pong").run, replace(plan.run_config("pong"), steps=1024))
    run.log(EvaluationRecord(512, 1.0, 1.0, {"teacher": 1.0, "pico": 1.0}))
    assert state(folder, plan, running=["pong"]) == ["training"]
    lines = read_progress(folder, plan)
    assert "512 of 1,024 agent steps" in index_page(folder, lines, {}).decode()
    assert "512 of 1,024" in to_markdown(lines, {})
    run.log(EvaluationRecord(1024, 2.0, 2.0, {"teacher": 1.0, "pico": 1.0}))
    assert state(folder, plan, running=["pong"]) == ["exporting 0 of 1"]


def test_more_steps_or_games_on_the_card_make_an_export_stale(planned):
    folder, plan = planned(games=("pong",))
    place = GameFolder(folder, "pong")
    run = place.run
    run.mkdir(parents=True)
    RunFolder(run).log(EvaluationRecord(512, 1.0, 1.0, {"teacher": 1.0, "pico": 1.0}))
    assert place.is_exported(plan, "pico")
    assert not place.is_exported(Plan(("pong",), ("pico",), steps=512, episodes=2), "pico")
    RunFolder(run).log(EvaluationRecord(576, 2.0, 2.0, {"teacher": 1.0, "pico": 1.0}))
    assert not place.is_exported(plan, "pico")
    place.student("pico").write_bytes(b"damaged")
    assert not place.is_exported(plan, "pico")


def test_a_log_is_the_same_in_every_locale(tmp_path):
    """In C's, Python writes ASCII where nobody says what else."""
    place = GameFolder(tmp_path, "pong")
    place.run.mkdir(parents=True)
    program = (
        "import sys, pathlib; from edgedistill.zoo_build import job, layout; "
        "job.say(layout.GameFolder(pathlib.Path(sys.argv[1]), 'pong'), 'playing at \\u03b5 0.01')"
    )
    ascii_alone = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    subprocess.run(python_command("-c", program, str(tmp_path)), env=os.environ | ascii_alone, check=True, timeout=120)
    assert place.log.read_text(encoding="utf-8").endswith(" playing at ε 0.01\n")


def test_a_job_whose_build_is_gone_stops(planned):
    folder, plan = planned(games=("pong",))
    job = python_command("-m", "edgedistill.zoo_build.job", str(folder), "pong", "--parent", "1")
    assert subprocess.run(job, timeout=120, check=False).returncode == STOPPED
    assert state(folder, plan) == ["stopped"]


def test_a_damaged_run_is_told_of_by_its_own_job(planned):
    folder, plan = planned(games=("pong",))
    run = GameFolder(folder, "pong").run
    run.mkdir(parents=True)
    (run / "config.json").write_text("[]")
    assert state(folder, plan) == ["waiting"]
    with pytest.raises(BadRequest, match=r"config\.json: not a run's config"):
        run_job(folder, "pong", 1)


def test_two_processes_never_work_at_one_game(planned):
    fcntl = pytest.importorskip("fcntl")
    folder, _ = planned(games=("pong",))
    place = GameFolder(folder, "pong")
    place.run.mkdir(parents=True)
    with place.lock.open("w") as lock:
        lock.write("1234")
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(EdgeDistillError, match="Process 1234 works at pong already"):
            run_job(folder, "pong", 1)


def test_a_folder_without_a_plan_is_refused(tmp_path):
    with pytest.raises(BadRequest, match="has no plan"):
        run_job(tmp_path, "pong", 1)
