"""A run under way: what those who watch it read, and how they end it."""

import time
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field

from edgedistill.distill.learners import Learners
from edgedistill.distill.play import Play
from edgedistill.experience.memory import ReplayMemory
from edgedistill.runs.config import TrainConfig
from edgedistill.runs.folder import RunFolder


@dataclass
class RunState:
    """What a checkpoint holds beside the learners."""

    seconds: float = 0.0
    """Time spent on the run so far, evaluations included"""
    evaluation_seconds: float = 0.0
    best_teacher: dict[str, float] | None = None
    """`step` and `mean` of the best evaluation of the teacher"""
    best_teaches: bool = False
    """Whether the teacher is the best one, and stays it"""
    asked_steps: int = 0
    """The `steps` of the run while it came to the step of the checkpoint"""


@dataclass
class Running:
    """A run under way."""

    run: RunFolder
    config: TrainConfig
    learners: Learners
    memory: ReplayMemory
    play: Play
    lanes: Executor
    """Threads for work that need not be done one after the other"""
    should_stop: Callable[[], bool]
    """Whether somebody wants the run to end; asked from several threads"""
    state: RunState = field(default_factory=RunState)
    step: int = 0
    """Agent steps so far"""
    owes_evaluation: bool = False
    """Whether the run was stopped or killed in the evaluation of the step that it is resumed at"""
    at_end: bool = False
    """Whether its steps or minutes are over"""
    stopped: bool = False
    """Whether it ends because somebody wants so"""

    def __post_init__(self) -> None:
        self._began = time.monotonic() - self.state.seconds

    def forget_since(self, began: float) -> None:
        """Leave out of the run's time what went by since `time.monotonic()` was `began`: its work is done again."""
        self._began += time.monotonic() - began

    def tick(self) -> None:
        """Read the clock into the state."""
        self.state.seconds = time.monotonic() - self._began
