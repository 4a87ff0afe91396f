import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from edgedistill import load_policy, play
from edgedistill.errors import EdgeDistillError
from edgedistill.runtime.video import VideoRecorder

needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="no ffmpeg here: apt-get install ffmpeg")


def described(path):
    command = ["ffprobe", "-v", "error", "-count_frames", "-show_streams", "-of", "json"]
    answer = subprocess.run([*command, path], capture_output=True, text=True, check=True, timeout=60)
    (stream,) = json.loads(answer.stdout)["streams"]
    return stream


@needs_ffmpeg
def test_a_video_has_every_decision_at_the_consoles_speed(cli, tmp_path):
    path = tmp_path / "-odd 'name.mp4"
    outcome = cli("play", "pong", "--headless", "--max-steps", 40, "--video", path, "--gif", tmp_path / "a.gif")
    assert outcome.code == 0 and f"wrote {path}" in outcome.out and "a.gif" in outcome.out
    stream = described(path)
    assert (stream["codec_name"], stream["pix_fmt"]) == ("h264", "yuv420p")
    assert (stream["width"], stream["height"], int(stream["nb_read_frames"])) == (640, 480, 40)
    assert stream["r_frame_rate"] == "15/1"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["-odd 'name.mp4", "a.gif"]

    first = tmp_path / "first.png"
    subprocess.run(["ffmpeg", "-v", "error", "-i", path, "-frames:v", "1", first], check=True, timeout=60)
    # Pong's brown, as video's colours leave it.
    assert np.abs(np.asarray(Image.open(first))[240, 40].astype(int) - (144, 72, 17)).max() < 25


@needs_ffmpeg
@pytest.mark.parametrize(
    ("number", "code", "left"), [(signal.SIGINT, 0, ["a.mp4", "scratch"]), (signal.SIGTERM, 143, ["scratch"])]
)
def test_ctrl_c_ends_a_video_and_sigterm_leaves_neither_half_of_one_nor_an_ffmpeg(tmp_path, number, code, left):
    play = ["from edgedistill.cli import main; main()", "play", "pong", "--headless", "--episodes", "1000"]
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-c", *play, "--video", tmp_path / "a.mp4"],
        env={**os.environ, "TMPDIR": str(scratch)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not list(scratch.glob("*/video.mp4")):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code and b"Traceback" not in err
    assert sorted(each.name for each in tmp_path.iterdir()) == left and not any(scratch.iterdir())


def test_without_ffmpeg_it_says_how_to_get_it(cli, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    outcome = cli("play", "pong", "--headless", "--video", tmp_path / "a.mp4")
    assert outcome.code == 1
    assert outcome.err == "error: --video needs ffmpeg. Type: sudo apt install ffmpeg, or take --gif instead.\n"


def test_another_kind_of_file_is_refused_before_play(cli, tmp_path):
    outcome = cli("play", "pong", "--headless", "--video", "p.gif")
    assert outcome.code == 2 and "--video writes MP4s, got p.gif. Type: --video p.mp4" in outcome.err
    assert cli("play", "pong", "--headless", "--video", tmp_path / "no" / "a.mp4").code == 2


@pytest.mark.parametrize("at", ["first", "last"])
def test_what_ffmpeg_says_of_its_failure_is_told(tmp_path, monkeypatch, at):
    """An ffmpeg that was built without H.264, or dies."""
    reads = "cat >/dev/null; " if at == "last" else ""
    (tmp_path / "ffmpeg").write_text(f"#!/bin/sh\n{reads}echo Unknown encoder libx264 >&2; exit 1\n")
    (tmp_path / "ffmpeg").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with (
        VideoRecorder(tmp_path / "a.mp4") as recorder,
        pytest.raises(EdgeDistillError, match="Unknown encoder libx264"),
    ):
        for decision in play(load_policy("pong", "pico"), max_steps=100):
            recorder.add(decision)
        recorder.save()
    assert not (tmp_path / "a.mp4").exists()
