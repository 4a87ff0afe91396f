"""How fast a student plays on this machine, with the base install alone."""

import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np

from edgedistill.atari.emulator import Frames
from edgedistill.atari.protocol import MAX_EPISODES, Episode, Protocol
from edgedistill.children import python_command
from edgedistill.errors import EdgeDistillError
from edgedistill.runtime.player import SECONDS_PER_DECISION, Summary, play
from edgedistill.runtime.policy import Policy

# A process of its own, so that neither this one's imports nor its memory count.
PLAY = """
import sys
from pathlib import Path
from edgedistill.cli import main
try:
    main(["play", sys.argv[1], "--headless", "--max-steps", sys.argv[2], "--json"])
except SystemExit as ended:
    if ended.code:
        raise
# Not getrusage: on Linux its peak survives exec, and is then that of the process that started this one.
status = Path("/proc/self/status")
lines = status.read_text().splitlines() if status.exists() else []
print(next((line.split()[1] for line in lines if line.startswith("VmHWM")), 0), file=sys.stderr)
"""
MEMORY_DECISIONS = 1_000
# The loop and the emulator alone take turns, so that both see the machine's faster and slower moments.
ROUNDS = 5


@dataclass(frozen=True)
class Bench:
    """Times in microseconds, on one thread."""

    action_median: float
    action_p99: float
    emulator: float
    """Four frames and two grayscale screens, without resize or student, on the loop's own actions"""
    loop: float
    """A whole decision: emulator, resize, stack and student; median of the rounds, as of the emulator alone"""
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
        EdgeDistillError: a process that plays it fails.
    """
    report("the whole loop and the emulator alone")
    protocol = Protocol(episodes=MAX_EPISODES, epsilon=0.01)
    loops, emulators = [], []
    for number in range(ROUNDS):
        seeded = replace(protocol, seed=number)
        seconds, actions = _time_loop(policy, seeded, decisions // ROUNDS)
        loops.append(seconds)
        emulators.append(_time_emulator(policy.card.game, seeded, actions))

    report("the student alone")
    frames: list[Frames] = []
    for number, decision in enumerate(play(policy, protocol, Summary(), max_steps=1_000)):
        if number % 10 == 0:
            frames.append(decision.emulator.frames[None])
    acting = [_microseconds(partial(policy.act, frames[i % len(frames)])) for i in range(decisions)]

    report("start-up and memory")
    startups = [_play_process(policy.source, 1)[0] for _ in range(3)]
    _, peak = _play_process(policy.source, MEMORY_DECISIONS)
    return Bench(
        action_median=float(np.median(acting)),
        action_p99=float(np.quantile(acting, 0.99)),
        emulator=median(emulators) / (decisions // ROUNDS) * 1e6,
        loop=median(loops) / (decisions // ROUNDS) * 1e6,
        decisions=decisions,
        startup_seconds=min(startups),
        peak_bytes=peak,
    )


def _time_loop(policy: Policy, protocol: Protocol, decisions: int) -> tuple[float, list[int]]:
    """Seconds of so many decisions, and the actions played; the first, which sets the emulator up, is not timed."""
    names: list[str] = []
    playing = play(policy, protocol, Summary(), max_steps=decisions + 1)
    names.append(next(playing).action)
    began = time.perf_counter()
    for decision in playing:
        names.append(decision.action)
    return time.perf_counter() - began, [policy.card.actions.index(name) for name in names]


def _time_emulator(game: str, protocol: Protocol, actions: list[int]) -> float:
    """Seconds of the same games without an image: only `advance`, and the resets between games."""
    emulator = protocol.emulator(game)
    episode = Episode(emulator, protocol, 0)
    emulator.advance(actions[0])
    began = time.perf_counter()
    for action in actions[1:]:
        if emulator.advance(action)[1]:
            episode = Episode(emulator, protocol, episode.number + 1)
    return time.perf_counter() - began


def _microseconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1e6


def _play_process(file: str, decisions: int) -> tuple[float, int | None]:
    """Seconds and peak memory of a fresh process that plays so many decisions.

    Raises:
        EdgeDistillError: it fails.
    """
    began = time.perf_counter()
    # Absolute: a name may begin with a dash.
    command = python_command("-c", PLAY, str(Path(file).absolute()), str(decisions))
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - began
    if finished.returncode:
        said = finished.stderr.splitlines() or [f"exit code {finished.returncode}"]
        raise EdgeDistillError(f"{file}: a process that plays it failed ({said[-1]}).")
    kilobytes = int(finished.stderr.split()[-1])
    return seconds, kilobytes * 1024 or None
