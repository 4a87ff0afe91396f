"""From the teacher that learns to the best teacher of the run, beside which students finish.

Retention counts from the best. The last one may score less, and students do not get beyond the one that they copy.
"""

from functools import partial

from edgedistill.distill.running import Running
from edgedistill.networks.tensors import load_module
from edgedistill.runs.schedule import teacher_learns
from edgedistill.teachers.teacher import NAME, values_of


def hand_over_if_due(running: Running) -> None:
    """Once the teacher learns no more, let the best one act and teach, if the run has one.

    All frames in the memory get its values. Otherwise students would learn towards two teachers until the last frame of
    the other one is gone. Students that compute in integers measure their ranges anew: the finish is more than half of
    all that they learn in integers.

    Raises:
        EdgeDistillError: the best teacher's file is damaged.
    """
    config, state = running.config, running.state
    if not config.students or state.best_teaches or teacher_learns(config, running.step):
        return
    best = running.run.load_best_teacher()
    if best is not None:
        player = running.learners.teacher.player
        load_module(player, best[0], NAME)
        running.memory.revalue(partial(values_of, player))
        running.learners.students.end_integers()
        state.best_teaches = True
