"""A layer of an exported student as whole numbers."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


class UnknownGraph(Exception):
    """The graph is not one that `exporter.graph` writes, or wrote in another format version."""


@dataclass(frozen=True)
class IntegerLayer:
    """A layer whose output is (inputs · weight + bias) · scale, rounded to uint8 after a ReLU unless it is the last.

    Raises:
        UnknownGraph: a scale that is not positive, or sums that do not fit 32 bits, which are undefined in C.
    """

    weight: NDArray[np.int8]
    """(out, k, k, in), (out, k, k, 1) where depthwise, or (out, in) on inputs that were flattened from (height, width,
    channels)"""
    bias: NDArray[np.int32]
    """(out,)"""
    scale: NDArray[np.float32]
    """(out,)"""
    stride: int | None
    """None for a fully connected layer"""
    depthwise: bool = False
    """Each filter sees one channel, the one that its output has the place of"""

    def __post_init__(self) -> None:
        if not (np.isfinite(self.scale).all() and (self.scale > 0).all()):
            raise UnknownGraph("a scale that is not positive")
        products = 255 * np.abs(self.weight.astype(np.int64)).reshape(len(self.weight), -1).sum(1)
        if (np.abs(self.bias.astype(np.int64)) + products).max() > np.iinfo(np.int32).max:
            raise UnknownGraph("sums beyond 32 bits")
