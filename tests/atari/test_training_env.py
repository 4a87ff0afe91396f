import numpy as np

from edgedistill.atari.training_env import TrainingEnvs


def test_a_lost_life_is_done_but_not_game_over():
    envs = TrainingEnvs("breakout", 4, threads=1)
    envs.reset(0)
    rng = np.random.default_rng(0)
    lives_lost, games_over, frames_at_restart = 0, 0, []
    for _ in range(900):
        step = envs.step(rng.integers(envs.actions, size=4))
        lives_lost += int((step.done_t & ~step.game_over_t).sum())
        games_over += int(step.game_over_t.sum())
        frames_at_restart += envs._episode_frame[step.game_over_t].tolist()
        assert not (step.game_over_t & ~step.done_t).any()
    # Breakout has five lives: four losses go on with the same game, the fifth ends it.
    assert games_over >= 4
    assert 4 * games_over <= lives_lost <= 4 * games_over + 4 * 4
    assert max(frames_at_restart) <= 31


def test_rewards_are_not_clipped():
    envs = TrainingEnvs("space_invaders", 2, threads=1)
    envs.reset(0)
    rng = np.random.default_rng(0)
    rewards = np.concatenate([envs.step(rng.integers(envs.actions, size=2)).reward_t for _ in range(300)])
    assert rewards.max() > 1


def test_same_seed_same_frames():
    def play(seed):
        envs = TrainingEnvs("breakout", 2, threads=2)
        envs.reset(seed)
        return [envs.step(np.array([t % 4, 1])).obs_tp1 for t in range(40)]

    assert np.array_equal(play(7), play(7))
    assert not np.array_equal(play(7), play(8))
