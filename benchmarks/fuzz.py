"""Throws students that nobody exported at `edgedistill play`: the test suite tries 2,000, this a night's worth.

    python benchmarks/fuzz.py [--cases 100000] [--seed 0] [--failing failing.onnx]

Each case plays a step in a process of its own, which must end with exit code 0 or 2, without a traceback or a control
character in what it says, in 5 s of CPU time and 200 MB. The first case that does not is made small and written into a
file. Ctrl-C and SIGTERM end it with what it came to.
"""

import argparse
import signal
import sys
import time
import warnings
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Flaky, HypothesisWarning

# The cases are made where the test suite has them.
sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.fuzz.limits import Played, Player
from tests.fuzz.models import students
from tests.fuzz.test_strangers_files import check

# Hypothesis remembers all cases of a batch, so as not to repeat one.
BATCH = 2_000
SECONDS_BETWEEN_LINES = 60


class Count:
    """What the cases came to."""

    def __init__(self) -> None:
        self.cases = 0
        self.failing = b""
        self._played = 0
        self._seconds, self._slowest, self._largest = 0.0, 0.0, 0.0
        self._began = self._told = time.monotonic()

    def add(self, played: Played) -> None:
        self.cases += 1
        self._played += played.status == 0
        self._seconds += played.seconds
        self._slowest = max(self._slowest, played.seconds)
        self._largest = max(self._largest, played.megabytes)
        if time.monotonic() - self._told > SECONDS_BETWEEN_LINES:
            self._told = time.monotonic()
            print(self, flush=True)

    def __str__(self) -> str:
        own = time.process_time()
        return (
            f"{self.cases:,} cases, {self._played:,} played; at most {self._slowest:.2f} s of CPU time and "
            f"{self._largest:.0f} MB; {1000 * (self._seconds + own) / max(1, self.cases):.0f} ms of CPU time a case, "
            f"{1000 * own / max(1, self.cases):.0f} of them to make it; {time.monotonic() - self._began:.0f} s"
        )


def attack(player: Player, count: Count, cases: int, batch_seed: int) -> None:
    """Try a batch of cases.

    Raises:
        AssertionError: a case failed; `count.failing` is the smallest that was found.
        Flaky: it did not fail again.
    """

    @seed(batch_seed)
    @settings(
        max_examples=cases, deadline=None, suppress_health_check=list(HealthCheck), database=None,
        phases=(Phase.generate, Phase.shrink), report_multiple_bugs=False,
    )  # fmt: skip
    @given(model=students())
    def one(model: bytes) -> None:
        played = player.play(model)
        count.add(played)
        try:
            check(played, model)
        except AssertionError:
            count.failing = model
            raise

    one()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--failing", type=Path, default=Path("failing.onnx"))
    options = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    warnings.simplefilter("ignore", HypothesisWarning)  # a failing file is long
    player, count = Player(), Count()
    try:
        for batch, first in enumerate(range(0, options.cases, BATCH)):
            attack(player, count, min(BATCH, options.cases - first), options.seed * 1_000_000 + batch)
    except (AssertionError, Flaky) as error:
        options.failing.write_bytes(count.failing)
        print(f"{error}\nThe file: {options.failing}")
        sys.exit(1)
    except KeyboardInterrupt:
        print("stopped")
        sys.exit(130)
    finally:
        player.close()
        print(count, flush=True)


if __name__ == "__main__":
    main()
