"""What viewers are shown: one snapshot of play at a time, the latest one, never a queue of them."""

import json
import threading
from base64 import b64encode
from collections.abc import Callable
from functools import partial
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# Of JPEG. Colours at full resolution: a ball of two pixels would lose its own otherwise.
QUALITY, SUBSAMPLING = 90, 0


class Snapshot:
    """The screen, what the student sees of it, and the figures beside it; encoded once, for whoever asks first."""

    def __init__(self, screen: NDArray[np.uint8], seen: NDArray[np.uint8], state: dict[str, Any]) -> None:
        """
        Args:
            screen: (height, width, 3) uint8 RGB.
            seen: (84, 84) uint8, the student's newest frame.
            state: JSON values.
        """
        self._screen = screen
        self._seen = seen
        self.state = state
        self._lock = threading.Lock()
        self._jpeg: bytes | None = None
        self._line: bytes | None = None

    def jpeg(self) -> bytes:
        """The screen."""
        with self._lock:
            if self._jpeg is None:
                save = partial(Image.fromarray(self._screen).save, format="JPEG")
                self._jpeg = _encoded(partial(save, quality=QUALITY, subsampling=SUBSAMPLING))
            return self._jpeg

    def line(self) -> bytes:
        """State and what the student sees (`seen`, a PNG's data URL) as one line of JSON."""
        with self._lock:
            if self._line is None:
                png = _encoded(partial(Image.fromarray(self._seen).save, format="PNG", compress_level=1))
                seen = "data:image/png;base64," + b64encode(png).decode()
                self._line = json.dumps(self.state | {"seen": seen}).encode() + b"\n"
            return self._line


class Snapshots:
    """Where the game leaves its latest snapshot and viewers wait for it. The game never waits for a viewer."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._latest: Snapshot | None = None
        self._number = 0
        self._closed = False

    def show(self, snapshot: Snapshot) -> None:
        with self._changed:
            self._latest = snapshot
            self._number += 1
            self._changed.notify_all()

    def close(self) -> None:
        """Viewers that wait are told that nothing follows."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def after(self, number: int) -> tuple[int, Snapshot] | None:
        """The latest snapshot once it is another than that of a number, and its own number; None: the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._number > number)
            return None if self._closed or self._latest is None else (self._number, self._latest)


def _encoded(save: Callable[[BytesIO], None]) -> bytes:
    content = BytesIO()
    save(content)
    return content.getvalue()
