"""Jobs as tasks of a Ray cluster. Nothing else imports Ray.

Every machine of the cluster must have edgedistill[train,ray] and see the folder under the same path: the run, its
checkpoints and the exports are files there.
"""

import os
from contextlib import chdir
from pathlib import Path

from edgedistill.errors import EdgeDistillError
from edgedistill.zoo_build.job import run_job

# A worker that dies (its machine, its memory) costs the steps since its last checkpoint; one that dies again and again
# does so for a reason that a person should see.
RETRIES = 3


class RayJobs:
    """A task per game; Ray holds those back for which no CPU is free."""

    def __init__(self, folder: Path, games: int, threads: int) -> None:
        """Connect to the cluster of RAY_ADDRESS or of this machine, or start one here.

        Args:
            games: how many there are; all are handed to Ray at once.
            threads: CPU threads of each.

        Raises:
            EdgeDistillError: Ray is not installed, or there is no cluster at RAY_ADDRESS.
        """
        try:
            import ray
        except ModuleNotFoundError as error:
            raise EdgeDistillError("--on ray needs Ray. Install it: pip install 'edgedistill[ray]'") from error
        self._ray = ray
        self._own = not ray.is_initialized()
        if self._own:
            # Ray would otherwise report its use to its makers.
            os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
            # Ray puts the current folder on its workers' module path, so that a stranger's `torch.py` there would run:
            # it is started from /, which holds no modules and is nobody's to write.
            try:
                with chdir("/"):
                    ray.init(log_to_driver=False, include_dashboard=False)
            except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
                raise EdgeDistillError(
                    f"Ray does not start ({error}). RAY_ADDRESS is '{os.environ.get('RAY_ADDRESS', '')}'. Accepted: "
                    "HOST:PORT, ray://HOST:PORT. For Ray on this machine alone: export RAY_ADDRESS=local"
                ) from error
        self.at_once = games
        self._folder = folder.resolve()
        self._threads = threads
        # Exceptions of ours are not retried: they would come again.
        self._task = ray.remote(num_cpus=threads, max_retries=RETRIES, retry_exceptions=False)(run_job)
        self._games: dict[object, str] = {}

    def start(self, game: str) -> None:
        self._games[self._task.remote(self._folder, game, self._threads)] = game

    def ended(self) -> dict[str, str | None]:
        if not self._games:
            return {}
        ready, _ = self._ray.wait(list(self._games), num_returns=len(self._games), timeout=0)
        return {self._games.pop(task): self._problem(task) for task in ready}

    def _problem(self, task: object) -> str | None:
        known = self._ray.exceptions
        try:
            return None if self._ray.get(task) else "stopped from outside"
        except known.RayTaskError as error:
            return str(error.cause or error)
        except (known.WorkerCrashedError, known.NodeDiedError, known.LocalRayletDiedError) as error:
            return f"{type(error).__name__}: its worker was lost more than {RETRIES} times"
        except known.RayError as error:
            return f"{type(error).__name__}: {error}"

    def stop(self) -> None:
        """A cancelled task hears it as Ctrl-C, which ends a training with a checkpoint."""
        for task in self._games:
            self._ray.cancel(task, force=False)
        if self._games:
            self._ray.wait(list(self._games), num_returns=len(self._games))
        if self._own:
            self._ray.shutdown()
