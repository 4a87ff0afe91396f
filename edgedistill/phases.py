"""Where a training's time goes: `timed` names the phases of the loop, a `Profile` adds up what each takes."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ContextDecorator, contextmanager
from pathlib import Path
from typing import Literal, get_args

Phase = Literal[
    "emulators", "acting", "targets", "teacher", "students", "adding", "sampling", "evaluation", "checkpoint", "rest"
]
PHASES: tuple[Phase, ...] = get_args(Phase)
DESCRIPTIONS: dict[Phase, str] = {
    "emulators": "stepping the games",
    "acting": "forward passes, choice of actions",
    "targets": "Q(λ), or the target network",
    "teacher": "its updates, with their minibatches",
    "students": "the updates of all",
    "adding": "rollouts into the memory",
    "sampling": "batches out of the memory",
    "evaluation": "games on the validation seeds",
    "checkpoint": "what a resumed run needs",
    "rest": "restarts of the games, log, display",
}


class Profile:
    """Seconds by phase, from the first agent step on. A phase inside another one is charged to itself alone, so that
    all phases add up to the whole."""

    def __init__(self) -> None:
        self.seconds: dict[Phase, float] = dict.fromkeys(PHASES, 0.0)
        self.seconds_to_first_step: float | None = None
        """Since the process started; None before the first step, and where the system does not tell (not Linux)"""
        self.synchronise: Callable[[], None] = lambda: None
        """Waits for an accelerator, so that work is charged to the phase that asked for it"""
        self._running: list[Phase] = []
        self._began = 0.0
        self._mark: float | None = None

    @property
    def total(self) -> float:
        """Seconds from the first agent step to the last charge."""
        return 0.0 if self._mark is None else self._mark - self._began

    def enter(self, phase: Phase) -> None:
        if self._mark is None:
            if phase != "acting":  # which is what the first agent step begins with
                return
            self._began = self._mark = time.perf_counter()
            self.seconds_to_first_step = seconds_since_start()
        self.charge()
        self._running.append(phase)

    def leave(self) -> None:
        if self._running:
            self.charge()
            self._running.pop()

    def charge(self) -> None:
        """The time since the last change of phase goes to the phase that is running."""
        if self._mark is not None:
            self.synchronise()
            now = time.perf_counter()
            self.seconds[self._running[-1] if self._running else "rest"] += now - self._mark
            self._mark = now


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
