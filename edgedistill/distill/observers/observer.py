"""What an observer of a run does."""

from collections.abc import Generator, Sequence
from contextlib import closing

from edgedistill.distill.events import Event
from edgedistill.distill.running import Running

Events = Generator[Event, None, None]


class Observer:
    """Watches a run, and may do something about what happens in it."""

    def __init__(self, running: Running) -> None:
        self.running = running

    @classmethod
    def is_wanted(cls, running: Running) -> bool:
        """Whether this run has such an observer."""
        return True

    def hear(self, event: Event) -> None:
        """Before whoever trains is told of an event."""

    def follow(self, event: Event) -> Events:
        """After whoever trains was told of an event: what happens because of it, event by event."""
        yield from ()

    def close(self) -> None:
        """The run ends, in order or not."""


def tell(observers: Sequence[Observer], event: Event) -> Events:
    """An event, and all that follows from it."""
    for observer in observers:
        observer.hear(event)
    yield event
    for observer in observers:
        with closing(observer.follow(event)) as following:
            for further in following:
                yield from tell(observers, further)
