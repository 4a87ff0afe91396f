"""Ctrl-C, SIGTERM and a terminal that closes, as a wish that work ends in order."""

import os
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

# SIGHUP comes when the terminal closes; Windows has none.
ENDS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))


def exit_code(number: int) -> int:
    """As shells count what a signal ended: 130 after Ctrl-C, 143 after SIGTERM, 129 after SIGHUP."""
    return 128 + number


class Stop(threading.Event):
    """The wish to stop, and by which signal it came."""

    number = 0
    at = 0.0
    """When it came, as `time.monotonic` counts"""

    @property
    def exit_code(self) -> int:
        """Of its signal; 0 after none."""
        return exit_code(self.number) if self.is_set() else 0


@contextmanager
def stop_signals(acknowledge: Callable[[], None] = lambda: None) -> Iterator[Stop]:
    """An event that the first Ctrl-C, SIGTERM or SIGHUP sets; the second ends the process at once, with its exit code.

    All but Ctrl-C of the same second are one, so that a whole process group can be told, too.

    `acknowledge` is called at once after the first, on a thread of its own: the main one may be in the midst of
    printing, or wait for work that takes minutes.
    """
    stop, woken = Stop(), threading.Event()

    def watch() -> None:
        woken.wait()
        if stop.is_set():
            acknowledge()

    terminals = _terminals()

    def on_signal(number: int, frame: FrameType | None) -> None:
        if number not in (signal.SIGINT, signal.SIGTERM):
            _let_go_of(terminals)
        if stop.is_set():
            if number == signal.SIGINT:
                raise KeyboardInterrupt
            if time.monotonic() < stop.at + SAME_WISH:
                return
            sys.exit(exit_code(number))
        stop.number, stop.at = number, time.monotonic()
        stop.set()
        woken.set()

    watcher = threading.Thread(target=watch, name="stop", daemon=True)
    watcher.start()
    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, *_heeded())}
    try:
        yield stop
    finally:
        woken.set()
        watcher.join()
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def unwound_when_ended() -> Iterator[None]:
    """SIGTERM and SIGHUP leave by way of every `finally`, so that no temporary folder stays; exit code 143 or 129."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only there may handlers be set
        return
    terminals = _terminals()

    def on_signal(number: int, frame: FrameType | None) -> None:
        if number != signal.SIGTERM:
            _let_go_of(terminals)
        sys.exit(exit_code(number))

    before = {number: signal.signal(number, on_signal) for number in _heeded()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _heeded() -> list[int]:
    """What asks for an end here: under `nohup`, a terminal that closes does not."""
    return [number for number in ENDS if signal.getsignal(number) is not signal.SIG_IGN]


def _terminals() -> list[int]:
    """Of stdout and stderr, the descriptors that lead to a terminal."""
    return [descriptor for descriptor in (1, 2) if os.isatty(descriptor)]


def _let_go_of(terminals: list[int]) -> None:
    """Write to nowhere: to print for a terminal that is gone is an error, which would cost the work."""
    if terminals:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for descriptor in terminals:
            os.dup2(nowhere, descriptor)
        os.close(nowhere)
