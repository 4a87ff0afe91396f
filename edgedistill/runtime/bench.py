"""How fast a student plays on this machine, with the base install alone."""

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from edgedistill.atari.emulator import Emulator, Frames
from edgedistill.atari.protocol import Protocol
from edgedistill.runtime.player import SECONDS_PER_DECISION, Summary, play
from edgedistill.runtime.policy import Policy

# A process of its own, so that neither this one's imports nor its memory count.
PLAY = """
import sys
from pathlib import Path
from edgedistill.cli import main
try:
    main(["play", sys.argv[1], "--headless", "--max-steps", sys.argv[2], "--json"])
finally:
    # Not getrusage: on Linux its peak survives exec, and is then that of the process that started this one.
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    print(next((line.split()[1] for line in lines if line.startswith("VmHWM")), 0), file=sys.stderr)
"""
MEMORY_DECISIONS = 1_000


@dataclass(frozen=True)
class Bench:
    """Times in microseconds, on one thread."""

    action_median: float
    action_p99: float
    emulator: float
    """Four frames and two grayscale screens, without resize or student: median"""
    loop: float
    """A whole decision: emulator, resize, stack and student: mean"""
    decisions: int
    startup_seconds: float
    """From the start of `edgedistill play --headless` to the end of its first decision: the best of three"""
    peak_bytes: int | None
    """Of a process that plays 1,000 decisions; None where the system does not tell"""

    @property
    def decisions_per_second(self) -> float:
        return 1e6 / self.loop

    @property
    def times_real_time(self) -> float:
        return self.decisions_per_second * SECONDS_PER_DECISION

    @property
    def of_emulator_rate(self) -> float:
        """The whole loop's rate as a share of the emulator's alone."""
        return self.emulator / self.loop


def bench(policy: Policy, decisions: int, report: Callable[[str], None] = lambda stage: None) -> Bench:
    """Measure a student on its game; takes a few seconds.

    Raises:
        BadRequest: the emulator offers other actions than the student knows.
    """
    report("the whole loop")
    protocol = Protocol(episodes=10**9, epsilon=0.01)
    for _ in play(policy, protocol, Summary(), max_steps=decisions // 10):
        pass  # warm-up
    began = time.perf_counter()
    for _ in play(policy, protocol, Summary(), max_steps=decisions):
        pass
    loop = (time.perf_counter() - began) / decisions * 1e6

    report("the student alone")
    frames: list[Frames] = []
    for number, decision in enumerate(play(policy, protocol, Summary(), max_steps=1_000)):
        if number % 10 == 0:
            frames.append(decision.emulator.frames[None])
    actions = [_microseconds(partial(policy.act, frames[i % len(frames)])) for i in range(decisions)]

    report("the emulator alone")
    emulator = protocol.emulator(policy.card.game)
    emulator.reset(0)
    rng = np.random.default_rng(0)
    alone = [
        _microseconds(partial(_advance, emulator, int(rng.integers(len(emulator.actions))))) for _ in range(decisions)
    ]

    report("start-up and memory")
    startups = [_play_process(policy.source, 1)[0] for _ in range(3)]
    _, peak = _play_process(policy.source, MEMORY_DECISIONS)
    return Bench(
        action_median=float(np.median(actions)),
        action_p99=float(np.quantile(actions, 0.99)),
        emulator=float(np.median(alone)),
        loop=loop,
        decisions=decisions,
        startup_seconds=min(startups),
        peak_bytes=peak,
    )


def _advance(emulator: Emulator, action: int) -> None:
    _, over = emulator.advance(action)
    if over:
        emulator.reset(0)


def _microseconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1e6


def _play_process(file: str, decisions: int) -> tuple[float, int | None]:
    """Seconds and peak memory of a fresh process that plays so many decisions."""
    began = time.perf_counter()
    finished = subprocess.run(
        [sys.executable, "-c", PLAY, file, str(decisions)], capture_output=True, text=True, check=True
    )
    seconds = time.perf_counter() - began
    kilobytes = int(finished.stderr.split()[-1])
    return seconds, kilobytes * 1024 or None
