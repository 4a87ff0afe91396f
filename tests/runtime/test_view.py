"""`edgedistill play` in a terminal: a pseudo-terminal whose other end answers as a terminal does."""

import fcntl
import io
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
import zlib
from base64 import b64decode

import numpy as np
import pytest
from rich.cells import cell_len
from rich.console import Console

from edgedistill.atari.protocol import Protocol
from edgedistill.runtime import view
from edgedistill.runtime.player import Summary
from edgedistill.runtime.player import play as playing
from edgedistill.runtime.policy import Policy

PLAY = [sys.executable, "-c", "from edgedistill.cli import main; main()", "play", "pong", "--student", "pico"]
# One for each frame: Live goes home and draws all lines.
HOME = "\x1b[H"
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b_[^\x1b]*\x1b\\|\x1b[78]")
KITTY = {b"a=q": b"\x1b_Gi=7;OK\x1b\\", b"\x1b[c": b"\x1b[?62;c"}
XTERM = {b"\x1b[c": b"\x1b[?62;4c"}


class Terminal:
    """What a program prints, in a terminal of a size."""

    def __init__(self, command, columns=80, lines=24, answers=XTERM, **environment):
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        dropped = ("COLUMNS", "LINES", "NO_COLOR")
        kept = {name: value for name, value in os.environ.items() if name not in dropped}
        self.process = subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
            env=kept | {"TERM": "xterm-256color", "COLORTERM": "truecolor", **environment},
        )  # fmt: skip
        os.close(theirs)
        self._answers = dict(answers)
        self.output = b""

    def read(self, enough=lambda output: False, seconds=120):
        """All it prints, until it ends or has printed enough."""
        deadline = time.monotonic() + seconds
        while not enough(self.output):
            assert select.select([self._ours], [], [], max(0, deadline - time.monotonic()))[0], self.output[-500:]
            try:
                read = os.read(self._ours, 65536)
            except OSError:  # Linux's way to say that the other end is closed
                break
            if not read:
                break
            self.output += read
            for question, answer in list(self._answers.items()):
                if question in self.output:
                    os.write(self._ours, answer)
                    del self._answers[question]
        return self.output.decode()

    def end(self):
        code = self.process.wait(timeout=60)
        os.close(self._ours)
        return code


def play(*options, **terminal):
    """What is printed by a few decisions."""
    shown = Terminal([*PLAY, "--max-steps", "4", *options], **terminal)
    output = shown.read()
    assert shown.end() == 0, output
    assert "Traceback" not in output
    return output


def frames(output):
    """The lines of each frame, without colours."""
    drawn = output.partition("\x1b[?1049h")[2].partition("\x1b[?1049l")[0]
    parts = [part for part in drawn.split(HOME) if "pong" in part or "beam_rider" in part]
    return [[ESCAPES.sub("", line).rstrip("\r") for line in part.split("\n")] for part in parts][-3:]


@pytest.mark.parametrize(("columns", "lines"), [(80, 24), (40, 10), (200, 20)])
def test_each_size_gets_a_frame_that_fits(columns, lines):
    shown = frames(play(columns=columns, lines=lines))
    assert len(shown) == 3
    for frame in shown:
        assert len(frame) <= lines
        assert max(map(cell_len, frame)) <= columns
        assert any("▀▀▀" in line for line in frame)
        assert any("pong · pico · score" in line for line in frame)


def test_action_values_stand_beside_the_screen_at_80_columns():
    frame = frames(play())[-1]
    text = "\n".join(frame)
    assert frame[0].count("▀") >= 45 and "score 0" in frame[0]
    for action in ("noop", "fire", "right", "left", "rightfire", "leftfire"):
        assert re.search(rf"▀  [● ] {action} +[█▏▎▍▌▋▊▉]* +-?\d+\.\d\d", text), text
    assert text.count("●") == 1


def test_a_game_of_more_actions_fits_80_columns():
    shown = Terminal([*PLAY[:4], "beam_rider", "--max-steps", "3"])
    frame = frames(shown.read())[-1]
    assert shown.end() == 0
    assert sum("●" in line for line in frame) == 1 and max(map(cell_len, frame)) <= 80


def test_a_terminal_shows_play_at_the_consoles_speed(tiny_export, monkeypatch):
    """15 decisions a second, however fast they are made; a stall is made up for by half a second of play at most."""
    policy, now = Policy.load(tiny_export.path), [100.0]
    monkeypatch.setattr(view.kitty, "shows_pictures", lambda: False)
    monkeypatch.setattr(view.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(view.time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    console = Console(file=io.StringIO(), force_terminal=True, width=80, height=24)
    shown_at = []
    for decision in view.watch(playing(policy, Protocol(), Summary(), 45), policy.card, console):
        shown_at.append(now[0] - 100)
        if decision.step == 30:
            now[0] += 5
    assert shown_at[:30] == pytest.approx([step * 4 / 60 for step in range(30)])
    assert shown_at[44] == pytest.approx(shown_at[29] + 5 + 15 * 4 / 60 - 0.5, abs=0.1)


def test_without_colours_the_background_is_empty_and_the_rest_is_not():
    output = play(NO_COLOR="1", answers=KITTY)
    assert "\x1b[38;" not in output and "\x1b[48;" not in output and "\x1b_G" not in output
    screen = [line[:50] for line in frames(output)[-1][:18]]
    # Pong's field is one colour; its borders, paddles and scores are not.
    assert 0.5 < sum(line.count(" ") for line in screen) / sum(map(len, screen)) < 0.95
    assert any("@@@@" in line for line in screen)


def test_a_terminal_that_draws_pictures_gets_every_pixel():
    output = play(answers=KITTY)
    assert "▀" not in output
    pictures = re.findall(r"\x1b_G(a=T[^;]*);([^\x1b]*)\x1b\\((?:\x1b_Gm=[01];[^\x1b]*\x1b\\)*)", output)
    assert len(pictures) == 4
    keys, first, rest = pictures[-1]
    assert "s=160,v=210," in keys and re.search(r"c=(4\d|5\d),r=(1\d|2\d),", keys)
    assert all(len(piece) <= 4096 for piece in re.findall(r";([^\x1b]*)\x1b", rest))
    data = first + "".join(re.findall(r"m=[01];([^\x1b]*)", rest))
    pixels = np.frombuffer(zlib.decompress(b64decode(data)), np.uint8).reshape(210, 160, 3)
    assert (pixels == (144, 72, 17)).all(axis=2).mean() > 0.5
    # It is taken away at the end, and the cursor is back.
    assert output.rindex("a=d,d=I") > output.rindex("a=T") and output.rindex("\x1b[?25h") > output.rindex("a=T")
    # The values stand beside it.
    assert any("leftfire" in line for line in frames(output)[-1])


def test_a_terminal_that_says_nothing_gets_blocks():
    assert "▀" in play(answers={})


@pytest.mark.parametrize("name", ["linux", "tmux-256color"])
def test_terminals_that_would_print_the_question_are_not_asked(name):
    assert "\x1b_G" not in play(TERM=name, answers=KITTY)


def test_a_terminal_that_cannot_draw_gets_the_score_alone():
    output = play("--max-steps", "60", TERM="dumb")
    assert "\x1b[?1049h" not in output and "▀" not in output
    # It waits for no frame that nobody sees: in real time it would be 15, and less for the start.
    assert float(re.search(r"60 agent steps .* ([\d,]+) steps/s", output)[1].replace(",", "")) > 15


def test_ctrl_c_while_a_screen_is_recorded_ends_with_the_recording(tmp_path):
    """The recorder then has the processor, not what draws."""
    patched = """
import sys
from edgedistill.cli import main
from edgedistill.runtime.gif import GifRecorder

add = GifRecorder.add

def interrupted(self, decision):
    add(self, decision)
    if decision.step == 3:
        raise KeyboardInterrupt

GifRecorder.add = interrupted
main()
"""
    gif = tmp_path / "a.gif"
    shown = Terminal([sys.executable, "-c", patched, *PLAY[3:], "--gif", str(gif)])
    output = shown.read()
    assert shown.end() == 0, output
    assert gif.read_bytes().startswith(b"GIF8")
    assert "3 agent steps" in output.partition("\x1b[?1049l")[2]


def test_ctrl_c_ends_and_leaves_the_terminal_as_it_was():
    shown = Terminal(PLAY, answers=KITTY)
    shown.read(lambda output: output.count(b"a=T") > 3)
    before = termios.tcgetattr(shown._ours)
    shown.process.send_signal(signal.SIGINT)
    output = shown.read()
    shown.end()
    assert "\x1b[?1049l" in output and output.rindex("\x1b[?25h") > output.rindex("\x1b[?1049h")
    assert before[3] & termios.ECHO and before[3] & termios.ICANON
    assert "unfinished game" in output.partition("\x1b[?1049l")[2]
