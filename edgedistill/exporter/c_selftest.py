"""The frames of the C export's self-test, made by the same few lines in Python and in C."""

import numpy as np

from edgedistill.atari.emulator import STACK, Frames
from edgedistill.atari.resize import SIDE

# Each takes 4 bytes of flash an action and a decision's time.
TESTS = 4


def selftest_frames() -> Frames:
    """(TESTS, 84, 84, 4) uint8: what `draw` of `export/selftest.c` makes of 1, 2, …"""
    return np.stack([_drawn(test + 1) for test in range(TESTS)])


def _drawn(state: int) -> Frames:
    size, drawn = SIDE * SIDE * STACK, bytearray()
    while len(drawn) < size:
        state = (state * 1664525 + 1013904223) % 2**32
        drawn += bytes([state >> 24]) * ((state >> 16 & 15) + 1)
    return np.frombuffer(bytes(drawn[:size]), np.uint8).reshape(SIDE, SIDE, STACK)
