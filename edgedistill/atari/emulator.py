"""One game on `ALEInterface`, with the Nature DQN's preprocessing in numpy: no gymnasium, no OpenCV.

This is what evaluation and the board see; `tests/atari/test_emulator.py` holds it against the training
environment (`training_env.py`) frame by frame.
"""

import numpy as np
from ale_py import Action, ALEInterface, LoggerMode, roms
from numpy.typing import NDArray

from edgedistill.atari.resize import SIDE, AreaResize

FRAME_SKIP = 4
STACK = 4
# Bellemare et al. 2013 and every protocol since: 30 minutes of play at 60 frames a second.
MAX_FRAMES = 108_000

Frames = NDArray[np.uint8]
"""(84, 84, 4) uint8, or (N, 84, 84, 4): four grayscale frames, the newest last."""


class Emulator:
    """One game. `reset` starts an episode; `step` plays one agent step of four emulator frames."""

    def __init__(self, game: str, *, sticky: float = 0.0, noop_max: int = 30, max_frames: int = MAX_FRAMES) -> None:
        """
        Args:
            game: ROM name, as `games.find_game` returns it.
            sticky: probability that the emulator repeats the previous action (Machado et al. 2018 use 0.25).
            noop_max: most no-op frames after a reset (Mnih et al. 2015 use 30).
            max_frames: emulator frames after which an episode is cut.
        """
        ALEInterface.setLoggerMode(LoggerMode.Error)
        self._ale = ALEInterface()
        self._ale.setFloat("repeat_action_probability", sticky)
        rom = roms.get_rom_path(game)
        assert rom is not None, f"{game} is not a ROM name; games.find_game gives one"
        self._rom = rom
        self._sticky = sticky
        self._noop_max = noop_max
        self._max_frames = max_frames
        self._ale.loadROM(self._rom)
        self.actions: list[Action] = self._ale.getMinimalActionSet()
        height, width = self._ale.getScreenDims()
        self._resize = AreaResize(height, width)
        self._screens = np.zeros((2, height, width), np.uint8)
        # A pixel's four frames are the bytes of one little-endian word: ageing the stack is a shift of 7,056 words.
        self._words = np.zeros((SIDE, SIDE), "<u4")
        self.elapsed_frames = 0

    @property
    def frames(self) -> Frames:
        """What a policy sees now: (84, 84, 4) uint8, newest frame last. A copy."""
        return self._words.view(np.uint8).reshape(SIDE, SIDE, STACK).copy()

    def screen_rgb(self) -> NDArray[np.uint8]:
        """The raw screen, (height, width, 3) uint8."""
        screen: NDArray[np.uint8] = self._ale.getScreenRGB()
        return screen

    def reset(self, seed: int) -> None:
        """Start a game: FIRE where the game has it, then up to `noop_max` no-op frames drawn from `seed`."""
        if self._sticky:
            # Only sticky actions draw on the emulator's own randomness; reseeding it takes a reload, 80 ms.
            self._ale.setInt("random_seed", seed % 2**31)
            self._ale.loadROM(self._rom)
        self._ale.reset_game()
        noops = int(np.random.default_rng(seed).integers(0, self._noop_max + 1))
        if Action.FIRE in self.actions:
            self._ale.act(Action.FIRE)
            noops -= 1
        for _ in range(noops):
            self._ale.act(Action.NOOP)
            if self._ale.game_over():
                self._ale.reset_game()
        self.elapsed_frames = 0
        self._words[:] = 0
        self._ale.getScreenGrayscale(self._screens[1])
        self._push(self._screens[1])

    def step(self, action: int) -> tuple[int, bool]:
        """Repeat the action for four frames.

        Args:
            action: index into `actions`.

        Returns:
            The unclipped reward, and whether the game is over (or cut at `max_frames`).
        """
        reward, over = self.advance(action)
        if not over:
            # The max of the last two frames shows sprites that the console draws on alternate frames.
            self._push(np.maximum(self._screens[0], self._screens[1]))
        return reward, over

    def advance(self, action: int) -> tuple[int, bool]:
        """`step` without its image: four frames, the last two grabbed. What the emulator alone costs."""
        reward = 0
        for frame in range(FRAME_SKIP):
            reward += self._ale.act(self.actions[action])
            self.elapsed_frames += 1
            if self._ale.game_over() or self.elapsed_frames >= self._max_frames:
                return reward, True
            if frame >= FRAME_SKIP - 2:
                self._ale.getScreenGrayscale(self._screens[frame - 2])
        return reward, False

    def _push(self, screen: NDArray[np.uint8]) -> None:
        newest = self._resize(screen).astype("<u4")
        self._words >>= 8
        self._words |= newest << 24
