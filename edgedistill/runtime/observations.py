"""Observations of other toolkits as the frames that a student's file takes."""

import numpy as np

from edgedistill.atari.emulator import STACK, Frames
from edgedistill.atari.resize import SIDE
from edgedistill.errors import BadRequest

FIRST, LAST = (STACK, SIDE, SIDE), (SIDE, SIDE, STACK)


def as_frames(observation: object) -> Frames:
    """A stack (4, 84, 84) or (84, 84, 4), or a batch of either, uint8 -> (N, 84, 84, 4) uint8.

    84 rows cannot be taken for 4 frames, so that the shape says which axis the frames are on.

    >>> as_frames(np.zeros((4, 84, 84), np.uint8)).shape
    (1, 84, 84, 4)

    Raises:
        BadRequest: another type or shape.
    """
    array = np.asarray(observation)
    if array.dtype != np.uint8:
        raise BadRequest(
            f"Observations of {array.dtype}: a student takes uint8, pixels as they are, from 0 to 255. Leave scaling "
            "out (gymnasium's AtariPreprocessing: scale_obs=False)."
        )
    if array.ndim not in (3, 4) or array.shape[-3:] not in (FIRST, LAST):
        raise BadRequest(
            f"Observations of shape {array.shape}: a student takes {FIRST} or {LAST}, alone or N of them: {STACK} gray "
            f"frames of {SIDE}x{SIDE}, the newest last. gymnasium: FrameStackObservation(AtariPreprocessing(env), 4); "
            "stable-baselines3: VecFrameStack(make_atari_env(…), 4)."
        )
    batch = array.reshape(-1, *array.shape[-3:])
    return np.ascontiguousarray(np.moveaxis(batch, 1, 3) if array.shape[-3:] == FIRST else batch)
