"""When a run ends."""

import time

from edgedistill.distill.events import Event, Progress
from edgedistill.distill.observers.observer import Events, Observer
from edgedistill.distill.running import Running


class StopRules(Observer):
    """A run ends at its last step, when its minutes are over, or when somebody wants so."""

    def __init__(self, running: Running) -> None:
        super().__init__(running)
        minutes = running.config.minutes
        self._deadline = time.monotonic() + 60 * minutes if minutes else float("inf")

    def follow(self, event: Event) -> Events:
        running = self.running
        if isinstance(event, Progress):
            running.at_end = event.step >= running.config.steps or time.monotonic() >= self._deadline
            running.stopped = running.should_stop()
        yield from ()
