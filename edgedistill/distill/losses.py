"""What a student learns towards. All losses are means over the batch; students' outputs carry the gradient."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, kl_div, mse_loss, smooth_l1_loss


def q_spread(q: Tensor) -> Tensor:
    """How far the best action stands above the mean one, averaged over a batch: q (B, A) -> scalar."""
    return (q.amax(dim=1) - q.mean(dim=1)).mean()


def relative_temperature(q: Tensor, share: float) -> Tensor:
    """τ as a share of the teacher's Q spread: q (B, A) -> scalar."""
    # Where all actions are worth the same the spread is 0 and any policy is right: aim at the uniform one.
    return (share * q_spread(q)).clamp_min(1e-6)


def forward_kl(student: Tensor, teacher: Tensor) -> Tensor:
    """KL(teacher ‖ student) in nats (Rusu et al. 2015, eq. 3; Sun & Fazli 2019, "FKL"); logits (B, A) of both policies.

    The teacher's are Q_T / τ. The student's are its outputs, or Q_S / τ where it emits Q-values.
    """
    return kl_div(student.log_softmax(dim=1), teacher.log_softmax(dim=1), reduction="batchmean", log_target=True)


def reverse_kl(student: Tensor, teacher: Tensor) -> Tensor:
    """KL(student ‖ teacher) in nats (Sun & Fazli 2019, "RKL"); logits (B, A) of both policies."""
    return kl_div(teacher.log_softmax(dim=1), student.log_softmax(dim=1), reduction="batchmean", log_target=True)


def nll(student: Tensor, teacher: Tensor) -> Tensor:
    """−log of the student's probability of the teacher's best action (Rusu et al. 2015, eq. 1); (B, A) both."""
    return cross_entropy(student, teacher.argmax(dim=1))


def q_mse(student: Tensor, teacher: Tensor) -> Tensor:
    """Squared error of the Q-values, summed over actions (Rusu et al. 2015, eq. 2: ‖q_T − q_S‖²); (B, A) both."""
    return mse_loss(student, teacher, reduction="sum") / len(student)


@torch.no_grad()
def imitation_value(student_target: Tensor, teacher: Tensor) -> Tensor:
    """V(s') = Q_S⁻(s', argmax_a Q_T⁻(s', a)): the teacher chooses, the student's target network rates (Sun & Fazli
    2019, imitation); Q-values at s' (B, A) -> (B,)."""
    return student_target.gather(1, teacher.argmax(dim=1, keepdim=True)).squeeze(1)


@torch.no_grad()
def self_value(student_target: Tensor) -> Tensor:
    """V(s') = max_a Q_S⁻(s', a) (Sun & Fazli 2019, no imitation): (B, A) -> (B,)."""
    return student_target.amax(dim=1)


def td_loss(student: Tensor, action: Tensor, target: Tensor) -> Tensor:
    """Error of Q(s, a) with its gradient clipped to ±1 (Mnih et al. 2015); (B, A), (B,), (B,)."""
    return smooth_l1_loss(student.gather(1, action[:, None]).squeeze(1), target)
