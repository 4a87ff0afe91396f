"""Area resize of a grayscale screen in integers: the same pixels on every CPU.

OpenCV's INTER_AREA, which the training environment uses, rounds in floating point and differs by one grey level
between x86 and ARM on exact ties. Here a pixel is a weighted sum of whole numbers, rounded half to even.
"""

from math import gcd
from typing import Any

import numpy as np
from numpy.typing import NDArray

SIDE = 84


class AreaResize:
    """Resizes (height, width) uint8 screens to (84, 84).

    Output pixel d of an axis of S input pixels covers [d·S/84, (d+1)·S/84); the weight of input pixel s is its
    overlap, in units of gcd(S, 84)/84, so that all weights are integers that sum to S/gcd(S, 84).
    """

    def __init__(self, height: int, width: int) -> None:
        row_index, row_weight, row_sum = _taps(height)
        column_index, column_weight, column_sum = _taps(width)
        total = row_sum * column_sum
        # 16 bits hold the sums of the usual 210 × 160 screen, and take half the time of 32.
        self._sums = np.uint16 if 255 * total <= np.iinfo(np.uint16).max else np.uint32
        self._rows = list(zip(row_index, _spread(row_weight.astype(self._sums), width), strict=True))
        self._columns = list(zip(column_index, _spread(column_weight.astype(self._sums), SIDE), strict=True))
        self._total = np.float32(total)

    def __call__(self, screen: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """(height, width) uint8 -> (84, 84) uint8."""
        rows = _weighted_sum(screen.astype(self._sums), self._rows)
        # Transposed, so that columns are gathered as rows are: by copying whole lines.
        pixels = _weighted_sum(np.ascontiguousarray(rows.T), self._columns).T
        # Exact in floating point too: sums are below 2²⁴, IEEE 754 divides ties into exact halves, and what is no tie
        # is at least 1/total away from one.
        return np.asarray(np.rint(pixels / self._total).astype(np.uint8))


def _weighted_sum(lines: NDArray[Any], taps: list[tuple[NDArray[np.intp], NDArray[Any]]]) -> NDArray[Any]:
    """lines (size, other) -> (84, other): the sum over taps of gathered lines times their weights."""
    (index, weight), *others = taps
    total = lines.take(index, axis=0) * weight
    for index, weight in others:
        total += lines.take(index, axis=0) * weight
    return np.asarray(total)


def _spread(weights: NDArray[Any], other: int) -> list[NDArray[Any]]:
    """weights (taps, 84) -> one a tap: a number where it is the same for all lines, else (84, other) in full.

    Multiplying by either is some three times as fast as by a column that numpy has to broadcast.
    """
    return [each[0] if (each == each[0]).all() else np.repeat(each[:, None], other, axis=1) for each in weights]


def _taps(size: int) -> tuple[NDArray[np.intp], NDArray[np.intp], int]:
    """Input lines of each of the 84 output lines and their weights, both (taps, 84), and the sum of the weights.

    Heavier taps come first: of 210 rows that makes the weights 2, 2, 1 for every output.
    """
    unit = gcd(size, SIDE)
    output = np.arange(SIDE)[:, None]
    source = np.arange(size)[None, :]
    overlap = np.minimum((output + 1) * size, (source + 1) * SIDE) - np.maximum(output * size, source * SIDE)
    weights = np.maximum(overlap, 0) // unit  # (84, size)
    taps = (weights > 0).sum(axis=1).max()
    heaviest = np.argsort(-weights, axis=1, kind="stable")[:, :taps]
    return heaviest.T, np.take_along_axis(weights, heaviest, axis=1).T, size // unit
