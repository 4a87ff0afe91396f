"""Where a resumed run goes on, and what it still owes."""

from collections.abc import Callable
from dataclasses import fields

from edgedistill.distill.best_students import forget_best_students_of_another_finish
from edgedistill.distill.learners import Learners
from edgedistill.distill.running import RunState
from edgedistill.errors import BadRequest, EdgeDistillError
from edgedistill.experience.memory import ReplayMemory
from edgedistill.runs.config import TrainConfig
from edgedistill.runs.folder import RunFolder
from edgedistill.runs.schedule import evaluation_due, teacher_learns


def take_up(
    run: RunFolder, config: TrainConfig, learners: Learners, memory: ReplayMemory, warn: Callable[[str], None]
) -> tuple[int, RunState, bool]:
    """Put the last checkpoint back into the learners and the memory, drop what was logged after it, and keep the
    settings that it goes on with.

    Returns:
        Its agent step, its state, and whether the evaluation of that step is still to be made.

    Raises:
        BadRequest: the run has all its steps and evaluations.
        EdgeDistillError: there is no readable checkpoint.
    """
    tensors, saved = run.load_checkpoint(warn)
    learners.load(tensors)
    state = RunState(**{entry.name: saved[entry.name] for entry in fields(RunState) if entry.name in saved})
    step: int = saved["step"]
    state.best_teaches = config.frozen or (state.best_teaches and not teacher_learns(config, step))
    forget_best_students_of_another_finish(config, learners.students, state, step)
    evaluated = run.metrics().evaluation_at(step) is not None
    if step >= config.steps and evaluated:
        raise BadRequest(f"{run.path} has its {step:,} steps already. Go on with: --steps {2 * step}")
    run.save_config(config)
    run.forget_after(step, warn)
    if config.needs_memory:
        _fill(memory, run, step, warn)
        learners.students.look_at(memory)
    is_due = step >= config.steps or evaluation_due(config, step)
    return step, state, is_due and not evaluated


def _fill(memory: ReplayMemory, run: RunFolder, step: int, warn: Callable[[str], None]) -> None:
    """Put back what students learn from, if it is there."""
    try:
        memory.load(run.load_memory(step))
    except EdgeDistillError as error:
        why = str(error).removesuffix(".")
        warn(f"The memory cannot be put back ({why}). It fills anew, and until then nothing is learnt from it.")
