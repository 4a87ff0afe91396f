"""Which values the settings of a run accept."""

from typing import TYPE_CHECKING, Any

from edgedistill.errors import BadRequest
from edgedistill.runs.objective import Objective

if TYPE_CHECKING:
    from edgedistill.runs.config import TrainConfig

AT_LEAST_1 = (
    "steps", "envs", "rollout_length", "epochs", "minibatch", "epsilon_decay_steps", "memory_frames", "student_batch",
    "target_update", "evaluate_every", "evaluate_episodes", "checkpoint_every", "rollouts_per_report",
)  # fmt: skip
AT_LEAST_0 = ("seed", "threads", "learning_starts", "recycle_every")
ABOVE_0 = (
    "learning_rate", "muon_learning_rate", "max_grad_norm", "student_learning_rate", "student_muon_learning_rate",
    "student_max_grad_norm", "temperature",
    "student_batches", "frozen_batches",
)  # fmt: skip
SHARES = ("gamma", "lam", "sticky", "teacher_cooldown", "student_cooldown", "student_driven", "student_integers")
WORDS = {
    "mode": ("realtime", "offline"),
    "teacher": ("pqn", "dqn"),
    "teacher_optimiser": ("muon", "radam", "rmsprop"),
    "student_optimiser": ("muon", "adam"),
    "temperature_kind": ("relative", "fixed"),
    "device": ("auto", "cpu", "cuda"),
    "precision": ("auto", "float32", "bf16"),
}


def check_settings(config: "TrainConfig") -> None:
    """Refuse values out of range, and settings that do not fit together.

    Raises:
        BadRequest: with the option's name, what it accepts and what it got.
    """
    for name in AT_LEAST_1:
        _require(config, name, getattr(config, name) >= 1, "at least 1")
    for name in AT_LEAST_0:
        _require(config, name, getattr(config, name) >= 0, "0 or above")
    for name in ABOVE_0:
        _require(config, name, getattr(config, name) > 0, "above 0")
    for name in SHARES:
        _require(config, name, 0 <= getattr(config, name) <= 1, "from 0 to 1")
    for name, accepted in WORDS.items():
        _require(config, name, getattr(config, name) in accepted, f"{', '.join(accepted[:-1])} or {accepted[-1]}")
    _require(config, "minutes", config.minutes is None or config.minutes > 0, "above 0")
    floors_fit = len(config.epsilon_floors) > 0 and all(0 <= floor <= 1 for floor in config.epsilon_floors)
    _require(config, "epsilon_floors", floors_fit, "from 0 to 1")
    _require(
        config, "learning_starts", config.learning_starts <= config.memory_frames,
        f"at most the memory's {config.memory_frames:,} frames",
    )  # fmt: skip
    _check_teacher(config, Objective.parse(config.loss))


def _check_teacher(config: "TrainConfig", objective: Objective) -> None:
    """What a teacher of this kind can give."""
    if config.mode == "offline" and not config.frozen:
        raise BadRequest("--mode offline distils a finished teacher: say which with --teacher-from RUN or sb3:FILE.")
    if objective.policy == "mse" and not config.teacher_emits_q:
        raise BadRequest("--loss mse copies Q-values, and a PPO teacher has none. Use --loss kl, reverse-kl or nll.")
    if config.teacher == "dqn" and not config.frozen:
        if config.student_batches != 1 or config.student_batch != config.minibatch:
            raise BadRequest(
                "Students of a DQN teacher learn from its own minibatches: leave --student-batches and --student-batch."
            )
    elif not config.frozen:
        _require(
            config, "minibatch", config.minibatch <= config.rollout_steps,
            f"at most envs × rollout length = {config.rollout_steps}",
        )  # fmt: skip


def _require(config: "TrainConfig", name: str, holds: bool, accepted: str) -> None:
    if not holds:
        value: Any = getattr(config, name)
        raise BadRequest(f"--{name.replace('_', '-')} must be {accepted}, got {value!r}.")
