"""Where a training's time goes: `timed` names the phases of the loop, a `Profile` adds up what each takes."""

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import ContextDecorator, contextmanager
from pathlib import Path
from typing import Literal, TypeVar, get_args

Phase = Literal[
    "emulators", "acting", "targets", "teacher", "students", "sampling", "waiting", "adding", "evaluation",
    "checkpoint", "rest",
]  # fmt: skip
PHASES: tuple[Phase, ...] = get_args(Phase)
DESCRIPTIONS: dict[Phase, str] = {
    "emulators": "stepping the games",
    "acting": "forward passes, choice of actions",
    "targets": "Q(λ), or the target network",
    "teacher": "its updates, with their minibatches",
    "students": "the updates of all",
    "sampling": "batches out of the memory",
    "waiting": "lanes with nothing to do until the others are done",
    "adding": "rollouts into the memory",
    "evaluation": "games on the validation seeds",
    "checkpoint": "what a resumed run needs",
    "rest": "restarts of the games, log, display",
}


class _Lane(threading.local):
    """What one thread is at."""

    def __init__(self) -> None:
        self.running: list[Phase] = []
        self.mark: float | None = None


class Profile:
    """Seconds by phase, from the first agent step on.

    A phase inside another one is charged to itself alone. The time of lanes is divided by their number, and what they
    leave of the time that the main thread waits for them is `waiting`: so the phases add up to the whole.
    """

    def __init__(self) -> None:
        self.lanes = 1
        """Threads that work beside each other while the main thread waits"""
        self.seconds: dict[Phase, float] = dict.fromkeys(PHASES, 0.0)
        self.seconds_to_first_step: float | None = None
        """Since the process started; None before the first step, and where the system does not tell (not Linux)"""
        self.synchronise: Callable[[], None] = lambda: None
        """Waits for an accelerator, so that work is charged to the phase that asked for it"""
        self._lane = _Lane()
        self._lock = threading.Lock()
        self._began: float | None = None
        self._ended = 0.0

    @property
    def total(self) -> float:
        """Seconds from the first agent step to the main thread's last charge."""
        return 0.0 if self._began is None else max(self._ended - self._began, 0.0)

    def enter(self, phase: Phase) -> None:
        if self._began is None and phase == "acting":  # which is what the first agent step begins with
            self._began = self._ended = time.perf_counter()
            self.seconds_to_first_step = seconds_since_start()
        self.charge()
        self._lane.running.append(phase)

    def leave(self) -> None:
        if self._lane.running:
            self.charge()
            self._lane.running.pop()

    def charge(self) -> None:
        """The time since this thread's last change of phase goes to the phase that it is in."""
        if self._began is None:
            return
        self.synchronise()
        lane, now = self._lane, time.perf_counter()
        main = threading.current_thread() is threading.main_thread()
        if main:
            since = self._began if lane.mark is None else lane.mark
            self._ended = now
            with self._lock:
                self.seconds[lane.running[-1] if lane.running else "rest"] += now - since
        elif lane.running:
            assert lane.mark is not None
            worked = (now - lane.mark) / self.lanes
            with self._lock:
                self.seconds[lane.running[-1]] += worked
                self.seconds["waiting"] -= worked
        lane.mark = now


# One training per process at a time, as torch's number of threads is one per process.
_active: Profile | None = None


class timed(ContextDecorator):
    """`with timed("teacher"): …`, or `@timed("teacher")`: time of a phase, where a profile is kept; else nothing.

    Not around a `yield`: what the consumer does would be charged to the phase.
    """

    def __init__(self, phase: Phase) -> None:
        self._phase = phase

    def __enter__(self) -> None:
        if _active is not None:
            _active.enter(self._phase)

    def __exit__(self, *_: object) -> None:
        if _active is not None:
            _active.leave()


Result = TypeVar("Result")


def results(jobs: Sequence[Future[Result]]) -> list[Result]:
    """What jobs of lanes came to, in order; the wait for them is a phase of the main thread."""
    with timed("waiting"):
        return [job.result() for job in jobs]


@contextmanager
def profiling(profile: Profile | None) -> Iterator[None]:
    """Within, phases are charged to `profile`; the last charge is made at the end."""
    global _active
    before, _active = _active, profile
    try:
        yield
    finally:
        _active = before
        if profile is not None:
            profile.charge()


def seconds_since_start() -> float | None:
    """Since this process started, to a hundredth; None where the system does not tell."""
    stat = Path("/proc/self/stat")
    if not stat.exists():
        return None
    # The name, second of the fields, may hold spaces and brackets; the start is the 22nd, in ticks since boot.
    ticks = int(stat.read_text().rpartition(")")[2].split()[19])
    return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
