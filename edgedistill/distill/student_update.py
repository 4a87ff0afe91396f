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
    output: Tensor = student.network(batch.x)
    total: Tensor = output.new_zeros(())
    if objective.policy == "mse":
        total = total + losses.q_mse(output, batch.teacher)
    elif objective.policy is not None:
        tau: Tensor | float = config.temperature
        if config.ensemble:
            tau = 1.0  # its members' policies were softened before their mean was taken
        elif config.temperature_kind == "relative":
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
def update_student(student: Learner, batch: Batch, config: TrainConfig) -> None:
    """One gradient step on `student_loss`, which is kept among the student's losses."""
    loss = student_loss(student, batch, config)
    student.network.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    student.step(config.student_max_grad_norm)
    student.update_target(config.target_update)
    student.losses.append(float(loss.detach()))
