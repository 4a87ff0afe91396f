"""A run on disk.

config.json                        the resolved settings
metrics.jsonl                      a line per rollout and per evaluation
checkpoints/step-000249856.safetensors   all that learns, and what was done in the games; the last two are kept
checkpoints/memory-000249856.safetensors   the play that students learn from, of the newest one
best_teacher.safetensors           the teacher with the best evaluation so far
evaluations.jsonl                  scores of its networks under whole protocols
unfinished-evaluation-*.jsonl      games of an evaluation that was interrupted
run.lock                           held by the process that trains here
"""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from torch import Tensor

from edgedistill.errors import BadRequest, EdgeDistillError, no_run, typed
from edgedistill.files import PARTIAL, CannotWrite, alone, append_line, write_atomically
from edgedistill.profiler import timed
from edgedistill.runs.checkpoint import BEST, MAX_BYTES, load_tensors, save_tensors
from edgedistill.runs.config import TrainConfig
from edgedistill.runs.config_file import config_from_json, config_to_json
from edgedistill.runs.lines import read_lines
from edgedistill.runs.metrics import Metrics, Record, line_of, read_metrics, record_of
from edgedistill.schema import line, listed, number, table, whole

# The newest may be cut short by a full disk or a crash of the file system; the one before it is the fallback.
KEPT_CHECKPOINTS = 2
METRICS = "metrics.jsonl"
EVALUATIONS = "evaluations.jsonl"
MAX_CONFIG_BYTES = 1_000_000
# What is known of a line of evaluations.jsonl; more may stand in it. A damaged byte may leave JSON, but hardly this.
EVALUATION = table(
    {"step": whole()},
    {
        "network": line(100),
        "protocol": table({}, open_=True),
        "returns": listed(number(), 10**5),
    },
    open_=True,
)

# As `files.write_atomically` names what it has not finished.
LEFTOVER = re.compile(r".+\.[0-9a-f]{8}" + re.escape(PARTIAL))

Warn = Callable[[str], None]


def _quietly(message: str) -> None:
    """Where nobody asked to be told."""


class RunFolder:
    """Reads and writes one run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._checkpoints = path / "checkpoints"
        self._held = False

    @classmethod
    def create(cls, path: Path, config: TrainConfig) -> "RunFolder":
        """Make a new run.

        Raises:
            BadRequest: the folder holds a run already, or cannot be written.
        """
        if (path / "config.json").exists():
            raise BadRequest(f"{path} holds a run already. Go on with it: edgedistill train --resume {typed(path)}")
        run = cls(path)
        try:
            run._checkpoints.mkdir(parents=True, exist_ok=True)
            write_atomically(path / "config.json", config_to_json(config).encode())
        except (OSError, CannotWrite) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise BadRequest(f"{path}: the run cannot be written there ({reason}).") from error
        return run

    @classmethod
    def open(cls, path: Path) -> "RunFolder":
        """An existing run.

        Raises:
            BadRequest: there is none.
        """
        if not (path / "config.json").is_file():
            raise no_run(path)
        return cls(path)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Be the only process that trains in this run; within it, the same again is nothing.

        Raises:
            EdgeDistillError: another process does.
            CannotWrite: the folder is read-only, or the disk full.
        """
        if self._held:
            yield
            return
        with ExitStack() as held:
            with self._whole_in_any_case():
                held.enter_context(alone(self.path / "run.lock", str(self.path)))
            self._held = True
            try:
                self._clear_leftovers()
                yield
            finally:
                self._held = False

    def _clear_leftovers(self) -> None:
        """What a killed process was writing."""
        for folder in (self.path, self._checkpoints):
            for file in folder.glob(f"*{PARTIAL}"):
                if LEFTOVER.fullmatch(file.name):
                    file.unlink(missing_ok=True)

    def save_config(self, config: TrainConfig) -> None:
        """Write `config.json`.

        Raises:
            EdgeDistillError: another process trains here.
        """
        with self.alone():
            self._write(self.path / "config.json", config_to_json(config).encode())

    def config(self) -> TrainConfig:
        """The run's settings.

        Raises:
            BadRequest: they cannot be read.
        """
        file = self.path / "config.json"
        try:
            with file.open("rb") as config:
                data = config.read(MAX_CONFIG_BYTES)
            return config_from_json(data.decode(), str(file))
        except OSError as error:
            raise BadRequest(f"{self.path}: the run cannot be read ({file.name}: {error.strerror}).") from error
        except (UnicodeDecodeError, RecursionError) as error:
            raise BadRequest(f"{self.path}: the run cannot be read ({file.name}: {error}).") from error

    # Metrics and evaluations

    def log(self, record: Record) -> None:
        """Append one line to metrics.jsonl."""
        with self._whole_in_any_case():
            append_line(self.path / METRICS, line_of(record))

    def metrics(self, warn: Warn = _quietly) -> Metrics:
        """What metrics.jsonl holds; `warn` hears how many of its lines cannot be read.

        Raises:
            BadRequest: it cannot be read at all.
        """
        return read_metrics(self.path / METRICS, warn)

    def log_evaluation(self, record: dict[str, Any]) -> None:
        """Append one line to evaluations.jsonl.

        Raises:
            CannotWrite: the folder is read-only, or the disk full.
        """
        append_line(self.path / EVALUATIONS, json.dumps(record))

    def evaluations(self, warn: Warn = _quietly) -> Iterator[dict[str, Any]]:
        """Scores of saved networks under whole protocols, in order; `warn` hears how many cannot be read.

        Raises:
            BadRequest: the file cannot be read at all.
        """
        return read_lines(self.path / EVALUATIONS, EVALUATION, warn)

    def forget_after(self, step: int, warn: Warn = _quietly) -> None:
        """Drop what was logged of work that a resumed run does again; `warn` hears what cannot be read."""
        logged = [line_of(each) for each in read_lines(self.path / METRICS, record_of, warn) if each.step <= step]
        # A frozen teacher has the step of the run that it comes from, and stays.
        stays = "best_teacher" if self.config().frozen else None
        scored = [
            json.dumps(each)
            for each in self.evaluations(warn)
            if each["step"] <= step or each.get("network", "") == stays
        ]
        for name, lines in ((METRICS, logged), (EVALUATIONS, scored)):
            self._write(self.path / name, "".join(f"{each}\n" for each in lines).encode())

    def _write(self, file: Path, data: bytes) -> None:
        with self._whole_in_any_case():
            write_atomically(file, data)

    @contextmanager
    def _whole_in_any_case(self) -> Iterator[None]:
        """Add to a failed write what is lost by it."""
        try:
            yield
        except CannotWrite as error:
            raise EdgeDistillError(
                f"{error} The run is whole up to its last checkpoint. Make room, then: edgedistill train --resume "
                f"{typed(self.path)}"
            ) from error

    # Checkpoints

    @timed("checkpoint")
    def save_checkpoint(
        self, step: int, tensors: dict[str, Tensor], state: dict[str, Any], memory: dict[str, Tensor] | None = None
    ) -> None:
        """Write the checkpoint of `step`; older ones beyond the last two are deleted, and all older memories.

        Without a `memory`, one that was written of this step stays.
        """
        with self._whole_in_any_case():
            if memory is not None:  # first, so that a checkpoint has its memory wherever a kill comes between
                save_tensors(self._memory_file(step), memory, {"step": step})
            save_tensors(self._checkpoints / f"step-{step:09d}.safetensors", tensors, {**state, "step": step})
        memories = set(self._checkpoints.glob("memory-*.safetensors")) - {self._memory_file(step)}
        for old in (*self._files()[:-KEPT_CHECKPOINTS], *memories):
            old.unlink()

    def has_checkpoint(self) -> bool:
        return bool(self._files())

    def checkpoint_step(self) -> int | None:
        """Agent step of the newest checkpoint; None before the first."""
        files = self._files()
        return int(files[-1].stem.removeprefix("step-")) if files else None

    def load_checkpoint(self, warn: Warn = _quietly) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """The newest whole checkpoint: tensors and state. `warn` hears of unreadable newer ones.

        Raises:
            EdgeDistillError: there is none yet, or none can be read.
        """
        files = self._files()
        if not files:
            raise EdgeDistillError(
                f"{self.path} has no checkpoint yet. Wait for its first, or go on with it: "
                f"edgedistill train --resume {typed(self.path)}"
            )
        for file in reversed(files):
            try:
                return load_tensors(file)
            except EdgeDistillError as error:
                warn(f"{error} The one before it is used.")
        raise EdgeDistillError(f"{self.path}: none of its {len(files)} checkpoints can be read.")

    def load_memory(self, step: int, most_bytes: int = MAX_BYTES) -> dict[str, Tensor]:
        """The memory that was saved with the checkpoint of `step`.

        Args:
            most_bytes: that its file may have; who knows how large the memory is says so.

        Raises:
            EdgeDistillError: there is none, it is larger, or it cannot be read.
        """
        file = self._memory_file(step)
        if not file.exists():
            raise EdgeDistillError(f"{self.path} has no memory of step {step:,}.")
        return load_tensors(file, most_bytes=most_bytes)[0]

    def _memory_file(self, step: int) -> Path:
        return self._checkpoints / f"memory-{step:09d}.safetensors"

    def _files(self) -> list[Path]:
        # By number: beyond nine digits, names are longer.
        return sorted(self._checkpoints.glob("step-*.safetensors"), key=lambda file: (len(file.name), file.name))

    @timed("checkpoint")
    def save_best_teacher(self, tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
        with self._whole_in_any_case():
            save_tensors(self.path / "best_teacher.safetensors", tensors, state)

    def load_best_teacher(self) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """The best teacher so far with its step and score, or None before the first evaluation.

        Raises:
            EdgeDistillError: the file is damaged. Nothing stands in for it, since retention counts from the best.
        """
        file = self.path / "best_teacher.safetensors"
        return load_tensors(file, BEST) if file.exists() else None
