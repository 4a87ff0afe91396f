"""The board's install: a fresh venv with the wheel and its base dependencies, without torch, onnx or gymnasium."""

import json
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from edgedistill.runtime.shipped import shipped_student

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    """Runs a command of the fresh venv outside the repository."""
    home = tmp_path_factory.mktemp("board")
    venv.create(home / "venv", with_pip=True)
    python = home / "venv" / "bin" / "python"
    constraints = ROOT / "constraints.txt"
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-c", constraints, ROOT]
    subprocess.run(pip, check=True, capture_output=True, timeout=600)

    def run(*command):
        program, *arguments = map(str, command)
        return subprocess.run(
            [home / "venv" / "bin" / program, *arguments], cwd=home, capture_output=True, text=True, timeout=300
        )

    return run


@pytest.mark.parametrize("module", ["torch", "onnx", "gymnasium", "safetensors", "cv2", "scipy", "matplotlib"])
def test_nothing_of_the_trainer_is_installed(board, module):
    assert board("python", "-c", f"import {module}").returncode != 0


def test_a_shipped_student_plays(board):
    outcome = board("edgedistill", "play", "pong", "--headless", "--episodes", 1, "--json")
    assert outcome.returncode == 0, outcome.stderr
    assert len(json.loads(outcome.stdout)["scores"]) == 1


def test_a_shipped_student_is_served(board):
    """The page is in the wheel, and a stop is a stop."""
    code = """
import subprocess, sys
serve = [sys.executable, "-c", "from edgedistill.cli import main; main(['serve', 'pong', '--port', '0'])"]
server = subprocess.Popen(serve, stdout=subprocess.PIPE, text=True)
print(server.stdout.readline(), end="")
server.terminate()
print(server.communicate()[0], end="")
sys.exit(server.returncode)
"""
    outcome = board("python", "-c", code)
    assert outcome.returncode == 143, outcome.stderr
    assert outcome.stdout.startswith("Watch it at http://127.0.0.1:") and "Played " in outcome.stdout


def test_a_shipped_student_is_evaluated(board):
    outcome = board("edgedistill", "evaluate", "pong", "--episodes", 1, "--epsilon", 0.01, "--json")
    assert outcome.returncode == 0, outcome.stderr


def test_a_shipped_student_is_checked_against_its_card(board):
    outcome = board("edgedistill", "zoo", "check", "pong", "--student", "nano", "--episodes", 1, "--json")
    assert outcome.returncode == 0, outcome.stderr
    assert [row["agrees"] for row in json.loads(outcome.stdout)] == [True]


def test_a_student_from_the_hub_plays(board, hub):
    hub.add("ada/pong", {"nano.onnx": shipped_student("pong", "nano").read_bytes()})
    outcome = board("edgedistill", "hub", "pull", "ada/pong", "--json")
    assert json.loads(outcome.stdout)["student"] == "nano", outcome.stderr
    outcome = board("edgedistill", "play", "hub:ada/pong", "--headless", "--max-steps", 20, "--json")
    assert json.loads(outcome.stdout)["steps"] == 20, outcome.stderr
    assert len(hub.paths(hub.storage)) == 1


def test_a_shipped_student_goes_on_to_another_board(board):
    outcome = board("edgedistill", "export", "pong", "--target", "raspberry-pi-4", "-o", "pong-pi", "--json")
    assert outcome.returncode == 0, outcome.stderr
    assert board("edgedistill", "play", "pong-pi/pong.onnx", "--headless", "--max-steps", 20).returncode == 0
    outcome = board("edgedistill", "export", "pong", "--target", "c", "-o", "pong-c")
    assert outcome.returncode == 1
    assert "needs onnx" in outcome.stderr
    assert "pip install 'edgedistill[train]'" in outcome.stderr


def test_the_catalogue_is_listed(board):
    outcome = board("edgedistill", "zoo", "--json")
    assert outcome.returncode == 0, outcome.stderr
    assert "pong" in {row["game"] for row in json.loads(outcome.stdout)["players"]}


def test_training_says_what_to_install(board):
    outcome = board("edgedistill", "train", "--steps", 1)
    assert outcome.returncode == 1
    assert "pip install 'edgedistill[train]'" in outcome.stderr


def test_a_student_is_used_from_python(board):
    code = """
import numpy as np
from edgedistill import Policy, evaluate, load_policy, play
policy = load_policy("pong", "nano")
print(isinstance(policy, Policy), policy.predict(np.zeros((2, 4, 84, 84), np.uint8))[0].shape)
print(len(list(play(policy, max_steps=5))), len(evaluate(policy, episodes=1).returns))
"""
    outcome = board("python", "-c", code)
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stdout.split("\n")[:2] == ["True (2,)", "5 1"]


@pytest.mark.parametrize("name", ["train", "export_student", "compare_runs"])
def test_what_trains_says_in_python_what_to_install(board, name):
    outcome = board("python", "-c", f"from edgedistill import {name}")
    assert outcome.returncode == 1
    assert f"ModuleNotFoundError: edgedistill.{name} needs " in outcome.stderr
    assert "pip install 'edgedistill[train]'" in outcome.stderr


def test_help_in_python_works_without_the_trainer(board):
    outcome = board("python", "-c", "import edgedistill; help(edgedistill)")
    assert outcome.returncode == 0, outcome.stderr
    assert "load_policy" in outcome.stdout


def test_it_runs_as_a_module(board):
    assert board("python", "-m", "edgedistill", "--version").stdout.startswith("edgedistill ")


def test_start_up_imports_nothing_heavy(board):
    code = "import sys, edgedistill.cli; print([m for m in sys.modules if m in ('torch', 'onnx', 'onnxruntime')])"
    assert board("python", "-c", code).stdout.strip() == "[]"


def test_importing_the_command_line_here_imports_nothing_heavy():
    code = "import sys, edgedistill.cli; print({'torch', 'scipy', 'matplotlib'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "set()"
