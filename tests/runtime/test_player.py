import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from edgedistill.atari.emulator import Emulator
from edgedistill.atari.protocol import Protocol, evaluate
from edgedistill.errors import BadRequest
from edgedistill.runtime.gif import GifRecorder
from edgedistill.runtime.player import Summary, play
from edgedistill.runtime.policy import Policy
from edgedistill.runtime.shipped import shipped_student
from edgedistill.runtime.terminal import TerminalScreen


@pytest.fixture(scope="module")
def policy(tiny_export):
    return Policy.load(tiny_export.path)


def test_play_scores_what_evaluation_scores(policy):
    protocol, summary = Protocol(episodes=2, epsilon=0.2, max_frames=1600), Summary()
    decisions = list(play(policy, protocol, summary))
    assert tuple(summary.scores) == evaluate(policy.act, "pong", protocol).returns
    assert summary.steps == len(decisions) == 800
    assert [decision.over for decision in decisions].count(True) == 2


def test_max_steps_cuts_a_game_and_says_its_score(policy):
    summary = Summary()
    assert len(list(play(policy, Protocol(episodes=1), summary, max_steps=250))) == 250
    assert summary.scores == []
    assert summary.unfinished_score <= 0


def test_the_hash_tells_games_apart(policy):
    def digest(seed):
        summary = Summary()
        list(play(policy, Protocol(episodes=1, epsilon=0.2, seed=seed), summary, max_steps=50))
        return summary.actions_sha256

    assert digest(1) == digest(1) != digest(2)


def recorded(policy, protocol, path, decisions):
    recorder = GifRecorder(path, policy.card, protocol)
    for decision in play(policy, protocol, Summary(), decisions):
        recorder.add(decision)
    return recorder.save()


def test_a_gif_has_ten_seconds_with_the_score_on_them(tmp_path):
    policy = Policy.load(shipped_student("breakout"))
    moment = recorded(policy, Protocol(episodes=1), tmp_path / "out.gif", 400)
    assert moment.end - moment.first == 150
    assert (tmp_path / "out.gif").stat().st_size <= 150_000
    with Image.open(tmp_path / "out.gif") as gif:
        assert gif.size == (320, 258)
        lengths, strips = [], set()
        for number in range(gif.n_frames):
            gif.seek(number)
            lengths.append(gif.info["duration"])
            # Each frame has colours of its own, so that a letter's edges differ by a shade.
            strips.add((np.asarray(gif.convert("L"))[:18] > 127).tobytes())
    assert sum(lengths) == 150 * 70
    # One strip per score that was shown.
    assert len(strips) == len(set(moment.game.scores[moment.first : moment.end]))


def test_a_gif_of_noise_is_small_enough(policy, tmp_path, monkeypatch):
    noise = np.random.default_rng(0)
    monkeypatch.setattr(Emulator, "screen_rgb", lambda self: noise.integers(0, 256, (210, 160, 3), np.uint8))
    recorded(policy, Protocol(episodes=1), tmp_path / "out.gif", 12)
    assert (tmp_path / "out.gif").stat().st_size <= 150_000


def test_a_gif_that_cannot_be_written_is_refused_before_play(policy, tmp_path):
    with pytest.raises(BadRequest, match="cannot be written"):
        GifRecorder(tmp_path / "missing" / "out.gif", policy.card, Protocol())


def test_the_terminal_shows_both_halves_of_the_screen():
    screen = np.zeros((210, 160, 3), np.uint8)
    screen[:105, :, 0] = 200
    console = Console(width=60, height=24, color_system="truecolor", force_terminal=True, record=True)
    with console.capture() as capture:
        console.print(TerminalScreen(screen, "pong"))
    lines = capture.get().splitlines()
    assert "38;2;200;0;0" in lines[0]
    assert "38;2;0;0;0" in lines[-3]
    assert "pong" in lines[-1]
    assert len(lines) <= 24
