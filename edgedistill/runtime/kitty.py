"""Pictures in a terminal by kitty's graphics protocol, which Ghostty, Konsole and WezTerm speak as well.

https://sw.kovidgoyal.net/kitty/graphics-protocol: an escape sequence of keys, then the pixels in base64.
"""

import os
import re
import select
import time
import zlib
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

# The same picture each time, so that a new one takes the place of the one before.
PICTURE = 7
# A picture of one pixel as a question, then one that each terminal answers: who knows of no pictures skips the first.
QUESTION = f"\x1b_Gi={PICTURE},s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\\x1b[c"
YES, ANSWERED = re.compile(rb"\x1b_G[^\x1b]*;OK\x1b\\"), re.compile(rb"\x1b\[\?[0-9;]*c")
# Over a slow line; most terminals take a few milliseconds.
PATIENCE_SECONDS = 0.5
# The protocol's bound on one piece of a picture.
PIECE_BYTES = 4096
DELETED = f"\x1b_Ga=d,d=I,i={PICTURE},q=2\x1b\\"
# They would print the question, or keep the picture to themselves.
NEVER_ASKED = ("dumb", "linux", "screen", "tmux", "vt")


def shows_pictures(keyboard: int = 0, terminal: int = 1) -> bool:
    """Ask the terminal whether it draws pictures; what is typed meanwhile is lost.

    Args:
        keyboard, terminal: file descriptors of a terminal, to read from and to write to.
    """
    name = os.environ.get("TERM", "")
    if not name or name.startswith(NEVER_ASKED):
        return False
    try:
        with _unechoed(keyboard):
            os.write(terminal, QUESTION.encode())
            return YES.search(_answer(keyboard)) is not None
    except (ImportError, OSError):
        return False  # Windows has no termios; or it is no terminal after all


def picture(screen: NDArray[np.uint8], columns: int, rows: int) -> str:
    """What draws a screen into the upper left of the terminal and leaves the cursor where it is.

    Args:
        screen: (height, width, 3) uint8 RGB.
        columns, rows: of characters to fill; the terminal scales.
    """
    height, width, _ = screen.shape
    keys = f"a=T,f=24,o=z,s={width},v={height},c={columns},r={rows},i={PICTURE},p=1,C=1,q=2"
    data = b64encode(zlib.compress(screen.tobytes(), 1)).decode()
    pieces = [data[start : start + PIECE_BYTES] for start in range(0, len(data), PIECE_BYTES)]
    drawn = []
    for number, piece in enumerate(pieces):
        more = int(number < len(pieces) - 1)
        drawn.append(f"\x1b_G{keys},m={more};{piece}\x1b\\" if number == 0 else f"\x1b_Gm={more};{piece}\x1b\\")
    return f"\x1b7\x1b[H{''.join(drawn)}\x1b8"


def _answer(keyboard: int) -> bytes:
    """All that comes until the second question is answered."""
    deadline, answer = time.monotonic() + PATIENCE_SECONDS, b""
    while not ANSWERED.search(answer):
        ready, _, _ = select.select([keyboard], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            break
        answer += os.read(keyboard, 1024)
    return answer


@contextmanager
def _unechoed(keyboard: int) -> Iterator[None]:
    """Characters come as they are typed and are not shown."""
    import termios
    import tty

    try:
        before = termios.tcgetattr(keyboard)
        tty.setcbreak(keyboard, termios.TCSANOW)
    except termios.error as error:
        raise OSError(str(error)) from error
    try:
        yield
    finally:
        termios.tcsetattr(keyboard, termios.TCSANOW, before)
