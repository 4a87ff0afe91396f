"""Real-time policy distillation (Sun & Fazli 2019, arXiv 1912.12630): the whole loop.

Each rollout updates the teacher, then every student. Beside DQN both learn from the same replay minibatch, as in the
paper. PQN has no replay, so its students learn from a distillation memory: recent frames with the teacher's values. A
frozen teacher plays into the same memory; offline distillation (Rusu et al. 2015) is that with other settings.

The work of each line is dealt out to a few threads, the lanes, of which none writes what another one reads.
"""

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import closing

from edgedistill.distill.events import Progress
from edgedistill.distill.learners import Learners
from edgedistill.distill.play import Play
from edgedistill.experience.memory import ReplayMemory
from edgedistill.runs.config import TrainConfig
from edgedistill.runs.schedule import rollouts


def distil(
    config: TrainConfig,
    learners: Learners,
    memory: ReplayMemory,
    play: Play,
    start_step: int,
    lanes: Executor,
    *,
    restarts: bool = True,
) -> Iterator[Progress]:
    """Train teacher and students from `start_step` to `config.steps`, with the threads of `lanes`. `restarts` says
    whether the games begin anew there.

    The random numbers of a rollout derive from the run's seed and its step, so a resumed run draws the
    same, with the same number of threads.
    """
    teacher, students = learners.teacher, learners.students
    with closing(play):
        for span in rollouts(config, start_step, restarts=restarts):
            rollout = play.take(span)
            memory.add(teacher.relabel(rollout, span, lanes))
            students.prepare(memory, span)
            students.update_on(teacher.update(rollout, memory, span, lanes), lanes)  # DQN yields what it learnt from
            play.begin(span.next)  # each lane plays its games, by the new teacher, then teaches its students:
            students.update(memory, span, lanes)
            if span.report_due:
                play.wait()  # who is told has the machine to themselves
                yield Progress(
                    step=span.end,
                    teacher_loss=teacher.mean_loss(),
                    student_loss=students.mean_losses(),
                    play_return=play.mean_return(),
                    memory_frames=len(memory),
                )
