"""How a run goes, as its events tell it: what the live view and the lines of `train` show."""

import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from edgedistill.distill.events import Evaluated, Evaluating, Event, Interrupted, Progress, Resumed
from edgedistill.runs.config import TrainConfig
from edgedistill.runs.folder import RunFolder
from edgedistill.runs.schedule import steps_to_go, teacher_learns

# Speed is that of the last minute of training.
SPEED_SECONDS = 60.0
# Reports of play that are remembered; more than a terminal has columns.
MOST_REPORTS = 500
# The name under which the games of the exploring players stand beside the networks.
PLAY = "play"
FILLING = "filling the memory"


class Course:
    """What is known of a run under way."""

    def __init__(self, config: TrainConfig, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self.config = config
        self._path = path
        self._clock = clock
        self._began = clock()
        self._paused = 0.0
        self._pause_began: float | None = None
        self._evaluations = 0
        self._reports: deque[tuple[float, int]] = deque()
        self._work_of_late = ""
        self.first_step = 0
        """Agent step at which this invocation began"""
        self.step = 0
        self.doing = "starting"
        self.progress: Progress | None = None
        self.evaluated: Evaluated | None = None
        """The last evaluation of this invocation"""
        self.plays: deque[float] = deque(maxlen=MOST_REPORTS)
        """Mean returns of the games that ended between reports; their players explore"""
        self.scores: dict[str, list[float]] = {name: [] for name in ("teacher", *(s.name for s in config.students))}
        """Of all evaluations of the run, by network"""

    def take(self, event: Event) -> None:
        """Learn of an event."""
        match event:
            case Progress():
                self._take_progress(event)
            case Evaluating(network=network, game=game, games=games):
                self._pause_began = self._pause_began or self._clock()
                self.doing = f"evaluating {network}, game {game}/{games}"
            case Evaluated(scores=scores):
                self._go_on()
                self._evaluations += 1
                self.evaluated = event
                self._take_scores(scores)
            case Interrupted():
                self._go_on()
            case Resumed(step):
                self.step = self.first_step = step
                for record in RunFolder(self._path).metrics().evaluations:
                    self._take_scores(record.scores)

    def _take_progress(self, event: Progress) -> None:
        self.step, self.progress = event.step, event
        before, self._work_of_late = self._work_of_late, self._work(event)
        self.doing = self._work_of_late
        if self.doing != before:
            self._reports.clear()  # steps take another time now
        if event.play_return is not None:
            self.plays.append(event.play_return)
        now = self._training_seconds()
        self._reports.append((now, event.step))
        while len(self._reports) > 2 and now - self._reports[1][0] > SPEED_SECONDS:
            self._reports.popleft()

    def _work(self, event: Progress) -> str:
        if not self.config.students:
            return "learning"
        if not event.student_loss:
            return FILLING
        finishes = not self.config.frozen and not teacher_learns(self.config, event.step)
        return "finishing the students" if finishes else "learning"

    def _take_scores(self, scores: dict[str, float]) -> None:
        for name, score in scores.items():
            self.scores.setdefault(name, []).append(score)

    def _go_on(self) -> None:
        if self._pause_began is not None:
            self._paused += self._clock() - self._pause_began
            self._pause_began = None
        self.doing = "learning"

    def _training_seconds(self) -> float:
        """Of this invocation, evaluations left out."""
        return (self._pause_began or self._clock()) - self._began - self._paused

    @property
    def minutes(self) -> float:
        """Of this invocation."""
        return (self._clock() - self._began) / 60

    @property
    def speed(self) -> float | None:
        """Agent steps per second of training; None before the second report, since the first one warms up threads."""
        if len(self._reports) < 2:
            return None
        (since, first), (until, last) = self._reports[0], self._reports[-1]
        return (last - first) / (until - since) if until > since else None

    @property
    def share_done(self) -> float:
        """Share of the budget that is used: of steps or minutes, whichever ends first."""
        by_minutes = self.minutes / self.config.minutes if self.config.minutes else 0.0
        return min(1.0, max(self.step / self.config.steps, by_minutes))

    @property
    def minutes_left(self) -> float | None:
        """Until the run ends, with the evaluations that are due; None before the speed is known."""
        left = [self.config.minutes - self.minutes] if self.config.minutes else []
        if self.speed:
            steps = self.config.steps - self.step
            evaluations = -(-steps // self.config.evaluate_every)
            each = self._paused / self._evaluations if self._evaluations else 0.0
            to_go = steps_to_go(self.config, self.step, students_learn=self._work_of_late != FILLING)
            left.append((to_go / self.speed + evaluations * each) / 60)
        return max(0.0, min(left)) if left else None

    @property
    def best_teacher(self) -> float | None:
        """Its best score, None before the first evaluation."""
        return self.evaluated.best_teacher if self.evaluated else max(self.scores["teacher"], default=None)
