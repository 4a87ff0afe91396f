"""The log of a run, `metrics.jsonl`: what its lines are, how they are written, and the one reader of all who want them.

A line is a JSON table: `kind`, and the fields of the record of that kind. Agent steps count one action, four emulator
frames. A run that is resumed drops what it logged after its checkpoint, so that steps only grow.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from edgedistill.runs.lines import read_lines
from edgedistill.schema import line, listed, mapping, number, one_of, optional, table, whole

# Of progress, by which the pace is judged: about as many steps of a default run as between two of its evaluations.
RECENT_REPORTS = 125


@dataclass(frozen=True)
class Progress:
    """What the rollouts since the last report, and the updates after them, came to."""

    step: int
    """Agent steps of the run so far"""
    teacher_loss: float | None = None
    """Mean over its updates; None while nothing was learnt, for a frozen teacher, and for one that is done"""
    student_loss: dict[str, float] = field(default_factory=dict)
    """Mean over the updates of each student, by its name; empty while the memory fills"""
    play_return: float | None = None
    """Mean return, in points, of the games that ended; their players explore. None where none ended"""
    memory_frames: int = 0
    """Frames in the memory that students, or a DQN teacher, learn from"""


@dataclass(frozen=True)
class ProgressRecord(Progress):
    """Progress as it is logged."""

    seconds: float = field(kw_only=True)
    """Spent on the run so far, evaluations included, pauses between stop and resume not"""


@dataclass(frozen=True)
class EvaluationRecord:
    """Scores of all networks of the run at one step, on the validation seeds."""

    step: int
    """Agent steps of the run so far"""
    seconds: float
    """Spent on the run so far, earlier evaluations included, this one not"""
    evaluation_seconds: float
    """Spent on all evaluations so far, this one included"""
    scores: dict[str, float]
    """Mean returns, in points, by "teacher" and the students' names"""
    returns: dict[str, tuple[float, ...]] = field(default_factory=dict)
    """Of single games, by the same names; without a network that did not play anew, as a frozen teacher does not"""


Record = ProgressRecord | EvaluationRecord

_KINDS: dict[str, type[Record]] = {"progress": ProgressRecord, "evaluation": EvaluationRecord}


def _loss(value: object) -> object:
    """A number, not finite where a network diverged: that is logged, too."""
    return value if isinstance(value, float) else number()(value)


_NAME = line(100)
_FIELDS = {
    "progress": table(
        {"step": whole(), "seconds": number(0)},
        {
            "teacher_loss": optional(_loss),
            "student_loss": mapping(_NAME, _loss, 1_000),
            "play_return": optional(number()),
            "memory_frames": whole(),
        },
    ),
    "evaluation": table(
        {
            "step": whole(),
            "seconds": number(0),
            "evaluation_seconds": number(0),
            "scores": mapping(_NAME, number(), 1_000),
        },
        {"returns": mapping(_NAME, listed(number(), 10_000), 1_000)},
    ),
}


@dataclass(frozen=True)
class Metrics:
    """A whole log, in order of steps."""

    progress: tuple[ProgressRecord, ...] = ()
    evaluations: tuple[EvaluationRecord, ...] = ()

    @property
    def records(self) -> tuple[Record, ...]:
        """Those of both kinds, kind by kind."""
        return self.progress + self.evaluations

    @property
    def step(self) -> int:
        """The last agent step that the log knows of; 0 where it knows none."""
        return max((each.step for each in self.records), default=0)

    def seconds_until(self, step: int) -> float:
        """Spent on the run up to an agent step, evaluations before it included; 0 where the log knows of none."""
        return max((each.seconds for each in self.records if each.step <= step), default=0.0)

    def trained_minutes(self, step: int) -> float:
        """The same in minutes, as cards tell it."""
        return round(self.seconds_until(step) / 60, 1)

    def seconds_a_step(self, since: float) -> float | None:
        """What an agent step took of late, evaluations included; None where fewer than two reports tell.

        Args:
            since: agent step from which on reports count.
        """
        recent = [each for each in self.progress[-RECENT_REPORTS:] if each.step >= since]
        if not recent or recent[-1].step <= recent[0].step:
            return None
        return (recent[-1].seconds - recent[0].seconds) / (recent[-1].step - recent[0].step)

    def evaluation_seconds_before(self, step: int) -> float:
        """Spent on the evaluations before an agent step."""
        return max((each.evaluation_seconds for each in self.evaluations if each.step < step), default=0.0)

    def evaluation_at(self, step: int) -> EvaluationRecord | None:
        """The evaluation of an agent step, if there was one."""
        return next((each for each in self.evaluations if each.step == step), None)


def read_metrics(file: Path, warn: Callable[[str], None]) -> Metrics:
    """A log, which may not exist yet, or be in use.

    Lines that a crash or a disk damaged, or that have other fields, are left out; `warn` hears how many.

    Raises:
        BadRequest: the file cannot be read, or is larger than any log.
    """
    records = list(read_lines(file, record_of, warn))
    return Metrics(
        tuple(each for each in records if isinstance(each, ProgressRecord)),
        tuple(each for each in records if isinstance(each, EvaluationRecord)),
    )


def record_of(value: object) -> Record:
    """The record that a parsed line holds.

    Raises:
        ValueError: it holds none.
    """
    fields = dict(value) if isinstance(value, dict) else {}
    kind = one_of(_KINDS)(fields.pop("kind", None))
    return _KINDS[kind](**_FIELDS[kind](fields))


def line_of(record: Record) -> str:
    """A record as it is logged."""
    kind = next(name for name, each in _KINDS.items() if isinstance(record, each))
    return json.dumps({"kind": kind, **asdict(record)})
