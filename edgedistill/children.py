"""How a process of ours starts another one: a Python of its own, or a copy of itself with limits."""

import os
import select
import signal
import sys
import threading
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from edgedistill.errors import BadRequest

# Of CPU time, of the wall, and of memory beyond what the process has already. Loading the heaviest student that passes
# takes a hundredth of the first.
CPU_SECONDS = 10
WALL_SECONDS = 60.0
MORE_BYTES = 1_000_000_000
# No message of an error begins so.
DONE = b"\0done"


def python_command(*arguments: str) -> list[str]:
    """The command line of this Python with arguments, `-m` or `-c` and what follows.

    Both put the current folder first on the module path, before the standard library, so that in a folder of downloads
    a stranger's `argparse.py` would run. `-P` leaves it out. `-I` would as well, but hides packages that were installed
    with `pip install --user`, and edgedistill may be one.
    """
    return [sys.executable, "-P", *arguments]


def rehearse(work: Callable[[], object], source: str) -> None:
    """Do in a child with limits on time and address space what a stranger's file could break.

    The child is a copy of this process, so that it begins at once, and nothing of it stays. Where the system has no
    such limits (it is not Linux), or where other threads run, which a copy would lack, nothing is done. A child that
    neither ends nor uses up its time waits for a busy machine, which says nothing against the file.

    Args:
        work: what is done there; the caller does it after.
        source: names the file.

    Raises:
        BadRequest: `work` raised it in the child, or did not end there in order.
    """
    if sys.platform != "linux" or threading.active_count() > 1:
        return
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        # Python warns where libraries have threads; none of theirs is needed in the copy.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        _work_and_exit(work, writer)
    os.close(writer)
    try:
        said = _read_until_end(reader)
    finally:
        os.close(reader)
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    if said is not None and said != DONE:
        raise BadRequest(
            said.decode(errors="surrogateescape")
            or f"{source}: it cannot be loaded in {CPU_SECONDS} s and {MORE_BYTES / 1e9:.0f} GB of memory; a student "
            "takes a fraction of a second."
        )


def _work_and_exit(work: Callable[[], object], writer: int) -> NoReturn:
    """The child: what it has to say goes into the pipe, nothing to the terminal."""
    said = b""
    try:
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nowhere, stream)
        _limit()
        work()
        said = DONE
    except BadRequest as error:
        said = str(error).encode(errors="surrogateescape")
    finally:
        # Whatever else was raised ends here: the parent then says that the file cannot be loaded.
        with suppress(OSError):
            os.write(writer, said[: select.PIPE_BUF])
        os._exit(0)


def _limit() -> None:
    import resource  # not everywhere

    pages = int(Path("/proc/self/statm").read_text().split()[0])
    for limit, most in (
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_AS, pages * resource.getpagesize() + MORE_BYTES),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(limit)
        if hard == resource.RLIM_INFINITY or most < hard:
            resource.setrlimit(limit, (most, most))


def _read_until_end(reader: int) -> bytes | None:
    """What a child says before it ends, empty where it says nothing; None where it is still there after a while."""
    ready, _, _ = select.select([reader], [], [], WALL_SECONDS)
    return os.read(reader, select.PIPE_BUF) if ready else None
