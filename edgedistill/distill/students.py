"""One update of a student, from a batch of play and what the teacher thought of it."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from edgedistill.distill import losses
from edgedistill.distill.learners import Learner, Learners
from edgedistill.networks.network import to_input
from edgedistill.phases import timed
from edgedistill.runs.config import TrainConfig
from edgedistill.teachers.dqn import td_target
from edgedistill.teachers.replay import Transitions

POLICY_LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "kl": losses.forward_kl,
    "reverse-kl": losses.reverse_kl,
    "nll": losses.nll,
}


@dataclass(frozen=True)
class Batch:
    """B steps of play, as networks take them."""

    x: Tensor
    """(B, 64, 21, 21)"""
    teacher: Tensor
    """(B, A): the teacher's values, without gradient"""
    action: Tensor
    """(B,)"""
    reward: Tensor
    """(B,), clipped to ±1"""
    done: Tensor
    """(B,)"""
    next_x: Tensor | None
    """(B, 64, 21, 21), where a loss needs it"""
    next_teacher: Tensor
    """(B, A): the teacher's values of what followed"""

    @classmethod
    def of(cls, transitions: Transitions, learners: Learners) -> "Batch":
        device, dtype = learners.device, learners.input_dtype
        following = transitions.next_frames
        return cls(
            to_input(transitions.frames, device, dtype),
            torch.from_numpy(transitions.q).to(device),
            torch.from_numpy(transitions.action).to(device),
            # Rewards are clipped to ±1 for learning only (Mnih et al. 2015).
            torch.from_numpy(transitions.reward).clamp(-1, 1).to(device),
            torch.from_numpy(transitions.done).to(device),
            None if following is None else to_input(following, device, dtype),
            torch.from_numpy(transitions.next_q).to(device),
        )


def student_loss(student: Learner, batch: Batch, config: TrainConfig) -> Tensor:
    """The sum of the terms of `config.loss`, as Sun & Fazli 2019 add L_KL + L_DQN."""
    objective = config.objective
    output: Tensor = student.network(batch.x)
    total: Tensor = output.new_zeros(())
    if objective.policy == "mse":
        total = total + losses.q_mse(output, batch.teacher)
    elif objective.policy is not None:
        tau: Tensor | float = config.temperature
        if config.temperature_kind == "relative":
            tau = losses.relative_temperature(batch.teacher, config.temperature)
        loss = POLICY_LOSSES[objective.policy]
        # A student that emits logits may scale them as it likes; one that emits Q-values has the teacher's scale.
        total = total + loss(output / tau if objective.emits_q else output, batch.teacher / tau)
    if objective.td is not None:
        assert student.target is not None and batch.next_x is not None
        with torch.no_grad():
            following = student.target(batch.next_x)
        value = (
            losses.imitation_value(following, batch.next_teacher)
            if objective.td == "imitation-q"
            else losses.self_value(following)
        )
        target = td_target(batch.reward, batch.done, value, config.gamma)
        total = total + losses.td_loss(output, batch.action, target)
    return total


@timed("students")
def update_student(student: Learner, batch: Batch, config: TrainConfig) -> float:
    """One gradient step on `student_loss`. Returns the loss."""
    loss = student_loss(student, batch, config)
    student.network.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    student.step(config.student_max_grad_norm)
    student.update_target(config.target_update)
    return float(loss.detach())
