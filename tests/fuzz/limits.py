"""Runs `edgedistill play FILE` many times, each in a process with limits, which a warm one forks.

Forking takes some milliseconds; a fresh Python with onnxruntime takes a third of a second.
"""

import os
import resource
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from edgedistill.children import python_command

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
    import onnxruntime  # noqa: F401  # warm: the forked need not load it

    import edgedistill.atari.protocol
    import edgedistill.runtime.player
    import edgedistill.runtime.policy
    import edgedistill.runtime.shipped
    import edgedistill.runtime.view  # noqa: F401
    from edgedistill.cli import main

    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            said = os.open(folder / "said", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(said, 1)
            os.dup2(said, 2)
            resource.setrlimit(resource.RLIMIT_CPU, (2 * SECONDS, 2 * SECONDS))
            resource.setrlimit(resource.RLIMIT_AS, (4_000_000_000, 4_000_000_000))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            main(["play", str(folder / "student.onnx"), "--headless", "--max-steps", "1"])
            os._exit(99)  # `main` ends the process
        _, status, usage = os.wait4(child, 0)
        seconds = usage.ru_utime + usage.ru_stime
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)} {seconds:.3f} {usage.ru_maxrss / 1000:.1f}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))
