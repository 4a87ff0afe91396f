"""Ctrl-C and SIGTERM as a wish that work ends in order."""

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

# Seconds in which further SIGTERMs are the same wish: systemd sends one to each process of a service, and a parent that
# got one passes it on.
SAME_WISH = 1.0

# As shells count what a signal ended.
TERMINATED = 128 + signal.SIGTERM


class Stop(threading.Event):
    """The wish to stop, and by which signal it came."""

    number = 0
    at = 0.0
    """When it came, as `time.monotonic` counts"""

    @property
    def exit_code(self) -> int:
        """As shells count what a signal ended: 130 after Ctrl-C, 143 after SIGTERM; 0 after none."""
        return 128 + self.number if self.is_set() else 0


@contextmanager
def stop_signals(acknowledge: Callable[[], None] = lambda: None) -> Iterator[Stop]:
    """An event that the first Ctrl-C or SIGTERM sets; the second ends the process at once, with its exit code.

    SIGTERMs of the same second are one, so that a whole process group can be told, too.

    `acknowledge` is called at once after the first, on a thread of its own: the main one may be in the midst of
    printing, or wait for work that takes minutes.
    """
    stop, woken = Stop(), threading.Event()

    def watch() -> None:
        woken.wait()
        if stop.is_set():
            acknowledge()

    def on_signal(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            if number == signal.SIGINT:
                raise KeyboardInterrupt
            if time.monotonic() < stop.at + SAME_WISH:
                return
            sys.exit(TERMINATED)
        stop.number, stop.at = number, time.monotonic()
        stop.set()
        woken.set()

    watcher = threading.Thread(target=watch, name="stop", daemon=True)
    watcher.start()
    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        woken.set()
        watcher.join()
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def unwound_by_sigterm() -> Iterator[None]:
    """SIGTERM leaves by way of every `finally`, so that no temporary folder stays, with exit code 143."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only there may handlers be set
        return
    before = signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(TERMINATED))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
