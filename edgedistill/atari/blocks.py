"""The one shape of frames in training: 4×4 blocks of pixels, from the emulator on.

A block's pixels of all four frames, 4 · 16 values, are its channels ("space to depth"): a convolution of kernel 8 and
stride 4 over 4 channels is one of kernel 2 and stride 1 over 64, which vector units like better. Play is brought into
this shape once, kept in it, and learnt from in it.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edgedistill.atari.emulator import STACK
from edgedistill.atari.resize import SIDE

BLOCK = 4
BLOCKS = SIDE // BLOCK
PIXELS = BLOCK**2
CHANNELS = STACK * PIXELS
# What a block has of one frame, as numpy moves it: in one piece.
CELL = np.dtype(f"V{PIXELS}")


def to_blocks(obs: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(N, 4, 84, 84) -> (N, 21, 21, 64): frame by frame, newest last, the 16 pixels of each block."""
    # Four pixels of a row are moved as one int32.
    pixels = np.ascontiguousarray(obs).view(np.int32)
    rows = pixels.reshape(len(obs), STACK, BLOCKS, BLOCK, BLOCKS)
    blocks = np.ascontiguousarray(rows.transpose(0, 2, 4, 1, 3)).view(np.uint8)
    return blocks.reshape(len(obs), BLOCKS, BLOCKS, CHANNELS)


def stacked(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Single frames (N, 4, 21, 21, 16) -> (N, 21, 21, 64)."""
    cells = frames.view(CELL)[..., 0].transpose(0, 2, 3, 1)
    return np.ascontiguousarray(cells).view(np.uint8).reshape(len(frames), BLOCKS, BLOCKS, CHANNELS)


def newest(blocks: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(..., 21, 21, 64) -> (..., 21, 21, 16), a view of the newest frame of each stack."""
    return blocks[..., -PIXELS:]


def shown(blocks: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """(N, 21, 21, 64) -> (N, 4): which frames of a stack show anything. After a reset, the older ones are black."""
    return np.asarray(blocks.reshape(len(blocks), BLOCKS**2, STACK, PIXELS).any(axis=(1, 3)))


def blocks_to_input(blocks: NDArray[np.uint8], device: torch.device, dtype: torch.dtype) -> Tensor:
    """(N, 21, 21, 64) -> (N, 64, 21, 21) on `device`, channels last.

    Values stay from 0 to 255, which bfloat16 holds exactly; the first layer scales.
    """
    return torch.from_numpy(blocks).to(device).to(dtype).permute(0, 3, 1, 2)


def to_input(obs: NDArray[np.uint8], device: torch.device, dtype: torch.dtype) -> Tensor:
    """(N, 4, 84, 84) -> (N, 64, 21, 21), as `blocks_to_input` gives it."""
    return blocks_to_input(to_blocks(obs), device, dtype)
