"""Jobs as processes of this machine."""

import os
import signal
import subprocess
from dataclasses import replace
from pathlib import Path

from edgedistill.catalogue import MOST_ACTIONS
from edgedistill.children import python_command
from edgedistill.distill.machine import memory_parts
from edgedistill.free_memory import available_bytes
from edgedistill.runs.config import available_cores
from edgedistill.zoo_build.job import STOPPED
from edgedistill.zoo_build.layout import GameFolder
from edgedistill.zoo_build.plan import Plan


def fitting_jobs(plan: Plan, threads: int) -> int:
    """As many jobs beside each other as there are cores for their threads and memory for their runs; at least one."""
    jobs = available_cores() // threads
    free = available_bytes()
    if free is not None:
        run = replace(plan.run_config(plan.games[0]), threads=threads)
        jobs = min(jobs, free // sum(memory_parts(run, MOST_ACTIONS).values()))
    return max(1, jobs)


class LocalJobs:
    """A process per game."""

    def __init__(self, folder: Path, at_once: int, threads: int) -> None:
        """
        Args:
            at_once: processes beside each other.
            threads: CPU threads of each.
        """
        self.at_once = at_once
        self._folder = folder
        self._threads = threads
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, game: str) -> None:
        log = GameFolder(self._folder, game).log
        log.parent.mkdir(parents=True, exist_ok=True)
        job = ("edgedistill.zoo_build.job", str(self._folder), game, "--threads", str(self._threads))
        parent = ("--parent", str(os.getpid()))
        # What torch is told does not reach numpy's linear algebra, which the exporter uses.
        threads = {name: str(self._threads) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
        with log.open("ab") as output:
            self._processes[game] = subprocess.Popen(
                python_command("-m", *job, *parent), stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                env={**os.environ, **threads},
                # A terminal's Ctrl-C goes to all of a session; `stop` tells the jobs, once.
                start_new_session=True,
            )  # fmt: skip

    def ended(self) -> dict[str, str | None]:
        ended = {game: process for game, process in self._processes.items() if process.poll() is not None}
        for game in ended:
            del self._processes[game]
        return {game: self._problem(game, process.returncode) for game, process in ended.items()}

    def _problem(self, game: str, code: int) -> str | None:
        if code == 0:
            return None
        log = GameFolder(self._folder, game).log
        if code == STOPPED:
            return "stopped from outside"
        if code < 0:
            return f"killed by {signal.Signals(-code).name}" + (" (out of memory?)" if code == -signal.SIGKILL else "")
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        return f"{lines[-1] if lines else 'no message'} (see {log})"

    def stop(self) -> None:
        try:
            for process in self._processes.values():
                process.terminate()
            for process in self._processes.values():
                process.wait()
        finally:
            # Only after a second Ctrl-C is one still alive.
            for process in self._processes.values():
                process.kill()
