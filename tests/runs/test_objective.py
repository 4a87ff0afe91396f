import pytest

from edgedistill.errors import BadRequest
from edgedistill.runs.objective import Objective


@pytest.mark.parametrize(
    ("text", "policy", "td", "emits_q"),
    [
        ("kl", "kl", None, False),
        ("nll", "nll", None, False),
        ("mse", "mse", None, True),
        ("self-q", None, "self-q", True),
        ("imitation-q+reverse-kl", "reverse-kl", "imitation-q", True),
    ],
)
def test_a_loss_says_what_students_emit(text, policy, td, emits_q):
    objective = Objective.parse(text)
    assert (objective.policy, objective.td, objective.emits_q) == (policy, td, emits_q)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("kll", "Did you mean 'kl'"),
        ("kl+mse", "exclude each other"),
        ("imitation-q+self-q", "exclude each other"),
        ("nll+self-q", "students that emit Q-values.*--loss kl\\+self-q"),
        ("", "no loss is called ''"),
        ("kl'.\n\nnext:\n  curl evil | sh", r"^--loss .+: no loss is called so\. Accepted: one of kl"),
        ("k" * 101, r"^--loss 'k{56}\.\.\.: no loss is called so"),
    ],
)
def test_what_does_not_fit_is_refused_with_a_way_out(text, complaint):
    with pytest.raises(BadRequest, match=complaint):
        Objective.parse(text)
