"""A full disk and a signal while files are written, as whole processes."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edgedistill.children import python_command
from edgedistill.runs.folder import RunFolder

# No file may grow, as if the disk were full; pipes may.
FULL_DISK = (
    "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)); from edgedistill.cli import main; main()"
)
PROGRAM = Path(sys.executable).with_name("edgedistill")


def on_a_full_disk(*arguments):
    command = python_command("-c", FULL_DISK, *map(str, arguments))
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture
def run(tiny_run, tmp_path):
    return RunFolder.open(shutil.copytree(tiny_run.path, tmp_path / "run"))


def files(folder):
    return {file: file.read_bytes() for file in folder.rglob("*") if file.is_file() and file.name != "run.lock"}


def test_resuming_says_what_could_not_be_written_and_that_the_run_is_whole(run):
    before = files(run.path)
    finished = on_a_full_disk("train", "--resume", run.path, "--steps", 1024)
    assert finished.returncode == 1
    assert "Traceback" not in finished.stderr
    assert "config.json: cannot be written (File too large). The run is whole up to its last" in finished.stderr
    assert files(run.path) == before


def test_an_evaluation_gives_its_scores_all_the_same(run):
    before = files(run.path)
    options = ("--student", "pico", "--episodes", 1, "--epsilon", 0.07, "--json")
    finished = on_a_full_disk("evaluate", run.path, *options)
    assert finished.returncode == 0, finished.stderr
    assert len(json.loads(finished.stdout)["results"]) == 3
    assert "evaluations.jsonl: cannot be written (File too large). The scores stand" in finished.stderr
    assert files(run.path) == before


@pytest.mark.parametrize(
    "what",
    [("export", "pong", "--target", "cortex-m4", "-o"), ("play", "pong", "--headless", "--max-steps", "20", "--gif")],
)
def test_what_is_made_anew_is_not_left_in_half(tmp_path, what):
    finished = on_a_full_disk(*what, tmp_path / "made.gif")
    assert finished.returncode in (1, 2)
    assert "Traceback" not in finished.stderr
    assert "cannot be written (File too large)" in finished.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has it")
def test_a_full_disk_behind_stdout():
    for command in (["zoo"], ["zoo", "--json"], ["games"]):
        with Path("/dev/full").open("w") as full:
            finished = subprocess.run([PROGRAM, *command], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        assert (finished.returncode, finished.stderr) == (1, "error: the output: No space left on device.\n")


def test_sigterm_while_exporting_leaves_no_temporary_folder(run, tmp_path):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    command = [PROGRAM, "export", run.path, "--student", "pico", "--target", "x86-64", "-o", tmp_path / "board"]
    process = subprocess.Popen(command, env=os.environ | {"TMPDIR": str(scratch)}, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 120
    while not list(scratch.iterdir()):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 143
    assert list(scratch.iterdir()) == []
    assert not list(tmp_path.glob("board*"))
