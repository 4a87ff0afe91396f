"""The best student of the finish, which an export takes.

While its rate falls, a student's score still swings from one evaluation to the next by more than it gains
(docs/decisions.md). Validation games choose, never those that it is scored by.
"""

from collections.abc import Mapping

from edgedistill.distill.running import RunState
from edgedistill.distill.students import Students
from edgedistill.runs.config import TrainConfig
from edgedistill.runs.schedule import students_finish


def keep_best_students(
    config: TrainConfig, students: Students, state: RunState, step: int, scores: Mapping[str, float]
) -> None:
    """Of the students as they are at an agent step, keep those that score at least as much as before in their finish.

    Args:
        scores: mean returns of that evaluation, by "teacher" and the students' names.
    """
    if not students_finish(config, step):
        return
    best = state.best_students
    better = {
        name: {"step": step, "mean": mean}
        for name, mean in scores.items()
        if name != "teacher" and (name not in best or mean >= best[name]["mean"])
    }
    best |= better
    students.keep_best(better)


def forget_best_students_of_another_finish(config: TrainConfig, students: Students, state: RunState, step: int) -> None:
    """Where a run got more steps, its students learn on, and their finish is still to come."""
    if not students_finish(config, step):
        state.best_students = {}
        students.forget_best()
