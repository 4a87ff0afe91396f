"""Where a resumed run goes on, and what it still owes."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import fields, replace

from torch import Tensor

from edgedistill.catalogue import MOST_ACTIONS
from edgedistill.distill.learners import Learners
from edgedistill.distill.running import RunState
from edgedistill.errors import BadRequest, EdgeDistillError
from edgedistill.experience.memory import ReplayMemory
from edgedistill.networks.learner import LEARNING
from edgedistill.runs.config import TrainConfig
from edgedistill.runs.folder import RunFolder
from edgedistill.runs.schedule import evaluation_due, teacher_learns
from edgedistill.runs.went_on import with_change
from edgedistill.teachers.teacher import NAME


def take_up(
    run: RunFolder, config: TrainConfig, learners: Learners, memory: ReplayMemory, warn: Callable[[str], None]
) -> tuple[int, RunState, bool, dict[str, Tensor]]:
    """Put the last checkpoint back into the learners and the memory, drop what was logged after it, and keep the
    settings that it goes on with. A run that ended before its first checkpoint begins again.

    Returns:
        Its agent step, its state, whether the evaluation of that step is still to be made, and what `Play.put_back`
        takes.

    Raises:
        BadRequest: the run has all its steps and evaluations.
        EdgeDistillError: none of its checkpoints can be read.
    """
    if not run.has_checkpoint():
        warn(f"{run.path} has no checkpoint yet. It begins again.")
        run.save_config(replace(config, went_on=()))
        run.forget_after(-1, warn)
        return 0, RunState(best_teaches=config.frozen), False, {}
    tensors, saved = run.load_checkpoint(warn)
    state = RunState(**{entry.name: saved[entry.name] for entry in fields(RunState) if entry.name in saved})
    step: int = saved["step"]
    learns = teacher_learns(config, step)
    learns_again = state.best_teaches and learns
    learners.load(_with_average_anew(tensors) if learns_again else tensors)
    if step % config.rollout_steps:
        raise BadRequest(
            f"{run.path} has {step:,} steps, which are no whole rollouts of {config.rollout_steps}: its config.json "
            "was changed. Put back its envs and rollout_length."
        )
    if learns_again:
        # The teacher gets better still, and so do its students: the ranges of their integers are measured anew.
        learners.students.end_integers()
    if not config.frozen:
        _take_over_best_teacher(run, state)
    state.best_teaches = config.frozen or (state.best_teaches and not learns)
    evaluated = _take_over_evaluation(run, config, state, step)
    if step >= config.steps and evaluated:
        raise BadRequest(f"{run.path} has its {step:,} steps already. Go on with: --steps {2 * step}")
    own = run.config()
    state.asked_steps = state.asked_steps or own.steps
    run.save_config(replace(config, went_on=with_change(own.went_on, step, state.asked_steps, config.steps)))
    run.forget_after(step, warn)
    if config.needs_memory:
        _fill(memory, run, step, warn)
        learners.students.check_ready(memory)
    # With fewer steps, the step at which it would have been scored a last time may lie behind.
    unscored = bool(config.students) and not learns and not state.best_teaches
    is_due = step >= config.steps or unscored or evaluation_due(config, step)
    games = {name: tensor for name, tensor in tensors.items() if name.startswith("games.")}
    return step, state, is_due and not evaluated, games


def _with_average_anew(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A checkpoint's tensors, the teacher's average as the network that learns: the finish beside the best teacher left
    it at that one's weights. Without an average, the best teacher itself learns on."""
    learning = f"{LEARNING}{NAME}."
    own = {name.removeprefix(LEARNING): each for name, each in tensors.items() if name.startswith(learning)}
    return {**tensors, **own}


def _take_over_best_teacher(run: RunFolder, state: RunState) -> None:
    """The file is what students finish beside, and it may be of an evaluation after the checkpoint."""
    with suppress(EdgeDistillError):  # a damaged one is told of when it is needed, if no better one replaces it
        best = run.load_best_teacher()
        if best is not None and "mean" in best[1]:  # that of a teacher that came frozen has none
            state.best_teacher = {name: best[1][name] for name in ("step", "mean")}


def _fill(memory: ReplayMemory, run: RunFolder, step: int, warn: Callable[[str], None]) -> None:
    """Put back what students learn from, if it is there."""
    # Frames that nothing packs smaller take a little more in a file; twice as much holds its header, too.
    most_bytes = 2 * ReplayMemory.bytes_needed(memory.capacity, MOST_ACTIONS)
    try:
        memory.load(run.load_memory(step, most_bytes))
    except EdgeDistillError as error:
        why = str(error).removesuffix(".")
        warn(f"The memory cannot be put back ({why}). It fills anew, and until then nothing is learnt from it.")


def _take_over_evaluation(run: RunFolder, config: TrainConfig, state: RunState, step: int) -> bool:
    """Whether an evaluation of `step` is in the log. It may be newer than the checkpoint's state, which then learns of
    it."""
    record = run.metrics().evaluation_at(step)
    if record is None or "teacher" not in record.scores:
        return False
    mean = record.scores["teacher"]
    state.evaluation_seconds = max(state.evaluation_seconds, record.evaluation_seconds)
    if state.best_teacher is None or (not state.best_teaches and mean >= state.best_teacher["mean"]):
        state.best_teacher = {"step": 0 if config.frozen else step, "mean": mean}
    return True
