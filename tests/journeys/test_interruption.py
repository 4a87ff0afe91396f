"""A run that is stopped or killed from outside, as a whole process."""

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time

import pytest
import torch

from edgedistill.runs.folder import RunFolder
from edgedistill.signals import SAME_WISH

TRAIN = [
    *(sys.executable, "-c", "from edgedistill.cli import main; main()", "train", "--game", "pong", "--student", "pico"),
    *("--envs", "4", "--threads", "1", "--checkpoint-every", "512", "--evaluate-every", "1000000"),
    *("--evaluate-episodes", "1", "--memory-frames", "1000"),
]


def start(out, *options):
    return subprocess.Popen([*TRAIN, "--out", str(out), *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def wait_for(condition, process, seconds=120):
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()[1].decode()
        assert time.monotonic() < deadline
        time.sleep(0.05)


def last_step(run):
    return RunFolder(run).metrics().step


def learnt(run):
    """All tensors of the last checkpoint, and its step."""
    tensors, state = RunFolder.open(run).load_checkpoint()
    return tensors, state["step"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_sigterm_stop_with_a_checkpoint_and_say_how_to_go_on(tmp_path, number):
    run = tmp_path / "run"
    process = start(run, "--steps", "1000000")
    wait_for(lambda: last_step(run) >= 768, process)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 128 + number, err
    assert b"Stopping after this rollout" in out
    assert f"edgedistill train --resume {run}" in out.decode().replace("\n", " ")
    assert learnt(run)[1] == last_step(run) >= 768


def test_a_terminal_that_closes_stops_with_a_checkpoint(tmp_path):
    run = tmp_path / "run"
    child, ours = pty.fork()
    if child == 0:  # it leads the session of a terminal of its own, as a shell's command does
        os.execv(sys.executable, [*TRAIN, "--out", str(run), "--steps", "1000000"])
    deadline = time.monotonic() + 120
    while last_step(run) < 768:
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
            pytest.fail("it trains no step in two minutes")
        if select.select([ours], [], [], 1)[0]:
            os.read(ours, 65_536)
    os.close(ours)
    while not (ended := os.waitpid(child, os.WNOHANG))[0]:
        if time.monotonic() > deadline + 60:
            os.kill(child, signal.SIGKILL)
            pytest.fail("it goes on without its terminal")
        time.sleep(0.05)
    _, status = ended
    assert os.waitstatus_to_exitcode(status) == 128 + signal.SIGHUP
    assert learnt(run)[1] == last_step(run) >= 768


def test_under_nohup_a_terminal_that_closes_is_nothing(tmp_path):
    run = tmp_path / "run"
    process = subprocess.Popen(
        ["nohup", *TRAIN, "--out", str(run), "--steps", "1024"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    wait_for(lambda: last_step(run) > 0, process)
    process.send_signal(signal.SIGHUP)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert learnt(run)[1] == 1024


def test_kill_9_costs_only_the_work_since_the_last_checkpoint(tmp_path):
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    process = start(killed, "--steps", "1536")
    wait_for(lambda: last_step(killed) >= 768, process)
    process.kill()
    process.wait()
    assert learnt(killed)[1] in (512, 1024)
    resume = [*TRAIN[:4], "--resume", str(killed), "--json"]
    resumed = subprocess.run(resume, capture_output=True, check=True, timeout=120)
    assert json.loads(resumed.stdout)["step"] == 1536

    assert start(whole, "--steps", "1536").wait(timeout=120) == 0
    left, left_step = learnt(killed)
    right, right_step = learnt(whole)
    assert left_step == right_step == 1536
    assert left.keys() == right.keys()
    for name, tensor in left.items():
        assert torch.equal(tensor, right[name]), name


def test_a_second_sigterm_ends_at_once(tmp_path):
    """Without it, this run would go on to its next report."""
    run = tmp_path / "run"
    process = start(run, "--steps", "1000000", "--rollouts-per-report", "8")
    wait_for(lambda: last_step(run) > 0, process)
    process.send_signal(signal.SIGTERM)
    said = b""
    while b"again to stop at once" not in said:
        assert process.poll() is None
        said += process.stdout.readline()
    time.sleep(SAME_WISH)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 143, err
    assert (out, err.count(b"Traceback")) == (b"", 0)
