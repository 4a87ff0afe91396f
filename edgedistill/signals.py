"""Ctrl-C and SIGTERM as a wish that work ends in order."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def stop_signals() -> Iterator[threading.Event]:
    """An event that the first Ctrl-C or SIGTERM sets; the second interrupts at once."""
    stop = threading.Event()

    def on_signal(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


# As shells count what a signal ended.
TERMINATED = 128 + signal.SIGTERM


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
