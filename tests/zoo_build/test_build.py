"""`edgedistill zoo build` as a whole process, with processes of its own."""

import re
import signal
import subprocess
import sys
import time

from edgedistill.runs.folder import RunFolder
from edgedistill.zoo_build.job import run_job
from edgedistill.zoo_build.layout import GameFolder
from edgedistill.zoo_build.progress import read_progress
from tests.hostile import PlantedFolder

BUILD = [sys.executable, "-c", "from edgedistill.cli import main; main()", "zoo", "build", "--out"]


def start(folder, *options):
    command = [*BUILD, str(folder), *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for(condition, process, seconds=600):
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_build_is_stopped_and_goes_on_and_one_failure_does_not_stop_the_rest(planned):
    folder, plan = planned(steps=1024)
    pong = GameFolder(folder, "pong")
    # The other game fails: its run cannot be made where a file is in the way of its checkpoints.
    other = GameFolder(folder, "space_invaders")
    other.run.mkdir(parents=True)
    (other.run / "checkpoints").touch()

    process = start(folder, "--jobs", "2")
    wait_for(lambda: pong.training().step >= 128, process)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=600)
    assert process.returncode == 143, err
    assert f"edgedistill zoo build --out {folder}" in err
    stopped_at = pong.training().step
    assert 128 <= stopped_at < 1024
    assert "| pong | stopped |" in (folder / "progress.md").read_text()

    second = start(folder, "--jobs", "2")
    out, err = second.communicate(timeout=600)
    assert second.returncode == 1
    assert f"resumed at step {stopped_at:,}" in pong.log.read_text()
    assert "1 of 2 games failed" in err
    assert "space_invaders" in err
    assert "pong: done" in out
    assert [line.state for line in read_progress(folder, plan)] == ["done", "waiting"]
    progress = (folder / "progress.md").read_text()
    assert "1 of 2 games done" in progress
    assert "| space_invaders | failed |" in progress
    index = (folder / "index.html").read_text()
    assert "1 of 2 games done" in index and "<b>" in index
    linked = re.findall('(?:href|src)="(.+?)"', index)
    assert linked == ["reports/pong.html", "trained/pong/play.gif"]
    assert all((folder / each).is_file() for each in linked)

    steps = [record.step for record in RunFolder(pong.run).metrics().progress]
    assert steps == list(range(64, 1025, 64))
    assert pong.gif.exists()
    files = {file: file.stat().st_mtime_ns for file in pong.trained.iterdir()}
    assert run_job(folder, "pong", 1)
    assert {file: file.stat().st_mtime_ns for file in pong.trained.iterdir()} == files


def test_nothing_of_the_current_folder_is_run(planned, tmp_path):
    folder, _ = planned(games=("pong",), steps=64)
    strangers = PlantedFolder(tmp_path / "downloads")
    finished = strangers.edgedistill("zoo", "build", "--out", folder)
    assert strangers.ran == ""
    assert finished.returncode == 0, finished.stderr
