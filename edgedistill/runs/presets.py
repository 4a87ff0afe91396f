"""Settings that go with a teacher, a mode or an optimiser, where they differ from `TrainConfig`'s own defaults."""

from typing import Any

from edgedistill.runs.config import TrainConfig
from edgedistill.runs.kinds import KINDS
from edgedistill.runs.optimisers import STUDENT_OPTIMISERS

# Rusu et al. 2015, appendix: the teacher plays an hour (54,000 steps) at ε 0.05 into a buffer of ten hours, then
# 10,000 minibatches are learnt from it; KL at τ = 0.01 was their best loss.
RUSU_OFFLINE: dict[str, Any] = {
    "memory_frames": 540_000,
    "learning_starts": 54_000,
    "epsilon_floors": (0.05,),
    "loss": "kl",
    "temperature": 0.01,
    "temperature_kind": "fixed",
    # The paper gives no size; 32 is its teachers' (Mnih et al. 2015).
    "student_batch": 32,
    # Of 10,000 per 54,000 steps, counted per batch that a PQN teacher would have had from as many.
    "frozen_batches": 10_000 / 54_000 * TrainConfig.minibatch / TrainConfig.epochs,
    "student_optimiser": "adam",
    "student_learning_rate": 1e-3,  # Adam's usual rate, for batches of 32
    "student_average": 0.0,  # not in the paper
    "student_integers": 0.0,
    "student_driven": 0.0,  # the teacher plays
}

# A finished teacher's values are no noise from the start, so students need not wait for a whole memory of them, but
# for ten rollouts: fewer frames would be of few moments.
FROZEN: dict[str, Any] = {"learning_starts": 20_000}


def preset(*, teacher: str, mode: str, frozen: bool, student_optimiser: str | None = None) -> dict[str, Any]:
    """The settings for a combination; what the user gives goes over them.

    Args:
        student_optimiser: None where it is that of the teacher and mode.
    """
    settings = _of_teacher_and_mode(teacher, mode, frozen)
    optimiser = student_optimiser or settings.get("student_optimiser", TrainConfig.student_optimiser)
    # `TrainConfig` says which optimisers there are.
    return {**(STUDENT_OPTIMISERS[optimiser].settings if optimiser in STUDENT_OPTIMISERS else {}), **settings}


def _of_teacher_and_mode(teacher: str, mode: str, frozen: bool) -> dict[str, Any]:
    if mode == "offline":
        return RUSU_OFFLINE
    if frozen:
        return FROZEN
    # `TrainConfig` says which teachers there are.
    return KINDS[teacher].settings if teacher in KINDS else {}
