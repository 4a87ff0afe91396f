"""Writes `metrics.jsonl`."""

from dataclasses import asdict

from edgedistill.distill.events import Evaluated, Event, Progress
from edgedistill.distill.observers.observer import Observer
from edgedistill.distill.running import Running
from edgedistill.runs.metrics import EvaluationRecord, ProgressRecord


class Log(Observer):
    """Logs what was learnt and scored, before anybody else is told: what is on the screen is on disk."""

    def __init__(self, running: Running) -> None:
        super().__init__(running)
        # At the last report: before an evaluation is logged, its checkpoint has counted the time that it took.
        self._seconds = running.state.seconds

    def hear(self, event: Event) -> None:
        run, state = self.running.run, self.running.state
        match event:
            case Progress():
                self._seconds = round(state.seconds, 2)
                run.log(ProgressRecord(seconds=self._seconds, **asdict(event)))
            case Evaluated(step, scores, returns=returns, best_students=best):
                evaluation_seconds = round(state.evaluation_seconds, 2)
                run.log(EvaluationRecord(step, round(self._seconds, 2), evaluation_seconds, scores, returns, best))
