"""The scripts in examples/, as a stranger runs them, on games of a few seconds."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"
NEEDS = {"gymnasium_loop": ["cv2"], "make_vec": [], "evaluate_policy": ["stable_baselines3", "cv2"]}


@pytest.mark.parametrize("name", NEEDS)
def test_an_example_plays(name):
    for module in NEEDS[name]:
        pytest.importorskip(module, reason=f"{module} is missing: pip install 'edgedistill[train,dev]'")
    command = [sys.executable, EXAMPLES / f"{name}.py", "--episodes", "3", "--max-frames", "400"]
    outcome = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert outcome.returncode == 0, outcome.stderr
    returns = ast.literal_eval(outcome.stdout.splitlines()[-1])
    assert len(returns) == 3
    assert all(-21 <= score <= 21 for score in returns)


def test_what_the_comparison_runs_is_there():
    pytest.importorskip(
        "stable_baselines3", reason="stable_baselines3 is missing: pip install 'edgedistill[train,dev]'"
    )
    outcome = subprocess.run(
        [sys.executable, EXAMPLES / "environments.py", "--help"], capture_output=True, text=True, timeout=120
    )
    assert outcome.returncode == 0, outcome.stderr


def test_all_examples_are_tested():
    assert {path.stem for path in EXAMPLES.glob("*.py")} == {*NEEDS, "environments"}
