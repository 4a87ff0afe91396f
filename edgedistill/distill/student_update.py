"""One update of a student, from a batch of play and what the teacher thought of it."""

from collections.abc import Callable

import torch
from torch import Tensor

from edgedistill.distill import losses
from edgedistill.experience.batch import Batch
from edgedistill.networks.learner import Learner
from edgedistill.profiler import timed
from edgedistill.runs.config import TrainConfig
from edgedistill.teachers.dqn import td_target

POLICY_LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "kl": losses.forward_kl,
    "reverse-kl": losses.reverse_kl,
    "nll": losses.nll,
}


def student_loss(student: Learner, batch: Batch, config: TrainConfig) -> Tensor:
    """The sum of the terms of `config.loss`, as Sun & Fazli 2019 add L_KL + L_DQN."""
    objective = config.objective
    output: Tensor = student.network(batch.x_t)
    total: Tensor = output.new_zeros(())
    if objective.policy == "mse":
        total = total + losses.q_mse(output, batch.q_t)
    elif objective.policy is not None:
        tau: Tensor | float = config.temperature
        if config.ensemble:
            tau = 1.0  # its members' policies were softened before their mean was taken
        elif config.temperature_kind == "relative":
            tau = losses.relative_temperature(batch.q_t, config.temperature)
        loss = POLICY_LOSSES[objective.policy]
        # A student that emits logits may scale them as it likes; one that emits Q-values has the teacher's scale.
        total = total + loss(output / tau if objective.emits_q else output, batch.q_t / tau)
    if objective.td is not None:
        assert student.target is not None and batch.x_tp1 is not None
        with torch.no_grad():
            own_q_tp1 = student.target(batch.x_tp1)
        v_tp1 = (
            losses.imitation_value(own_q_tp1, batch.q_tp1)
            if objective.td == "imitation-q"
            else losses.self_value(own_q_tp1)
        )
        target = td_target(batch.reward_t, batch.done_t, v_tp1, config.gamma)
        total = total + losses.td_loss(output, batch.action_t, target)
    return total


@timed("students")
def update_student(student: Learner, batch: Batch, config: TrainConfig) -> None:
    """One gradient step on `student_loss`, which is kept among the student's losses."""
    loss = student_loss(student, batch, config)
    student.network.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    student.step(config.student_max_grad_norm)
    student.update_target(config.target_update)
    student.losses.append(float(loss.detach()))
