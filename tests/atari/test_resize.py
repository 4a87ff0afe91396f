from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgedistill.atari.resize import AreaResize


def exact_area(screen, row, column):
    """Mean grey level of the rectangle under one output pixel, in exact fractions, rounded half to even."""
    height, width = screen.shape
    total = Fraction(0)
    for y in range(height):
        dy = min(Fraction((row + 1) * height, 84), y + 1) - max(Fraction(row * height, 84), y)
        for x in range(width) if dy > 0 else ():
            dx = min(Fraction((column + 1) * width, 84), x + 1) - max(Fraction(column * width, 84), x)
            if dx > 0:
                total += dx * dy * int(screen[y, x])
    return round(total / Fraction(height * width, 84 * 84))


@settings(deadline=None, max_examples=15)
@given(st.sampled_from([210, 250, 214, 230, 220]), st.integers(0, 83), st.integers(0, 83), st.integers(0, 2**32))
def test_equals_exact_fractions(height, row, column, seed):
    screen = np.random.default_rng(seed).integers(0, 256, (height, 160), dtype=np.uint8)
    assert AreaResize(height, 160)(screen)[row, column] == exact_area(screen, row, column)


@pytest.mark.parametrize("level", [0, 1, 127, 255])
def test_keeps_a_flat_screen(level):
    screen = np.full((210, 160), level, np.uint8)
    assert (AreaResize(210, 160)(screen) == level).all()
