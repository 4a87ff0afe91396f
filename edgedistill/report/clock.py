"""How long a run has trained: without its evaluations, and without pauses in which its process was halted."""

from itertools import pairwise
from statistics import median

from edgedistill.runs.metrics import Metrics

# A process that was halted (SIGSTOP, a sleeping machine) has one long gap between two reports. A gap of less than this,
# or of fewer usual ones around it, may be a busy machine. Beside a teacher that is done, all gaps are longer.
LEAST_PAUSE_SECONDS = 60.0
LEAST_PAUSE_GAPS = 10.0
# Fewer reports do not tell what is usual.
LEAST_REPORTS = 10
# Gaps before and after one that tell what is usual there.
AROUND = 10


class TrainingClock:
    """Tells the seconds of training at agent steps of a run."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        reports = [(each.step, self._without_evaluations(each.step, each.seconds)) for each in metrics.progress]
        gaps = [(step, after - before) for (_, before), (step, after) in pairwise(reports)]
        self._pauses: list[tuple[int, float]] = []
        """The step at the end of each, and its seconds beyond a usual gap"""
        if len(reports) >= LEAST_REPORTS:
            for number, (step, gap) in enumerate(gaps):
                if gap > LEAST_PAUSE_SECONDS:
                    usual = median(each for _, each in gaps[max(0, number - AROUND) : number + AROUND + 1])
                    if gap > LEAST_PAUSE_GAPS * usual:
                        self._pauses.append((step, gap - usual))

    def training_seconds(self, step: int, seconds: float) -> float:
        """Of training until an agent step at which the log has `seconds` since the run began."""
        return self._without_evaluations(step, seconds) - sum(pause for end, pause in self._pauses if end <= step)

    def _without_evaluations(self, step: int, seconds: float) -> float:
        return seconds - self._metrics.evaluation_seconds_before(step)


def duration(minutes: float | None) -> str:
    """As people say it; unknown is `?`."""
    if minutes is None:
        return "?"
    if minutes < 1:
        return f"{60 * minutes:.0f} s"
    hours, rest = divmod(round(minutes), 60)
    return f"{hours} h {rest:02} min" if hours else f"{rest} min"
