"""Whatever watches a run, a file each. A new observer is a file here and an entry of `OBSERVERS`."""

from edgedistill.distill.observers.checkpoints import Checkpoints
from edgedistill.distill.observers.divergence import Divergence
from edgedistill.distill.observers.evaluations import Evaluations
from edgedistill.distill.observers.log import Log
from edgedistill.distill.observers.observer import Observer
from edgedistill.distill.observers.stop_rules import StopRules
from edgedistill.distill.observers.tensorboard import TensorBoard

# In the order in which they hear and follow. A diverged loss is logged before it ends the run; whether the run ends is
# known before a checkpoint is due; a checkpoint comes before an evaluation, which takes minutes and may be killed.
OBSERVERS: tuple[type[Observer], ...] = (Log, Divergence, StopRules, Checkpoints, Evaluations, TensorBoard)

__all__ = ["OBSERVERS", "Observer"]
