"""Area resize of a grayscale screen in integers: the same pixels on every CPU.

OpenCV's INTER_AREA, which the training environment uses, rounds in floating point and differs by one grey level
between x86 and ARM on exact ties. Here a pixel is a weighted sum of whole numbers, rounded half to even.
"""

from math import gcd

import numpy as np
from numpy.typing import NDArray

SIDE = 84


class AreaResize:
    """Resizes (height, width) uint8 screens to (84, 84).

    Output pixel d of an axis of S input pixels covers [d·S/84, (d+1)·S/84); the weight of input pixel s is its
    overlap, in units of gcd(S, 84)/84, so that all weights are integers that sum to S/gcd(S, 84).
    """

    def __init__(self, height: int, width: int) -> None:
        self._row_index, self._row_weight, row_sum = _taps(height)
        self._column_index, self._column_weight, column_sum = _taps(width)
        total = row_sum * column_sum
        # Division by a table look-up: exact, and faster than a division of 7,056 pixels.
        sums = np.arange(255 * total + 1)
        self._rounded = np.rint(sums / total).astype(np.uint8)

    def __call__(self, screen: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """(height, width) uint8 -> (84, 84) uint8."""
        rows = np.zeros((SIDE, screen.shape[1]), np.uint32)
        for index, weight in zip(self._row_index, self._row_weight, strict=True):
            rows += screen.take(index, axis=0) * weight[:, None]
        pixels = np.zeros((SIDE, SIDE), np.uint32)
        for index, weight in zip(self._column_index, self._column_weight, strict=True):
            pixels += rows.take(index, axis=1) * weight
        return np.asarray(self._rounded[pixels])


def _taps(size: int) -> tuple[list[NDArray[np.intp]], list[NDArray[np.uint32]], int]:
    """For each tap of an axis: input index and weight per output pixel, both (84,); and the sum of weights."""
    unit = gcd(size, SIDE)
    output = np.arange(SIDE)[:, None]
    source = np.arange(size)[None, :]
    overlap = np.minimum((output + 1) * size, (source + 1) * SIDE) - np.maximum(output * size, source * SIDE)
    weights = np.maximum(overlap, 0) // unit  # (84, size)
    first = (weights > 0).argmax(axis=1)
    indices, tap_weights = [], []
    for tap in range((weights > 0).sum(axis=1).max()):
        index = np.minimum(first + tap, size - 1)
        weight = np.where(first + tap < size, weights[np.arange(SIDE), index], 0)
        indices.append(index)
        tap_weights.append(weight.astype(np.uint32))
    return indices, tap_weights, size // unit
