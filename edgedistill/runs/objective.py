"""What `--loss` says: which terms a student's loss has, and what its outputs then are."""

from dataclasses import dataclass

from edgedistill.errors import BadRequest, did_you_mean
from edgedistill.schema import short

# Towards the teacher's policy or values.
POLICY_TERMS = {
    "kl": "KL(teacher ‖ student): Rusu et al. 2015 eq. 3, FKL in Sun & Fazli 2019",
    "reverse-kl": "KL(student ‖ teacher): RKL in Sun & Fazli 2019",
    "nll": "the teacher's best action as a label: Rusu et al. 2015 eq. 1",
    "mse": "the teacher's Q-values: Rusu et al. 2015 eq. 2",
}
# Towards the rewards.
TD_TERMS = {
    "imitation-q": "Q-learning from the action that the teacher finds best: Sun & Fazli 2019, imitation",
    "self-q": "Q-learning from the student's own best action: Sun & Fazli 2019, no imitation",
}
FORM = "one of kl, reverse-kl, nll, mse, imitation-q, self-q, or a sum such as kl+imitation-q"
# Of a sum; all terms in one take 40.
MOST_CHARACTERS = 100


@dataclass(frozen=True)
class Objective:
    """A student's loss: the plain sum of at most one term of each kind."""

    policy: str | None
    """One of `POLICY_TERMS`"""
    td: str | None
    """One of `TD_TERMS`"""

    @classmethod
    def parse(cls, text: str) -> "Objective":
        """Read the form that `--loss` takes.

        Raises:
            BadRequest: an unknown term, or terms that do not fit together.
        """
        if len(text) > MOST_CHARACTERS or not text.isprintable():
            raise BadRequest(f"--loss {short(text)}: no loss is called so. Accepted: {FORM}.")
        policy: str | None = None
        td: str | None = None
        for term in text.split("+"):
            if term in POLICY_TERMS and policy is None:
                policy = term
            elif term in TD_TERMS and td is None:
                td = term
            elif term in POLICY_TERMS or term in TD_TERMS:
                raise BadRequest(f"--loss {text}: '{term}' and '{policy if term in POLICY_TERMS else td}' exclude "
                                 f"each other. Accepted: {FORM}.")  # fmt: skip
            else:
                hint = did_you_mean(term, POLICY_TERMS | TD_TERMS)
                raise BadRequest(f"--loss {text}: no loss is called '{term}'. {hint} Accepted: {FORM}.")
        if policy == "nll" and td:
            raise BadRequest(
                f"--loss {text}: {td} needs students that emit Q-values, and with nll they emit logits. "
                f"Use --loss kl+{td}, which takes the student's policy from its Q-values."
            )
        return cls(policy, td)

    @property
    def emits_q(self) -> bool:
        """Whether a student's outputs are Q-values; otherwise they are logits of its policy."""
        return self.policy == "mse" or self.td is not None
