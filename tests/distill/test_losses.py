import math

import pytest
import torch

from edgedistill.distill import losses


def test_q_spread_is_the_best_above_the_mean():
    q = torch.tensor([[1.0, 2.0, 6.0], [0.0, 0.0, 0.0]])
    assert losses.q_spread(q).item() == (6 - 3 + 0) / 2
    assert losses.relative_temperature(q, 0.2).item() == pytest.approx(0.3)


def test_forward_and_reverse_kl_by_hand():
    # softmax([0, ln 3]) = (1/4, 3/4) and softmax([0, 0]) = (1/2, 1/2).
    teacher, student = torch.tensor([[0.0, math.log(3)]]), torch.tensor([[5.0, 5.0]])
    forward = 0.25 * math.log(0.25 / 0.5) + 0.75 * math.log(0.75 / 0.5)
    reverse = 0.5 * math.log(0.5 / 0.25) + 0.5 * math.log(0.5 / 0.75)
    assert losses.forward_kl(student, teacher).item() == pytest.approx(forward, rel=1e-5)
    assert losses.reverse_kl(student, teacher).item() == pytest.approx(reverse, rel=1e-5)


@pytest.mark.parametrize("loss", [losses.forward_kl, losses.reverse_kl, losses.nll, losses.q_mse])
def test_losses_average_over_the_batch_not_over_actions(loss):
    student, teacher = torch.tensor([[0.3, 0.1, 0.0]]), torch.tensor([[0.0, 2.0, 1.0]])
    one = loss(student, teacher)
    assert torch.allclose(loss(student.repeat(5, 1), teacher.repeat(5, 1)), one)
    if loss is losses.q_mse:
        assert one.item() == pytest.approx(0.3**2 + 1.9**2 + 1.0**2)


def test_nll_by_hand():
    # The teacher's best action is the second, which the student gives 3/4.
    student, teacher = torch.tensor([[0.0, math.log(3)]]), torch.tensor([[0.1, 0.2]])
    assert losses.nll(student, teacher).item() == pytest.approx(-math.log(0.75), rel=1e-5)


def test_values_of_what_follows_by_hand():
    student_target = torch.tensor([[1.0, 5.0, 2.0], [4.0, 3.0, 0.0]])
    teacher = torch.tensor([[0.0, 0.1, 0.9], [0.2, 0.9, 0.3]])
    assert losses.imitation_value(student_target, teacher).tolist() == [2.0, 3.0]
    assert losses.self_value(student_target).tolist() == [5.0, 4.0]


def test_td_loss_is_quadratic_near_and_linear_far():
    q, action = torch.tensor([[1.0, 9.0], [4.0, 9.0]]), torch.tensor([0, 0])
    target = torch.tensor([1.5, 0.0])  # errors 0.5 and 4
    assert losses.td_loss(q, action, target).item() == pytest.approx((0.5 * 0.5**2 + (4 - 0.5)) / 2)


def test_equal_q_values_give_a_finite_loss_towards_the_uniform_policy():
    logits = torch.tensor([[2.0, 0.0]], requires_grad=True)
    q = torch.ones(1, 2)
    losses.forward_kl(logits, q / losses.relative_temperature(q, 0.2)).backward()
    assert logits.grad[0, 0] > 0 > logits.grad[0, 1]
