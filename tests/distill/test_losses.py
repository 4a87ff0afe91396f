import math

import torch

from edgedistill.distill.losses import forward_kl, q_spread


def test_q_spread_is_the_best_above_the_mean():
    assert q_spread(torch.tensor([[1.0, 2.0, 6.0], [0.0, 0.0, 0.0]])).item() == (6 - 3 + 0) / 2


def test_forward_kl_by_hand():
    # Spread (2 − 1) = 1, τ = 0.5: the teacher's softmax over [0, 2] / 0.5 is softmax([0, 4]).
    q, logits = torch.tensor([[0.0, 2.0]]), torch.tensor([[1.0, 1.0]])
    p = math.exp(4) / (1 + math.exp(4))
    expected = p * math.log(p / 0.5) + (1 - p) * math.log((1 - p) / 0.5)
    assert math.isclose(forward_kl(logits, q, temperature=0.5).item(), expected, rel_tol=1e-5)


def test_forward_kl_averages_over_the_batch_not_over_actions():
    q, logits = torch.tensor([[0.0, 2.0, 1.0]]), torch.tensor([[0.3, 0.1, 0.0]])
    one = forward_kl(logits, q, 0.2)
    assert torch.allclose(forward_kl(logits.repeat(5, 1), q.repeat(5, 1), 0.2), one)


def test_forward_kl_is_blind_to_the_scale_of_q():
    q, logits = torch.randn(8, 6), torch.randn(8, 6)
    assert torch.allclose(forward_kl(logits, q, 0.2), forward_kl(logits, 100 * q + 7, 0.2), atol=1e-4)


def test_equal_q_values_give_a_finite_loss_towards_the_uniform_policy():
    logits = torch.tensor([[2.0, 0.0]], requires_grad=True)
    forward_kl(logits, torch.ones(1, 2), 0.2).backward()
    assert logits.grad[0, 0] > 0 > logits.grad[0, 1]
