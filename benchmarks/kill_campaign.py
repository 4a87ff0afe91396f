"""Kills training, export and zoo build at random moments, fills the disk under them, and looks at what is left.

    python benchmarks/kill_campaign.py [--kills 100] [--seed 0] [--csv kills.csv]

After each SIGKILL: no checkpoint that was there is lost, its memory is with it, every line of the logs is whole and
there once, what was exported loads or is not there, and the same command goes on. Then a second process on one run, a
disk that is full (a tmpfs of a few sizes) and a folder that is read-only: one line each, exit code 1, and the run as it
was. The last two need root, for mounts; without it they are left out, and the table says so.
"""

import argparse
import csv
import os
import random
import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from edgedistill.children import python_command
from edgedistill.errors import EdgeDistillError
from edgedistill.files import alone
from edgedistill.runs.folder import METRICS, RunFolder
from edgedistill.runtime.policy import Policy
from edgedistill.zoo_build.layout import GameFolder

PROGRAM = python_command("-c", "from edgedistill.cli import main; main()")
RUN = {
    "envs": 4, "minibatch": 64, "memory-frames": 1000, "student-batch": 32, "checkpoint-every": 256,
    "evaluate-every": 1024, "evaluate-episodes": 1,
}  # fmt: skip
SMALL = [f"--{name}={value}" for name, value in RUN.items()] + ["--threads=1"]
SETTINGS = [f"--set={name}={value}" for name, value in RUN.items()]
# So many steps that no campaign comes to their end.
ENDLESS = 10**9
# Seconds after which a command hangs: it is not merely slow, however busy the machine.
HANGS = 4 * 3600


def start(*arguments: object) -> subprocess.Popen[str]:
    """A command in a process group of its own."""
    return subprocess.Popen(
        [*PROGRAM, *map(str, arguments)],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


def kill(process: subprocess.Popen[str], seconds: float) -> None:
    """SIGKILL to all of a command's processes, unless it ends sooner, and then well."""
    try:
        _, said = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        _, said = process.communicate()
    assert process.returncode in (0, -signal.SIGKILL), said


def finish(*arguments: object, code: int = 0) -> str:
    """Run a command to its end; what it said on stderr."""
    process = start(*arguments)
    _, said = process.communicate(timeout=HANGS)
    assert process.returncode == code, said
    assert "Traceback" not in said, said
    return said


def last_checkpoint(run: Path) -> int:
    """Its step, -1 where there is none; nothing is said of damage, because there must be none. Its memory is there."""
    folder = RunFolder(run)
    if not folder.has_checkpoint():
        return -1
    warnings: list[str] = []
    step: int = folder.load_checkpoint(warnings.append)[1]["step"]
    assert not warnings, warnings
    folder.load_memory(step)
    return step


def check_log(run: Path) -> None:
    """Every line is whole, and each step is there once."""
    warnings: list[str] = []
    metrics = RunFolder(run).metrics(warnings.append)
    assert not warnings, warnings
    seen = Counter((type(record), record.step) for record in metrics.records)
    assert not seen or max(seen.values()) == 1, seen.most_common(3)


def wait_for_checkpoint(run: Path, after: int, process: subprocess.Popen[str]) -> None:
    """Until a process has written one of a step beyond `after`."""
    wait_until(lambda: newest(run) > after, process)
    assert newest(run) > after, process.communicate()


def wait_until(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Until it holds, or the process has ended."""
    while not condition() and process.poll() is None:
        time.sleep(0.02)


def newest(run: Path) -> int:
    """The step in the name of the newest checkpoint, which is there only when it is whole."""
    return max((int(file.stem[5:]) for file in run.glob("checkpoints/step-*.safetensors")), default=-1)


def kill_training(folder: Path, rng: random.Random) -> Iterator[str]:
    """One run, resumed after each kill."""
    run, before = folder / "run", -1
    while True:
        resumed = (run / "config.json").exists() and RunFolder(run).has_checkpoint()
        where = ("--resume", run) if resumed else ("--game", "pong", "--student", "pico", "--out", run, *SMALL)
        if not resumed and run.exists():
            finish("train", *where, "--steps", ENDLESS, code=2)  # a run that came to no checkpoint is not overwritten
            run = folder / f"run-{rng.randrange(10**9)}"
            continue
        process = start("train", *where, "--steps", ENDLESS)
        reached = last_checkpoint(run)
        if rng.random() < 0.8:
            # Mostly while it works, else while it begins.
            wait_for_checkpoint(run, reached, process)
        kill(process, rng.uniform(0, 3))
        step = last_checkpoint(run)
        assert step >= before, (step, before)
        before = step
        check_log(run)
        yield f"checkpoint {step:,}"


def kill_export(folder: Path, rng: random.Random) -> Iterator[str]:
    """The same export again and again, to the same place."""
    run = folder / "exported run"
    finish("train", "--game", "pong", "--student", "pico", "--out", run, *SMALL, "--steps", 1024)
    output, options = folder / "pico.onnx", ("--episodes", 1, "--allow-disagreement")
    began = time.monotonic()
    finish("export", run, "-o", folder / "first.onnx", *options)
    took = time.monotonic() - began
    while True:
        before = output.exists()
        kill(start("export", run, "-o", output, *options), rng.uniform(0, 1.2 * took))
        assert output.exists() or not before
        check_log(run)
        yield f"{Policy.load(output).card.student} is there" if output.exists() else "nothing is there"


def kill_build(folder: Path, rng: random.Random) -> Iterator[str]:
    """One build, which goes on after each kill, and begins anew when it is done."""
    number = 0
    while True:
        zoo = folder / f"zoo-{number}"
        options = ("--games", "pong", "--students", "pico", "--steps", 2048, "--episodes", 1, *SETTINGS)
        run = zoo / "runs" / "pong"
        before = logged(run)
        process = start("zoo", "build", "--out", zoo, *options)
        if rng.random() < 0.8:
            wait_until(lambda: logged(run) != before, process)  # noqa: B023  # it is called here alone
        kill(process, rng.uniform(0, 20))
        # Its jobs notice that they are orphans, and end; the next build waits for none.
        if run.exists():
            wait_until_free(GameFolder(zoo, "pong"))
            step = last_checkpoint(run)
            check_log(run)
        done = process.returncode == 0
        for file in zoo.glob("trained/pong/*.onnx"):
            Policy.load(file)
        number += done
        yield "done" if done else f"checkpoint {step:,}" if run.exists() else "no run yet"


def logged(run: Path) -> list[int]:
    """Sizes of a run's logs, by which it is seen that a job works there."""
    return [file.stat().st_size for file in (run / "job.log", run / METRICS) if file.exists()]


def wait_until_free(place: GameFolder) -> None:
    """Until no job holds the game's lock: it has it while it exports, too, and the run's only while it trains."""
    while True:
        try:
            with alone(place.lock, place.game):
                return
        except EdgeDistillError as error:
            if "already" not in str(error):
                raise
            time.sleep(0.2)


@contextmanager
def small_disk(folder: Path, kilobytes: int) -> Iterator[Path]:
    place = folder / f"disk-{kilobytes}"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "none", place], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def full_disk(folder: Path) -> Iterator[str]:
    """Training until a disk is full: the smaller it is, the earlier a write fails."""
    for kilobytes in (40, 400, 14_000, 28_000, 42_000, 44_000):
        with small_disk(folder, kilobytes) as disk:
            process = start(
                "train", "--game", "pong", "--student", "pico", "--out", disk / "run", *SMALL, "--steps", 4096
            )
            _, said = process.communicate(timeout=HANGS)
            assert "Traceback" not in said, said
            assert process.returncode in (0, 1, 2), said
            if process.returncode:
                assert "No space left on device" in said, said
            if (disk / "run" / METRICS).exists():
                check_log(disk / "run")
            yield f"{kilobytes:,} KB: {said.splitlines()[-1][:60]}, checkpoint {last_checkpoint(disk / 'run')}"


def read_only(folder: Path) -> Iterator[str]:
    """A run that may be read: it is evaluated, and not resumed."""
    with small_disk(folder, 100_000) as disk:
        run = disk / "run"
        finish("train", "--game", "pong", "--student", "pico", "--out", run, *SMALL, "--steps", 1024)
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        said = finish("train", "--resume", run, "--steps", 2048, code=1)
        assert "Read-only file system" in said, said
        assert "The run is whole" in said, said
        yield "resume is refused"
        said = finish("evaluate", run, "--student", "pico", "--episodes", 1, "--epsilon", 0.2)
        assert "The scores stand" in said, said
        yield "evaluate gives its scores"


def two_processes(folder: Path) -> Iterator[str]:
    """The second is told who holds the run, and changes nothing."""
    run = folder / "shared"
    process = start("train", "--game", "pong", "--student", "pico", "--out", run, *SMALL, "--steps", ENDLESS)
    wait_for_checkpoint(run, 0, process)
    config = (run / "config.json").read_bytes()
    said = finish("train", "--resume", run, "--steps", 99, code=1)
    kill(process, 0)
    assert f"Process {process.pid} works at" in said, said
    assert (run / "config.json").read_bytes() == config
    check_log(run)
    yield "the second is refused"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--csv", type=Path)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    rows: list[dict[str, object]] = []

    def note(what: str, outcome: str) -> None:
        rows.append({"what": what, "outcome": outcome})
        print(f"{len(rows):>4} {what:<12} {outcome}", flush=True)

    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        kinds = {"train": kill_training, "export": kill_export, "zoo build": kill_build}
        campaigns = {what: campaign(folder, rng) for what, campaign in kinds.items()}
        for number in range(options.kills):
            # Half of them in training.
            what = ("train", "export", "train", "zoo build")[number % 4]
            note(what, next(campaigns[what]))
        for outcome in two_processes(folder):
            note("two", outcome)
        for what, check in (("full disk", full_disk), ("read-only", read_only)):
            if os.getuid() == 0:
                for outcome in check(folder):
                    note(what, outcome)
            else:
                note(what, "left out: only root can mount")
    print("nothing was lost")
    if options.csv:
        with options.csv.open("w", newline="") as file:
            writer = csv.DictWriter(file, ("what", "outcome"))
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
