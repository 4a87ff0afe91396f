"""What a student learns towards."""

from torch import Tensor
from torch.nn.functional import kl_div


def q_spread(q: Tensor) -> Tensor:
    """How far the best action stands above the mean one, averaged over a batch: q (B, A) -> scalar.

    Temperatures are given relative to it, since the scale of Q differs from game to game and grows in training.
    """
    return (q.amax(dim=1) - q.mean(dim=1)).mean()


def forward_kl(logits: Tensor, q: Tensor, temperature: float) -> Tensor:
    """KL(teacher ‖ student) in nats, the mean over the batch (Rusu et al. 2015, eq. 3; Sun & Fazli 2019, "FKL").

    The teacher's policy is softmax(q / τ) with τ = `temperature` · `q_spread(q)`; the student's is softmax(logits).

    Args:
        logits: (B, A), the student's
        q: (B, A), the teacher's Q-values, without gradient
    """
    # Where all actions are worth the same the spread is 0 and any policy is right: aim at the uniform one.
    tau = (temperature * q_spread(q)).clamp_min(1e-6)
    teacher = (q / tau).log_softmax(dim=1)
    return kl_div(logits.log_softmax(dim=1), teacher, reduction="batchmean", log_target=True)
