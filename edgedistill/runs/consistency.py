"""Which settings of a run fit together."""

from typing import TYPE_CHECKING

from edgedistill.errors import BadRequest
from edgedistill.runs.ensemble import architecture_of
from edgedistill.runs.kinds import KINDS
from edgedistill.runs.objective import Objective
from edgedistill.runs.optimisers import TEACHER_OPTIMISERS

if TYPE_CHECKING:
    from edgedistill.runs.config import TrainConfig


def check_together(config: "TrainConfig") -> None:
    """Refuse settings that do not fit together.

    Raises:
        BadRequest: with the options, and what to do.
    """
    objective = Objective.parse(config.loss)
    for network in (config.teacher_network, *(member.network for member in config.ensemble)):
        architecture_of(network)  # refuses what is not in the catalogue
    if config.ensemble and not config.frozen:
        raise BadRequest("An ensemble comes ready: its sources are missing (teacher_from).")
    if config.learning_starts > config.memory_frames:
        raise BadRequest(
            f"--learning-starts must be at most the memory's {config.memory_frames:,} frames, got "
            f"{config.learning_starts:,}."
        )
    if config.mode == "offline" and not config.frozen:
        raise BadRequest(
            "--mode offline distils a finished teacher: say which with --teacher-from RUN, FILE.onnx, GAME, sb3:FILE "
            "or hub:NAME."
        )
    if objective.policy == "mse" and not config.teacher_emits_q:
        who = "an ensemble" if config.ensemble else "a student" if config.kind.integers else "a PPO teacher"
        raise BadRequest(f"--loss mse copies Q-values, and {who} has none. Use --loss kl, reverse-kl or nll.")
    if objective.policy in ("kl", "reverse-kl") and objective.td and not config.teacher_emits_q and not config.ensemble:
        raise BadRequest(
            f"--loss {config.loss} makes a student's outputs Q-values of the teacher's scale, and its teacher gives "
            f"logits. Use --loss {objective.policy} or {objective.td}."
        )
    if config.ensemble and objective.emits_q:
        raise BadRequest("An ensemble gives a policy, not Q-values. Use --loss kl, reverse-kl or nll.")
    if not config.frozen:
        _check_kind(config)
        _check_teacher_learns(config)


def _check_teacher_learns(config: "TrainConfig") -> None:
    """Refuse a teacher that is done, since its students finish, before it begins."""
    if config.students and config.teacher_cooldown > 0 and config.student_cooldown == 1:
        raise BadRequest(
            "--student-cooldown 1 leaves the teacher no step to learn in: it is done when its students' rates begin to "
            "fall. Use less, or a finished teacher: --teacher-from."
        )


def _check_kind(config: "TrainConfig") -> None:
    """Refuse what does not fit a teacher that learns in this run."""
    kind = KINDS[config.teacher]
    if kind.learns_by is None:
        raise BadRequest(f"A {config.teacher} teaches as it is: say which with --teacher-from FILE.onnx or GAME.")
    if kind.from_replay:
        if config.students and (config.student_batches != 1 or config.student_batch != config.minibatch):
            raise BadRequest(
                f"Students of a {config.teacher} teacher learn from its own minibatches: leave --student-batches and "
                f"--student-batch out, got {config.student_batches:g} and {config.student_batch} of its "
                f"{config.minibatch}."
            )
        if config.students and config.teacher_average > 0:
            raise BadRequest(
                f"Students of a {config.teacher} teacher learn its values of the moment, so an average of it would not "
                f"teach them: leave --teacher-average out (0), got {config.teacher_average:g}."
            )
    elif config.minibatch > config.rollout_steps:
        raise BadRequest(
            f"--minibatch must be at most envs × rollout length = {config.rollout_steps}, got {config.minibatch}."
        )
    not_for = TEACHER_OPTIMISERS[config.teacher_optimiser].not_for
    if config.teacher in not_for:
        others = " or ".join(name for name in KINDS if name not in not_for)
        raise BadRequest(
            f"--teacher-optimiser {config.teacher_optimiser} is for --teacher {others}; leave it, and {config.teacher} "
            f"learns with {kind.settings['teacher_optimiser']}."
        )
