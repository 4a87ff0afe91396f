"""Which settings of a run fit together."""

from typing import TYPE_CHECKING

from edgedistill.errors import BadRequest
from edgedistill.runs.objective import Objective

if TYPE_CHECKING:
    from edgedistill.runs.config import TrainConfig


def check_together(config: "TrainConfig") -> None:
    """Refuse settings that do not fit together.

    Raises:
        BadRequest: with the options, and what to do.
    """
    objective = Objective.parse(config.loss)
    _ = config.teacher_architecture  # refuses what is not in the catalogue
    if config.learning_starts > config.memory_frames:
        raise BadRequest(
            f"--learning-starts must be at most the memory's {config.memory_frames:,} frames, got "
            f"{config.learning_starts:,}."
        )
    if config.mode == "offline" and not config.frozen:
        raise BadRequest("--mode offline distils a finished teacher: say which with --teacher-from RUN or sb3:FILE.")
    if objective.policy == "mse" and not config.teacher_emits_q:
        raise BadRequest("--loss mse copies Q-values, and a PPO teacher has none. Use --loss kl, reverse-kl or nll.")
    if config.teacher == "dqn" and not config.frozen:
        if config.student_batches != 1 or config.student_batch != config.minibatch:
            raise BadRequest(
                "Students of a DQN teacher learn from its own minibatches: leave --student-batches and --student-batch."
            )
    elif not config.frozen and config.minibatch > config.rollout_steps:
        raise BadRequest(
            f"--minibatch must be at most envs × rollout length = {config.rollout_steps}, got {config.minibatch}."
        )
    if (config.teacher_optimiser == "muon") and config.teacher == "dqn" and not config.frozen:
        raise BadRequest("--teacher-optimiser muon is for --teacher pqn; leave it, and dqn learns with rmsprop.")
