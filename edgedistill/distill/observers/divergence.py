"""Ends a run that is lost."""

from math import isfinite

from edgedistill.distill.events import Event, Progress
from edgedistill.distill.observers.observer import Observer
from edgedistill.errors import EdgeDistillError

# Clipped rewards discounted by the default 0.99 never sum to more than ±100, so that no honest squared error of an
# action passes 200²; KL beyond that means logits in the tens of thousands.
LARGEST_LOSS = 40_000.0


class Divergence(Observer):
    """Stops before a network that is lost overwrites a checkpoint of one that was not."""

    def hear(self, event: Event) -> None:
        """
        Raises:
            EdgeDistillError: a loss is no longer finite, or past all bounds.
        """
        if not isinstance(event, Progress):
            return
        for name, loss in {"teacher": event.teacher_loss, **event.student_loss}.items():
            if loss is not None and not (isfinite(loss) and abs(loss) < LARGEST_LOSS):
                raise EdgeDistillError(
                    f"The loss of '{name}' is {loss:g} at step {event.step:,}: it diverged, and the run stops here. "
                    f"The last checkpoint of {self.running.run.path} is from before. Try a smaller learning rate in a "
                    "new run."
                )
