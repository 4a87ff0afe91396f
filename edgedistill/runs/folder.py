"""A run on disk.

config.json                        the resolved settings
metrics.jsonl                      a line per rollout and per evaluation
checkpoints/step-000249856.safetensors   all that learns; the last two are kept
best_teacher.safetensors           the teacher with the best evaluation so far
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from torch import Tensor

from edgedistill.errors import BadRequest, EdgeDistillError
from edgedistill.files import write_atomically
from edgedistill.phases import timed
from edgedistill.runs.checkpoint import load_tensors, save_tensors
from edgedistill.runs.config import TrainConfig

# The newest may be cut short by a full disk or a crash of the file system; the one before it is the fallback.
KEPT_CHECKPOINTS = 2
METRICS = "metrics.jsonl"
EVALUATIONS = "evaluations.jsonl"


class RunFolder:
    """Reads and writes one run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._checkpoints = path / "checkpoints"

    @classmethod
    def create(cls, path: Path, config: TrainConfig) -> "RunFolder":
        """Make a new run.

        Raises:
            BadRequest: the folder holds a run already, or cannot be written.
        """
        if (path / "config.json").exists():
            raise BadRequest(f"{path} holds a run already. Go on with it: edgedistill train --resume {path}")
        run = cls(path)
        try:
            run._checkpoints.mkdir(parents=True, exist_ok=True)
            run.save_config(config)
        except OSError as error:
            raise BadRequest(f"{path}: the run cannot be written there ({error.strerror}).") from error
        return run

    @classmethod
    def open(cls, path: Path) -> "RunFolder":
        """An existing run.

        Raises:
            BadRequest: there is none.
        """
        if not (path / "config.json").is_file():
            raise BadRequest(f"No run at {path}: a run is a folder with a config.json. Start one: edgedistill train")
        return cls(path)

    def save_config(self, config: TrainConfig) -> None:
        write_atomically(self.path / "config.json", config.to_json().encode())

    def config(self) -> TrainConfig:
        file = self.path / "config.json"
        return TrainConfig.from_json(file.read_text(), str(file))

    # Metrics and evaluations

    def log(self, record: dict[str, Any]) -> None:
        """Append one line to metrics.jsonl."""
        _append(self.path / METRICS, record)

    def metrics(self) -> Iterator[dict[str, Any]]:
        """The logged lines in order."""
        return _lines(self.path / METRICS)

    def log_evaluation(self, record: dict[str, Any]) -> None:
        """Append one line to evaluations.jsonl."""
        _append(self.path / EVALUATIONS, record)

    def evaluations(self) -> Iterator[dict[str, Any]]:
        """Scores of saved networks under whole protocols, in order."""
        return _lines(self.path / EVALUATIONS)

    def forget_after(self, step: int) -> None:
        """Drop what was logged of work that a resumed run does again."""
        for file in (self.path / METRICS, self.path / EVALUATIONS):
            kept = [json.dumps(record) + "\n" for record in _lines(file) if record["step"] <= step]
            write_atomically(file, "".join(kept).encode())

    # Checkpoints

    @timed("checkpoint")
    def save_checkpoint(self, step: int, tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
        """Write the checkpoint of `step`; older ones beyond the last two are deleted."""
        save_tensors(self._checkpoints / f"step-{step:09d}.safetensors", tensors, {**state, "step": step})
        for old in self._files()[:-KEPT_CHECKPOINTS]:
            old.unlink()

    def has_checkpoint(self) -> bool:
        return bool(self._files())

    def load_checkpoint(
        self, warn: Callable[[str], None] = lambda message: None
    ) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """The newest whole checkpoint: tensors and state. `warn` hears of unreadable newer ones.

        Raises:
            EdgeDistillError: there is none yet, or none can be read.
        """
        files = self._files()
        if not files:
            raise EdgeDistillError(
                f"{self.path} has no checkpoint yet. Wait for its first, or train again into another folder."
            )
        for file in reversed(files):
            try:
                return load_tensors(file)
            except EdgeDistillError as error:
                warn(f"{error} The one before it is used.")
        raise EdgeDistillError(f"{self.path}: none of its {len(files)} checkpoints can be read.")

    def _files(self) -> list[Path]:
        return sorted(self._checkpoints.glob("step-*.safetensors"))

    @timed("checkpoint")
    def save_best_teacher(self, tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
        save_tensors(self.path / "best_teacher.safetensors", tensors, state)

    def load_best_teacher(self) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """The best teacher so far with its step and score, or None before the first evaluation."""
        file = self.path / "best_teacher.safetensors"
        return load_tensors(file) if file.exists() else None


def _append(file: Path, record: dict[str, Any]) -> None:
    with file.open("a") as log:
        log.write(json.dumps(record) + "\n")


def _lines(file: Path) -> Iterator[dict[str, Any]]:
    """The JSON lines of a file that may not exist; a last line cut short by a crash is left out."""
    for line in file.read_text().splitlines() if file.exists() else []:
        try:
            yield json.loads(line)
        except ValueError:
            return
