"""Records the strongest ten seconds of a play as an animated GIF."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from edgedistill.atari.protocol import Protocol
from edgedistill.errors import BadRequest, EdgeDistillError
from edgedistill.files import check_writable, write_atomically
from edgedistill.runtime.card import Card
from edgedistill.runtime.moment import GameRecord, Moment, screens, strongest_moment
from edgedistill.runtime.player import Decision

# GIF counts in hundredths of a second; a decision lasts 66.7 ms, so play is shown 5% slow.
MILLISECONDS_PER_DECISION = 70
# 160 × 210 pixels fill a 4:3 screen when doubled in width and stretched by 1.15 in height.
SIZE = (320, 240)
# Above the screen, for the score.
STRIP = 18
# A page shows several.
MAX_BYTES = 150_000
# Colours, and decisions per frame: tried in turn until the file is small enough. The console has 128 colours.
FORMS = ((64, 1), (32, 1), (32, 2), (16, 2), (16, 3))


class GifRecorder:
    """Follows a play and writes its strongest moment at the end."""

    def __init__(self, path: Path, card: Card, protocol: Protocol) -> None:
        """
        Args:
            card: of the student that plays.
            protocol: as it plays.

        Raises:
            BadRequest: `path` is no GIF's name, or cannot be written; said now, before the game is played.
        """
        check_writable(path)
        if path.suffix.lower() != ".gif":
            raise BadRequest(f"--gif writes GIFs, got {path}. Type: --gif {path.with_suffix('.gif')}")
        self._path, self._card, self._protocol = path, card, protocol
        self._games: list[GameRecord] = []

    def __enter__(self) -> "GifRecorder":
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing was begun that would have to end."""

    def add(self, decision: Decision) -> None:
        if not self._games or self._games[-1].number != decision.episode:
            self._games.append(GameRecord(decision.episode))
        self._games[-1].add(decision.index, decision.score)

    def save(self) -> Moment:
        """Write the GIF.

        Returns:
            What it shows.

        Raises:
            EdgeDistillError: nothing was played, or the file cannot be written.
        """
        if not self._games:
            raise EdgeDistillError(f"{self._path}: nothing was played.")
        moment = strongest_moment(self._games)
        images = [with_score(screen, score) for screen, score in screens(self._card.game, self._protocol, moment)]
        for colours, every in FORMS:
            content = _gif(images[::every], colours, every * MILLISECONDS_PER_DECISION)
            if len(content) <= MAX_BYTES:
                break
        write_atomically(self._path, content)
        return moment


def with_score(screen: NDArray[np.uint8], score: float) -> Image.Image:
    """A screen (height, width, 3) uint8 RGB as a picture, the score above it."""
    image = Image.new("RGB", (SIZE[0], SIZE[1] + STRIP))
    image.paste(Image.fromarray(screen).resize(SIZE, Image.Resampling.NEAREST), (0, STRIP))
    ImageDraw.Draw(image).text((6, 3), f"score {score:g}", "white", ImageFont.load_default())
    return image


def _gif(images: Sequence[Image.Image], colours: int, milliseconds: int) -> bytes:
    first, *rest = (image.quantize(colours, dither=Image.Dither.NONE) for image in images)
    content = BytesIO()
    first.save(content, "GIF", save_all=True, append_images=rest, duration=milliseconds, loop=0, optimize=True)
    return content.getvalue()
