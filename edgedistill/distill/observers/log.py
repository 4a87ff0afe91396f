"""Writes `metrics.jsonl`."""

from dataclasses import asdict

from edgedistill.distill.events import Evaluated, Event, Progress
from edgedistill.distill.observers.observer import Observer
from edgedistill.runs.metrics import EvaluationRecord, ProgressRecord


class Log(Observer):
    """Logs what was learnt and scored, before anybody else is told: what is on the screen is on disk."""

    def hear(self, event: Event) -> None:
        run, state = self.running.run, self.running.state
        match event:
            case Progress():
                run.log(ProgressRecord(seconds=round(state.seconds, 2), **asdict(event)))
            case Evaluated(step, scores, returns=returns):
                evaluation_seconds = round(state.evaluation_seconds, 2)
                run.log(EvaluationRecord(step, round(state.seconds, 2), evaluation_seconds, scores, returns))
