"""Saves a run."""

from dataclasses import asdict

from edgedistill.distill.events import Evaluated, Event, Interrupted, Progress, Resumed, Saved
from edgedistill.distill.observers.observer import Events, Observer
from edgedistill.distill.running import Running
from edgedistill.runs.schedule import checkpoint_due


class Checkpoints(Observer):
    """Saves where a checkpoint is due, and where the run ends.

    Elsewhere a rollout is under way, which a checkpoint does not hold: a run that goes on from there may not be the one
    that was not stopped.
    """

    def __init__(self, running: Running) -> None:
        super().__init__(running)
        self._saved_step: int | None = None

    def hear(self, event: Event) -> None:
        if isinstance(event, Resumed):
            self._saved_step = event.step

    def follow(self, event: Event) -> Events:
        running = self.running
        match event:
            case Progress(step):
                if running.at_end or running.stopped or checkpoint_due(running.config, step):
                    yield self._save()
            case Interrupted(step):
                is_new = step != self._saved_step
                saved = self._save()
                if is_new:
                    yield saved
            case Evaluated(step) if step == self._saved_step:
                self._save()  # with the best teacher, and the time that the evaluation took

    def _save(self) -> Saved:
        running = self.running
        running.tick()
        is_new = running.config.needs_memory and running.step != self._saved_step
        memory = running.memory.tensors() if is_new else None
        tensors = running.learners.tensors() | running.play.tensors()
        running.run.save_checkpoint(running.step, tensors, asdict(running.state), memory)
        self._saved_step = running.step
        return Saved(running.step)
