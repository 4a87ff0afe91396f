"""Whether play leaks: the memory of a process that takes a million decisions.

    python benchmarks/soak.py [FILE|GAME] [--decisions 1000000]

Prints the resident memory along the way; it must not grow after the first 10,000 decisions. Linux only (/proc).
"""

import argparse
import os
import time
from pathlib import Path

from edgedistill.atari.protocol import MAX_EPISODES, Protocol
from edgedistill.runtime.player import Summary, play
from edgedistill.runtime.policy import Policy
from edgedistill.runtime.shipped import find_student

# By then each buffer has been allocated once, and several games have been restarted.
SETTLED = 10_000
REPORTS = 20


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="?", default="pong")
    parser.add_argument("--decisions", type=int, default=1_000_000)
    arguments = parser.parse_args()
    if arguments.decisions <= SETTLED:
        parser.error(
            f"--decisions must be above {SETTLED:,}, after which memory is watched; got {arguments.decisions:,}"
        )

    policy = Policy.load(find_student(arguments.file))
    summary = Summary()
    settled = peak = 0
    began = time.perf_counter()
    print("| decisions | games | resident memory | minutes |")
    print("| ---: | ---: | ---: | ---: |")
    for _ in play(policy, Protocol(episodes=MAX_EPISODES), summary, max_steps=arguments.decisions):
        if summary.steps == SETTLED:
            settled = peak = resident_bytes()
        if summary.steps == SETTLED or summary.steps % (arguments.decisions // REPORTS) == 0:
            resident = resident_bytes()
            peak = max(peak, resident)
            minutes = (time.perf_counter() - began) / 60
            print(
                f"| {summary.steps:,} | {len(summary.scores):,} | {resident / 1e6:.2f} MB | {minutes:.1f} |", flush=True
            )
    print(
        f"\nAfter the first {SETTLED:,} decisions: {(peak - settled) / 1e3:+.0f} KB; actions {summary.actions_sha256}"
    )


if __name__ == "__main__":
    main()
