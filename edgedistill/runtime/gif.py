"""Records play as an animated GIF."""

from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edgedistill.errors import BadRequest
from edgedistill.files import check_writable, write_atomically

# GIF counts in hundredths of a second; a decision lasts 66.7 ms, so play is shown 5% slow.
MILLISECONDS_PER_DECISION = 70
# A minute of play is about 1 MB; what follows is left out.
MAX_FRAMES = 15 * 60
# 160 × 210 pixels fill a 4:3 screen when doubled in width and stretched by 1.15 in height.
SIZE = (320, 240)


class GifRecorder:
    """Collects screens and writes them at the end."""

    def __init__(self, path: Path) -> None:
        """
        Raises:
            BadRequest: `path` is no GIF's name, or cannot be written; said now, before the game is played.
        """
        if path.suffix.lower() != ".gif":
            raise BadRequest(f"--gif writes GIFs, got {path}. Type: --gif {path.with_suffix('.gif')}")
        check_writable(path)
        self._path = path
        self._frames: list[Image.Image] = []

    def __enter__(self) -> "GifRecorder":
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing was begun that would have to end."""

    def add(self, screen: NDArray[np.uint8]) -> None:
        """screen: (height, width, 3) uint8 RGB."""
        if len(self._frames) < MAX_FRAMES:
            image = Image.fromarray(screen).resize(SIZE, Image.Resampling.NEAREST)
            # The console has 128 colours, so an adaptive palette loses nothing.
            self._frames.append(image.quantize(64, dither=Image.Dither.NONE))

    def save(self) -> None:
        first, *rest = self._frames
        content = BytesIO()
        duration = MILLISECONDS_PER_DECISION
        first.save(content, "GIF", save_all=True, append_images=rest, duration=duration, loop=0, optimize=True)
        write_atomically(self._path, content.getvalue())
