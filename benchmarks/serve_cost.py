"""What it costs to be watched: CPU time of `edgedistill serve` at the console's speed, beside that of the play alone.

    python benchmarks/serve_cost.py [--game pong] [--seconds 60] [--viewers 1] [--rounds 3]

CPU time, not wall time, so that a busy machine may measure it. Three processes take turns in each round, and medians
count: `play --headless`, whose decisions are counted as if 15 of them were a second; `serve` that nobody watches;
`serve` with viewers, which are another process here and do not count. Linux alone: it reads /proc. A ratio to the play
carries over to a board better than a share of this machine's core does.
"""

import argparse
import json
import os
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from edgedistill.children import python_command
from edgedistill.runtime.machine import this_machine
from edgedistill.runtime.player import SECONDS_PER_DECISION
from edgedistill.serve.server import MOST_VIEWERS

COMMAND = python_command("-c", "from edgedistill.cli import main; main()")
SECONDS_A_TICK = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Cost:
    """CPU time of a number of decisions."""

    cpu_seconds: float
    decisions: int

    @property
    def milliseconds(self) -> float:
        """A decision."""
        return 1000 * self.cpu_seconds / self.decisions

    @property
    def share(self) -> float:
        """Of a core, at 15 decisions a second."""
        return self.cpu_seconds / self.decisions / SECONDS_PER_DECISION


def cpu_seconds(pid: int) -> float:
    """In user and system, of all threads, also of those that have ended (man proc_pid_stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * SECONDS_A_TICK


def playing(game: str, decisions: int) -> Cost:
    """`play --headless`, without what its start costs: the difference between a long play and a short one."""

    def spent(steps: int) -> float:
        before = os.times()
        command = [*COMMAND, "play", game, "--headless", "--episodes", "1000", "--max-steps", str(steps), "--json"]
        subprocess.run(command, check=True, capture_output=True)
        after = os.times()
        return after.children_user + after.children_system - before.children_user - before.children_system

    return Cost(spent(decisions + 100) - spent(100), decisions)


def serving(game: str, seconds: float, viewers: int) -> Cost:
    """`serve` at the console's speed, watched over the loopback by `viewers` that read all they get."""
    command = [*COMMAND, "serve", game, "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().partition(" at ")[2].partition(";")[0]
            for path in ("screen.mjpeg", "events") * viewers:
                threading.Thread(target=read_all, args=(f"{url}/{path}",), daemon=True).start()
            time.sleep(3)
            began, before = decisions_of(url), cpu_seconds(process.pid)
            time.sleep(seconds)
            return Cost(cpu_seconds(process.pid) - before, decisions_of(url) - began)
        finally:
            process.terminate()


def read_all(url: str) -> None:
    with urllib.request.urlopen(url) as stream:
        while stream.read1():
            pass


def decisions_of(url: str) -> int:
    with urllib.request.urlopen(f"{url}/events") as events:
        decisions: int = json.loads(events.readline())["decisions"]
        return decisions


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--game", default="pong")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--viewers", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    if not 0 <= arguments.viewers < MOST_VIEWERS:
        # The benchmark looks on as well, at both ends of its time.
        parser.error(f"--viewers must be from 0 to {MOST_VIEWERS - 1}, got {arguments.viewers}")
    game, seconds, viewers = arguments.game, arguments.seconds, arguments.viewers
    # A play takes a tenth of the time of its game, so that ten times as many decisions cost no more patience, and the
    # start, which is subtracted, counts for less.
    contestants: dict[str, Callable[[], Cost]] = {
        "play alone": lambda: playing(game, int(10 * seconds / SECONDS_PER_DECISION)),
        "serve, nobody watches": lambda: serving(game, seconds, 0),
        f"serve, viewers: {viewers}": lambda: serving(game, seconds, viewers),
    }
    rounds = [{name: measure() for name, measure in contestants.items()} for _ in range(arguments.rounds)]
    print(f"{this_machine().cpu}, {arguments.game}")
    print(f"{'':<24}{'ms a decision':>14}{'of a core at 15 Hz':>20}{'× the play':>12}")
    for name in contestants:
        milliseconds = median(each[name].milliseconds for each in rounds)
        share = median(each[name].share for each in rounds)
        ratio = median(each[name].milliseconds / each["play alone"].milliseconds for each in rounds)
        print(f"{name:<24}{milliseconds:>14.3f}{share:>20.2%}{ratio:>12.2f}")


if __name__ == "__main__":
    main()
