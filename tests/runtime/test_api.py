from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgedistill.atari.protocol import Protocol
from edgedistill.atari.protocol import evaluate as evaluate_under
from edgedistill.errors import BadRequest
from edgedistill.runtime.api import evaluate, load_policy, play
from edgedistill.runtime.shipped import shipped_student


@pytest.fixture(scope="module")
def policy():
    return load_policy("pong")


@pytest.fixture(scope="module")
def frames(policy):
    """What the student sees in its own play: (N, 84, 84, 4) uint8."""
    return np.stack([decision.emulator.frames for decision in islice(play(policy, epsilon=0.2), 40, 80)])


def test_a_shipped_student_is_loaded_by_game_and_a_file_by_path(tmp_path):
    assert load_policy("ALE/Pong-v5").card == load_policy(shipped_student("pong")).card
    assert load_policy("pong", "nano").card.student == "nano"
    path = tmp_path / "mine.onnx"
    path.write_bytes(shipped_student("breakout", "pico").read_bytes())
    for file in (path, str(path)):
        assert (load_policy(file).card.game, load_policy(file).card.student) == ("breakout", "pico")
    with pytest.raises(BadRequest, match="Did you mean 'pong'"):
        load_policy("pnog")


def test_predict_takes_frames_first_and_last_alone_and_in_batches(policy, frames):
    expected = policy.act(frames)
    assert len(set(expected.tolist())) > 2
    first = np.moveaxis(frames, 3, 1)
    assert first.shape == (40, 4, 84, 84)
    for batch in (frames, first, np.ascontiguousarray(first), frames[::-1][::-1]):
        actions, state = policy.predict(batch)
        assert actions.tolist() == expected.tolist()
        assert (actions.dtype, state) == (np.int64, None)
    for number in range(40):
        for stack in (frames[number], first[number]):
            action, _ = policy.predict(stack)
            assert (action.shape, int(action)) == ((), expected[number])
    assert policy.predict(frames[:0])[0].shape == (0,)


def test_predict_returns_a_state_as_it_came(policy, frames):
    state = (np.ones(3),)
    assert policy.predict(frames, state, np.ones(40, bool))[1] is state


@settings(deadline=None)
@given(
    st.lists(st.sampled_from([1, 2, 4, 84]), max_size=5).map(tuple),
    st.sampled_from([np.uint8, np.float32, np.float64, np.int64, np.bool_]),
)
def test_predict_refuses_all_else_by_what_it_is(policy, shape, dtype):
    observation = np.broadcast_to(np.zeros((), dtype), shape)
    if dtype is np.uint8 and shape[-3:] in ((4, 84, 84), (84, 84, 4)) and len(shape) < 5:
        assert policy.predict(observation)[0].shape == shape[:-3]
        return
    with pytest.raises(BadRequest) as refusal:
        policy.predict(observation)
    told = str(refusal.value)
    assert (str(shape) if dtype is np.uint8 else np.dtype(dtype).name) in told


def test_predict_refuses_what_is_no_array(policy):
    with pytest.raises(BadRequest, match=r"of float64: a student takes uint8, .*scale_obs=False"):
        policy.predict(np.zeros((4, 84, 84)))
    for observation in ({"image": np.zeros((4, 84, 84), np.uint8)}, None, "pong", [[0]]):
        with pytest.raises(BadRequest, match="a student takes uint8"):
            policy.predict(observation)


def test_random_actions_are_drawn_from_the_softmax_of_the_logits(policy, frames):
    logits = policy.logits(frames).astype(float)
    expected = np.exp(logits - logits.max(axis=1, keepdims=True))
    expected /= expected.sum(axis=1, keepdims=True)
    unsure = expected.max(axis=1).argmin()
    assert 0.2 < expected[unsure].max() < 0.9
    policy.set_random_seed(1)
    drawn = policy.predict(np.repeat(frames[unsure][None], 4_000, axis=0), deterministic=False)[0]
    seen = np.bincount(drawn, minlength=expected.shape[1]) / 4_000
    # Four standard deviations of a share of 4,000 draws.
    assert np.abs(seen - expected[unsure]).max() < 4 * 0.5 / 4_000**0.5


def test_random_actions_are_seeded(frames):
    def drawn(policy):
        return [policy.predict(frames, deterministic=False)[0].tolist() for _ in range(2)]

    first, again = load_policy("pong"), load_policy("pong")
    actions = drawn(first)
    assert actions[0] != actions[1]
    assert drawn(again) == actions
    assert drawn(first) != actions
    first.set_random_seed(0)
    assert drawn(first) == actions
    first.set_random_seed(7)
    assert drawn(first) != actions


def test_evaluate_is_the_protocols_own(policy):
    protocol = Protocol(episodes=2, epsilon=0.05, sticky=0.25, seed=3)
    heard = []
    scores = evaluate(
        policy, "Pong", 2, epsilon=0.05, sticky=0.25, seed=3, on_episode=lambda number, score: heard.append(score)
    )
    assert scores == evaluate_under(policy.act, "pong", protocol)
    assert sorted(heard) == sorted(scores.returns)


def test_play_yields_each_decision(policy):
    decisions = list(play(policy, max_steps=50, seed=7))
    assert [decision.step for decision in decisions] == list(range(1, 51))
    assert {decision.action for decision in decisions} <= set(policy.card.actions)
    assert decisions[-1].screen().shape == (210, 160, 3)
    again = [decision.action for decision in play(policy, max_steps=50, seed=7)]
    assert again == [decision.action for decision in decisions]


@pytest.mark.parametrize("call", [evaluate, play])
@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"game": "breakout"}, "plays pong, not breakout"),
        ({"game": "pnog"}, "Did you mean 'pong'"),
        ({"episodes": 0}, "episodes must be from 1 to 1,000,000, got 0"),
        ({"epsilon": 1.5}, "epsilon must be from 0 to 1, got 1.5"),
        ({"epsilon": float("nan")}, "epsilon must be from 0 to 1"),
        ({"sticky": -0.1}, "sticky must be from 0 to 1"),
        ({"seed": -1}, "seed must be 0 or above"),
    ],
)
def test_bad_requests_are_refused_before_a_game_begins(policy, call, arguments, complaint):
    with pytest.raises(BadRequest, match=complaint):
        call(policy, **arguments)


def test_a_decision_has_the_values_of_all_actions_and_which_was_played():
    policy = load_policy("pong", "pico")
    for decision in play(policy, max_steps=40, epsilon=0):
        assert decision.logits.shape == (6,)
        assert decision.index == decision.logits.argmax()
        assert policy.card.actions[decision.index] == decision.action
    assert any(decision.index != decision.logits.argmax() for decision in play(policy, max_steps=40, epsilon=1))
