"""The training environment: ale-py's C++ vector environment with every option named."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgedistill.atari.emulator import FRAME_SKIP, MAX_FRAMES, STACK
from edgedistill.atari.resize import SIDE


@dataclass(frozen=True)
class EnvStep:
    """What one step of N environments gave."""

    obs_tp1: NDArray[np.uint8]
    """(N, 4, 84, 84), newest frame last. After a game over it is the first of the next game."""
    reward_t: NDArray[np.float32]
    """(N,), unclipped."""
    done_t: NDArray[np.bool_]
    """(N,): a life was lost, or the game ended; the value of what follows is 0 (Mnih et al. 2015)."""
    game_over_t: NDArray[np.bool_]
    """(N,): the game ended, so a return is complete."""


class TrainingEnvs:
    """N copies of a game, stepped together on C++ threads."""

    def __init__(self, game: str, count: int, *, threads: int, sticky: float = 0.0) -> None:
        # Imported here because the class exists only where gymnasium is installed.
        from ale_py.vector_env import AtariVectorEnv

        self._envs = AtariVectorEnv(
            game,
            num_envs=count,
            num_threads=threads,
            max_num_frames_per_episode=MAX_FRAMES,
            repeat_action_probability=sticky,
            full_action_space=False,
            # The step that ends a game returns the first frames of the next: no dummy step to mask.
            autoreset_mode="SameStep",
            img_height=SIDE,
            img_width=SIDE,
            grayscale=True,
            stack_num=STACK,
            frameskip=FRAME_SKIP,
            maxpool=True,
            noop_max=30,
            # `episodic_life=True` would restart the whole game at each lost life; this only reports the loss.
            episodic_life=False,
            life_loss_info=True,
            reward_clipping=False,
            use_fire_reset=True,
        )
        self.count = count
        self.actions = len(self._envs.ale.get_action_set())
        self._episode_frame = np.zeros(count, np.int64)

    def reset(self, seed: int) -> NDArray[np.uint8]:
        """Restart every game, seeded seed, seed+1, …; returns obs (N, 4, 84, 84)."""
        obs, info = self._envs.reset(seed=seed % 2**30)
        self._episode_frame = info["episode_frame_number"]
        return np.asarray(obs)

    def step(self, action_t: NDArray[np.int64]) -> EnvStep:
        """One agent step (4 frames) in each environment; action_t (N,) indexes the minimal action set."""
        obs_tp1, reward_t, terminated, truncated, info = self._envs.step(action_t)
        # A lost life terminates too, but only a new game sets the frame count of the episode back.
        restarted = info["episode_frame_number"] < self._episode_frame
        self._episode_frame = info["episode_frame_number"]
        done_t = terminated | truncated
        return EnvStep(obs_tp1, reward_t.astype(np.float32), done_t, done_t & restarted)

    def close(self) -> None:
        self._envs.close()
