"""Runs `edgedistill play FILE` many times, each in a process with limits, which a warm one forks.

The warm one has imported all, read the command line and made an emulator: a forked one takes some 30 ms, a fresh
Python a third of a second.
"""

import gc
import os
import resource
import subprocess
import sys
import tempfile
import traceback
from contextlib import redirect_stdout, suppress
from dataclasses import dataclass
from functools import cache
from io import StringIO
from pathlib import Path
from typing import NoReturn

from typer.main import get_command

from edgedistill import cli
from edgedistill.atari import protocol
from edgedistill.children import python_command
from edgedistill.runtime.shipped import shipped_student

# Of CPU time. Playing a step of the heaviest file that passes takes a tenth of it.
SECONDS = 5
MEGABYTES = 200
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Played:
    """How one case ended."""

    status: int
    """Exit code; below 0 the signal"""
    seconds: float
    """CPU time"""
    megabytes: float
    """Peak of resident memory"""
    said: str
    """On stdout and stderr"""


class Player:
    """The warm process."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        self._process = subprocess.Popen(
            python_command("-m", "tests.fuzz.limits", self._folder.name),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
            start_new_session=True,  # Ctrl-C is for the one that asks
        )  # fmt: skip

    def play(self, model: bytes) -> Played:
        """One step of a student's file."""
        assert self._process.stdin is not None and self._process.stdout is not None
        folder = Path(self._folder.name)
        (folder / "student.onnx").write_bytes(model)
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        status, seconds, megabytes = self._process.stdout.readline().split()
        said = (folder / "said").read_bytes().decode("utf-8", "replace")
        return Played(int(status), float(seconds), float(megabytes), said)

    def close(self) -> None:
        self._process.communicate()
        self._folder.cleanup()


def _serve(folder: Path) -> None:
    """Fork for each line of stdin, and tell how the child ended."""
    _warm_up()
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            _play_and_exit(folder)
        _, status, usage = os.wait4(child, 0)
        seconds = usage.ru_utime + usage.ru_stime
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)} {seconds:.3f} {usage.ru_maxrss / 1000:.1f}\n")
        sys.stdout.flush()


def _warm_up() -> None:
    """Do once what does not depend on a file, so that the forked find it done."""
    # The command line's parser, and Pong's emulator, which no case reaches twice.
    cli.app = get_command(cli.app)
    protocol.Emulator = cache(protocol.Emulator)
    with redirect_stdout(StringIO()), suppress(SystemExit):
        cli.main(_command(shipped_student("pong", "pico")))
    # No collection touches, and so copies, what was made before the fork.
    gc.collect()
    gc.freeze()


def _play_and_exit(folder: Path) -> NoReturn:
    """The child: what `edgedistill play` does, but for the interpreter's own end, which takes most of the time."""
    said = os.open(folder / "said", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(said, 1)
    os.dup2(said, 2)
    resource.setrlimit(resource.RLIMIT_CPU, (2 * SECONDS, 2 * SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (4_000_000_000, 4_000_000_000))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    code: object = 99  # `main` ends with SystemExit
    try:
        cli.main(_command(folder / "student.onnx"))
    except SystemExit as end:
        code = end.code
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 99)


def _command(student: Path) -> list[str]:
    return ["play", str(student), "--headless", "--max-steps", "1"]


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))
