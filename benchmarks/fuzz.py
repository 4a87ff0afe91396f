"""Throws students that nobody exported at `edgedistill play`: the test suite tries 2,000, this a night's worth.

    python benchmarks/fuzz.py [--cases 100000] [--seed 0]

Each case plays a step in a process of its own, which must end with exit code 0 or 2, without a traceback or a control
character in what it says, in 5 s of CPU time and 200 MB. The first case that does not is made small and printed.
"""

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

from hypothesis import HealthCheck, given, seed, settings

# The cases are made where the test suite has them.
sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.fuzz.limits import Player
from tests.fuzz.models import students
from tests.fuzz.test_strangers_files import check


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    player, ends, slowest, largest = Player(), Counter[int](), 0.0, 0.0
    began = time.monotonic()

    @seed(options.seed)
    @settings(max_examples=options.cases, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(model=students())
    def attack(model: bytes) -> None:
        nonlocal slowest, largest
        played = player.play(model)
        ends[played.status] += 1
        slowest, largest = max(slowest, played.seconds), max(largest, played.megabytes)
        if ends.total() % 5_000 == 0:
            print(f"{ends.total():,} cases, {time.monotonic() - began:.0f} s", flush=True)
        check(played)

    attack()
    player.close()
    print(
        f"{ends.total():,} cases: {ends[0]:,} played, {ends[2]:,} were refused; at most {slowest:.2f} s of CPU time "
        f"and {largest:.0f} MB; {time.monotonic() - began:.0f} s"
    )


if __name__ == "__main__":
    main()
