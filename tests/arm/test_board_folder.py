"""The folder of `edgedistill export --target`, installed and played on an emulated board without a network."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from edgedistill.exporter.board_folder import write_board_folder
from edgedistill.exporter.targets import find_target
from edgedistill.runtime.shipped import shipped_student
from tests import golden

HERE = Path(__file__).parent


@pytest.fixture
def home(tmp_path):
    """The board's home folder, with an exported folder in it."""
    build = subprocess.run([HERE / "build", sys.executable], capture_output=True, text=True, check=False)
    if build.returncode:
        pytest.exit(build.stderr, returncode=1)
    # The board's Python is 3.11; wheels for the others would only be downloaded.
    target = replace(find_target("raspberry-pi-zero-2w"), pythons=("3.11",))
    student = shipped_student("pong", golden.STUDENT).read_bytes()
    write_board_folder(student, "pong", tmp_path / "pong-pi", target, with_wheels=True)
    return tmp_path


def on_board(home, *command):
    """Run a command on a Raspberry Pi Zero 2 W's processor."""
    return subprocess.run(
        [HERE / "run", "cortex-a53", *command],
        env=os.environ | {"BOARD_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=1_800,
        check=False,
    )


def test_a_folder_installs_offline_and_plays_the_recorded_game(home):
    installed = on_board(home, "sh", "pong-pi/install.sh")
    assert installed.returncode == 0, installed.stderr
    assert "without the network" in installed.stdout
    assert (home / "pong-pi" / "edgedistill.service").exists()
    program = "pong-pi/venv/bin/edgedistill"
    assert on_board(home, program, "doctor").returncode == 0
    played = on_board(home, program, "play", "pong-pi/pong.onnx", *golden.play_options())
    assert played.returncode == 0, played.stderr
    assert golden.recorded()["play"]["actions_sha256"] in played.stdout
