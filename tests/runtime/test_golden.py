"""Play is, bit for bit, what it was when `tests/golden.json` was recorded; tests/arm has it on other processors."""

import json
from importlib.metadata import version

import onnxruntime
import pytest

from edgedistill.runtime.policy import Policy
from tests import golden

RECORD = golden.recorded()


@pytest.fixture(scope="module")
def frames():
    """Frames of play and of noise, (364, 84, 84, 4)."""
    return golden.all_frames(golden.play_frames()[0])


def meant(what):
    """What to say where play has changed."""
    here = {name: version(name) for name in golden.DECISIVE_PACKAGES}
    return (
        f"{what}: recorded with {RECORD['recorded_with']}, here {here}. If it is meant to change, see tests/golden.py"
    )


def test_the_command_line_plays_the_recorded_game(cli):
    outcome = cli("play", golden.student_file(golden.STUDENT), *golden.play_options())
    play = json.loads(outcome.out)
    recorded = RECORD["play"]
    assert play["steps"] == recorded["max_steps"]
    assert play["actions_sha256"] == recorded["actions_sha256"], meant("the actions")


@pytest.mark.parametrize("student", golden.STUDENTS)
def test_logits_are_the_recorded_ones(frames, student):
    policy = Policy.load(golden.student_file(student))
    assert golden.logits_sha256(policy, frames) == RECORD["logits"][student], meant(f"{student}'s logits")


@pytest.mark.parametrize("game", golden.GAMES)
def test_frames_are_the_recorded_ones(game):
    assert golden.game_sha256(game) == RECORD["frames"][game], meant(f"{game}'s frames")


@pytest.mark.parametrize("batch", [2, 7, 250])
def test_a_batch_changes_no_bit(frames, batch):
    policy = Policy.load(golden.student_file(golden.STUDENT))
    assert golden.logits_sha256(policy, frames, batch) == RECORD["logits"][golden.STUDENT]


@pytest.mark.parametrize("student", golden.STUDENTS)
def test_threads_change_no_bit(frames, student):
    """A `Policy` has one thread; somebody else's use of the file may have more."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 4
    session = onnxruntime.InferenceSession(
        str(golden.student_file(student)), options, providers=["CPUExecutionProvider"]
    )
    policy = Policy.load(golden.student_file(student))
    # Few frames at a time have the threads divide a frame, many have them divide the batch.
    for batch in (frames[:1], frames[:64]):
        (logits,) = session.run(None, {"frames": batch})
        assert logits.tobytes() == policy.logits(batch).tobytes()
