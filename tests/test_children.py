"""What runs in a child with limits cannot break the process that asked for it."""

import os
import signal
import sys
import threading
from pathlib import Path

import pytest

from edgedistill import children
from edgedistill.children import rehearse
from edgedistill.errors import BadRequest
from edgedistill.runtime.policy import Policy
from edgedistill.runtime.shipped import shipped_games, shipped_student

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has these limits")


def test_one_function_alone_names_the_interpreter():
    """It leaves the current folder out; what starts a Python some other way would not."""
    package = Path(children.__file__).parent
    naming = [path.name for path in package.rglob("*.py") if "sys.executable" in path.read_text(encoding="utf-8")]
    assert naming == ["children.py"]
    assert children.python_command("-c", "pass")[1] == "-P"


def test_what_is_done_there_leaves_nothing_here(capfd):
    seen = []
    rehearse(lambda: (seen.append(1), os.write(1, b"printed"), os.write(2, b"printed")), "x.onnx")
    assert seen == []
    assert capfd.readouterr() == ("", "")


def spin():
    while True:
        pass


BREAKING = {
    "time": spin,
    "memory": lambda: bytearray(3 * 10**9),
    "signal": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "silence": lambda: os._exit(0),
    "error": lambda: 1 / 0,
}


@pytest.mark.parametrize("work", BREAKING.values(), ids=BREAKING)
def test_what_breaks_the_child_is_refused(monkeypatch, work):
    monkeypatch.setattr(children, "CPU_SECONDS", 1)
    with pytest.raises(BadRequest, match=r"^x\.onnx: it cannot be loaded in 1 s and 1 GB of memory"):
        rehearse(work, "x.onnx")


def test_a_child_that_waits_says_nothing_against_a_file(monkeypatch):
    monkeypatch.setattr(children, "WALL_SECONDS", 0.5)
    rehearse(lambda: threading.Event().wait(), "x.onnx")


def test_what_it_says_against_a_file_is_said_here():
    def refuse():
        raise BadRequest("x.onnx: not a student.")

    with pytest.raises(BadRequest, match="not a student"):
        rehearse(refuse, "x.onnx")


def test_a_student_is_loaded_there_first(monkeypatch):
    monkeypatch.setattr(Policy, "_try_out", lambda policy: os.kill(os.getpid(), signal.SIGKILL))
    with pytest.raises(BadRequest, match=r"pico\.onnx: it cannot be loaded"):
        Policy.load(shipped_student("pong", "pico"))


@pytest.mark.parametrize(
    ("verb", "options"), [("play", ()), ("evaluate", ()), ("bench", ()), ("export", ("--target", "x86-64", "-o", "x"))]
)
def test_every_verb_that_takes_a_file_survives_it(cli, monkeypatch, verb, options):
    monkeypatch.setattr(Policy, "_try_out", lambda policy: os.kill(os.getpid(), signal.SIGKILL))
    outcome = cli(verb, shipped_student("pong", "pico"), *options)
    assert outcome.code == 2
    assert "it cannot be loaded" in outcome.err


def test_a_check_survives_it_and_goes_on(cli, monkeypatch):
    monkeypatch.setattr(Policy, "_try_out", lambda policy: os.kill(os.getpid(), signal.SIGKILL))
    outcome = cli("zoo", "check", "pong")
    assert outcome.code == 1
    assert outcome.out.count("it cannot be loaded") == len(shipped_games()["pong"])


def test_beside_other_threads_nothing_is_copied():
    done = threading.Event()
    other = threading.Thread(target=done.wait)
    other.start()
    try:
        rehearse(lambda: os._exit(1), "x.onnx")
    finally:
        done.set()
        other.join()
