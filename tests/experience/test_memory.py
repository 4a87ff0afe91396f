import numpy as np
import pytest

from edgedistill.atari.blocks import newest, to_blocks
from edgedistill.errors import EdgeDistillError
from edgedistill.experience.memory import ReplayMemory
from edgedistill.experience.rollout import Rollout

ENVS, LENGTH, ACTIONS = 3, 8, 2


def rollouts(count, seed=0):
    """Random games: stacks that move on by one frame, and now and then restart with one frame and three black."""
    rng = np.random.default_rng(seed)
    stack = np.zeros((ENVS, 4, 84, 84), np.uint8)
    for _ in range(count):
        obs = np.empty((LENGTH + 1, ENVS, 4, 84, 84), np.uint8)
        game_over = np.zeros((LENGTH, ENVS), np.bool_)
        for t in range(LENGTH + 1):
            if t > 0:
                restart = game_over[t - 1] = rng.random(ENVS) < 0.2
                stack = np.roll(stack, -1, axis=1)
                stack[restart] = 0
                stack[:, -1] = rng.integers(1, 256, (ENVS, 1, 1))
            obs[t] = stack
        q = rng.normal(size=(LENGTH + 1, ENVS, ACTIONS)).astype(np.float32)
        action = rng.integers(ACTIONS, size=(LENGTH, ENVS))
        reward = rng.normal(size=(LENGTH, ENVS)).astype(np.float32)
        blocks = np.stack([to_blocks(stacks) for stacks in obs])
        yield Rollout(blocks, action, reward, reward > 1, game_over, q)


def memory_of(count, *, cut_after=None):
    """A memory of three rollouts after `count`, and what each of its steps was, by its Q-values."""
    memory = ReplayMemory(frames=3 * LENGTH * ENVS, envs=ENVS, rollout_length=LENGTH, actions=ACTIONS)
    held = {}
    for number, rollout in enumerate(rollouts(count)):
        memory.add(rollout)
        if number == cut_after:
            memory.cut()
        if number >= count - 3:
            for t in range(LENGTH):
                for env in range(ENVS):
                    step = (rollout.action[t, env], rollout.reward[t, env], rollout.done[t, env])
                    held[rollout.q[t, env].tobytes()] = (rollout.blocks[t, env], step, number, t)
    return memory, held


@pytest.mark.parametrize("added", [1, 3, 7])
def test_samples_are_steps_that_were_added(added):
    memory, held = memory_of(added)
    sample = memory.sample(600, np.random.default_rng(1))
    assert sample.blocks_tp1 is None
    for blocks, q, *step in zip(
        sample.blocks_t, sample.q_t, sample.action_t, sample.reward_t, sample.done_t, strict=True
    ):
        expected_blocks, expected_step, _, _ = held[q.tobytes()]
        assert np.array_equal(blocks, expected_blocks)
        assert tuple(step) == expected_step
    # Left out: the oldest four rows, whose stacks may be incomplete, and the newest, which has no successor.
    assert len({q.tobytes() for q in sample.q_t}) == len(held) - 5 * ENVS


def test_successors_follow_in_the_same_game():
    memory, held = memory_of(7)
    sample = memory.sample(300, np.random.default_rng(1), with_next=True)
    for q, next_blocks, next_q in zip(sample.q_t, sample.blocks_tp1, sample.q_tp1, strict=True):
        _, _, number, t = held[q.tobytes()]
        blocks, _, next_number, next_t = held[next_q.tobytes()]
        assert np.array_equal(next_blocks, blocks)
        assert LENGTH * next_number + next_t == LENGTH * number + t + 1


def test_no_step_leads_over_a_restart_of_all_games():
    memory, held = memory_of(7, cut_after=5)
    sample = memory.sample(600, np.random.default_rng(1), with_next=True)
    last_before_the_cut = (5, LENGTH - 1)
    assert last_before_the_cut not in {held[q.tobytes()][2:] for q in sample.q_t}
    assert last_before_the_cut in {held[q.tobytes()][2:] for q in sample.q_tp1}


def test_holds_what_was_asked_rounded_up_to_rollouts():
    memory = ReplayMemory(frames=100, envs=ENVS, rollout_length=LENGTH, actions=ACTIONS)
    assert memory.capacity == 120
    for rollout in rollouts(9):
        memory.add(rollout)
    assert len(memory) == 120


def test_a_few_rows_are_not_enough_for_a_sample_however_many_games_they_are_of():
    memory = ReplayMemory(frames=400, envs=16, rollout_length=5, actions=ACTIONS)
    five = Rollout.empty(np.zeros((16, 21, 21, 64), np.uint8), 5, ACTIONS)
    memory.add(five)
    assert len(memory) == 80 and not memory.is_ready(learning_starts=32)
    memory.add(five)
    assert memory.is_ready(learning_starts=32)
    memory.sample(8, np.random.default_rng(0))


def test_the_background_is_the_newest_rollouts_most_frequent_pixel():
    memory = ReplayMemory(frames=3 * LENGTH * ENVS, envs=ENVS, rollout_length=LENGTH, actions=ACTIONS)
    for rollout in rollouts(4):
        memory.add(rollout)
    values, counts = np.unique(newest(rollout.blocks[:-1]), return_counts=True)
    assert memory.background() == values[counts.argmax()]


def new_memory(rollouts=3):
    return ReplayMemory(frames=rollouts * LENGTH * ENVS, envs=ENVS, rollout_length=LENGTH, actions=ACTIONS)


@pytest.mark.parametrize("added", [0, 1, 3, 7])
def test_what_is_put_back_goes_on_like_the_memory_that_was_saved(added):
    memory, _ = memory_of(added, cut_after=5)
    again = new_memory()
    again.load(memory.tensors())
    assert len(again) == len(memory)
    (further,) = rollouts(1, seed=9)
    for each in (memory, again):
        each.add(further)
    ours, theirs = (each.sample(200, np.random.default_rng(2), with_next=True) for each in (memory, again))
    for name, array in vars(ours).items():
        np.testing.assert_array_equal(array, vars(theirs)[name], err_msg=name)


@pytest.mark.parametrize("added", [2, 7])
def test_new_values_are_those_of_the_stacks_that_are_sampled(added):
    memory, _ = memory_of(added)

    def mean_pixels(blocks):
        return np.stack([blocks.mean((2, 3, 4)), -blocks.mean((2, 3, 4))], axis=-1)

    memory.revalue(mean_pixels)
    sample = memory.sample(300, np.random.default_rng(1), with_next=True)
    np.testing.assert_allclose(sample.q_t, mean_pixels(sample.blocks_t[None])[0], rtol=1e-5)
    follows = ~sample.done_t
    np.testing.assert_allclose(sample.q_tp1[follows], mean_pixels(sample.blocks_tp1[None])[0][follows], rtol=1e-5)


def test_frames_of_play_are_packed_small():
    memory = new_memory(30)
    for rollout in rollouts(30):
        memory.add(rollout)
    assert len(memory.tensors()["packed_frames"]) < 0.1 * ReplayMemory.bytes_needed(len(memory), ACTIONS)


def without(name):
    return lambda tensors: {key: value for key, value in tensors.items() if key != name}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (without("q"), "not what is kept of a memory"),
        (lambda tensors: tensors | {"more": tensors["q"]}, "not what is kept of a memory"),
        (lambda tensors: tensors | {"q": tensors["q"][:-1]}, "'q' is of another size"),
        (lambda tensors: tensors | {"action": tensors["action"].long()}, "'action' is of another size"),
        (lambda tensors: tensors | {"packed_frames": tensors["packed_frames"][:-20]}, "cannot be unpacked"),
        (lambda tensors: tensors | {"packed_frames": tensors["packed_frames"][20:]}, "cannot be unpacked"),
        (lambda tensors: tensors | {"packed_frames": tensors["packed_frames"].repeat(2)}, "cannot be unpacked"),
    ],
)
def test_what_does_not_fit_is_refused_and_leaves_a_memory_that_fills_anew(change, complaint):
    memory, _ = memory_of(7)
    again = new_memory()
    with pytest.raises(EdgeDistillError, match=complaint):
        again.load(change(memory.tensors()))
    assert len(again) == 0
    for rollout in rollouts(3):
        again.add(rollout)
    fresh, _ = memory_of(3)
    np.testing.assert_array_equal(
        again.sample(200, np.random.default_rng(2)).blocks_t, fresh.sample(200, np.random.default_rng(2)).blocks_t
    )
