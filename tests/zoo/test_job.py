import json

import pytest
from PIL import Image

from edgedistill.errors import BadRequest, EdgeDistillError
from edgedistill.runs.folder import RunFolder
from edgedistill.runtime.policy import Policy
from edgedistill.zoo.job import run_job
from edgedistill.zoo.layout import GameFolder
from edgedistill.zoo.plan import Plan
from edgedistill.zoo.progress import read_progress, to_markdown


def state(folder, plan, **rest):
    return [line.state for line in read_progress(folder, plan, **rest)]


def test_a_game_is_stopped_resumed_exported_and_pictured(planned):
    folder, plan = planned(games=("pong",))
    place = GameFolder(folder, "pong")
    assert state(folder, plan) == ["waiting"]

    # Stopped at once, after one rollout of 64 steps.
    assert not run_job(folder, "pong", 1, should_stop=lambda: True)
    assert place.training().step == 64
    assert state(folder, plan) == ["stopped"]
    assert state(folder, plan, running=["pong"]) == ["training"]
    assert state(folder, plan, failed={"pong": "why"}) == ["failed"]

    place.student("pico").unlink()
    (place.trained / "pico.md").unlink()
    assert run_job(folder, "pong", 1)
    assert "resumed at step 64" in place.log.read_text()
    steps = [record["step"] for record in RunFolder(place.run).metrics() if record["kind"] == "progress"]
    assert steps == list(range(64, 513, 64))
    card = Policy.load(place.student("pico")).card
    assert (card.trained_steps, card.score("student", 0.01).episodes, len(card.first_returns)) == (512, 1, 1)
    with Image.open(place.gif) as gif:
        assert gif.n_frames > 100
    assert place.curve.read_bytes().startswith(b"\x89PNG")
    assert state(folder, plan) == ["done"]
    assert "| pong | done | 512 of 512 |" in to_markdown(plan, read_progress(folder, plan), {})

    files = {file: file.stat().st_mtime_ns for file in place.trained.iterdir()}
    assert run_job(folder, "pong", 1)
    assert {file: file.stat().st_mtime_ns for file in place.trained.iterdir()} == files


def test_more_steps_or_games_on_the_card_make_an_export_stale(planned):
    folder, plan = planned(games=("pong",))
    place = GameFolder(folder, "pong")
    run = place.run
    run.mkdir(parents=True)
    line = {"kind": "evaluation", "step": 512, "seconds": 1.0, "scores": {"teacher": 1.0, "pico": 1.0}}
    (run / "metrics.jsonl").write_text(json.dumps(line) + "\n")
    assert place.is_exported(plan, "pico")
    assert not place.is_exported(Plan(("pong",), ("pico",), steps=512, episodes=2), "pico")
    (run / "metrics.jsonl").write_text(json.dumps({**line, "step": 576}) + "\n")
    assert not place.is_exported(plan, "pico")
    place.student("pico").write_bytes(b"damaged")
    assert not place.is_exported(plan, "pico")


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
