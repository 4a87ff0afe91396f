import torch

from edgedistill.catalogue import NATURE_DQN
from edgedistill.networks.network import AtariNetwork
from edgedistill.networks.optimisers import nature_rmsprop
from edgedistill.teachers.dqn import backward, clipped_td_loss, td_target


def test_td_targets_by_hand():
    reward, done = torch.tensor([1.0, -1.0, 0.0]), torch.tensor([False, True, False])
    target = td_target(reward, done, torch.tensor([2.0, 5.0, 4.0]), gamma=0.5)
    assert target.tolist() == [2.0, -1.0, 2.0]


def test_errors_are_summed_and_their_gradients_clipped():
    value = torch.tensor([0.5, 10.0], requires_grad=True)
    clipped_td_loss(value, torch.zeros(2)).backward()
    assert value.grad.tolist() == [0.5, 1.0]


def test_rmsprop_divides_by_the_standard_deviation_of_the_gradient():
    weight = torch.nn.Parameter(torch.zeros(1))
    optimiser = nature_rmsprop([weight], 2.5e-4)
    mean = square = 0.0
    expected = 0.0
    for gradient in (3.0, -1.0, 2.0, 2.0):
        weight.grad = torch.tensor([gradient])
        optimiser.step()
        mean, square = 0.95 * mean + 0.05 * gradient, 0.95 * square + 0.05 * gradient**2
        expected -= 2.5e-4 * gradient / ((square - mean**2) ** 0.5 + 0.1)
    assert torch.allclose(weight, torch.tensor([expected]))


def test_updates_bring_q_to_its_targets_and_give_the_values_from_before():
    torch.manual_seed(0)
    teacher = AtariNetwork(NATURE_DQN, 6, plain=True)
    assert not any(isinstance(module, torch.nn.GroupNorm | torch.nn.LayerNorm) for module in teacher.modules())
    optimiser = torch.optim.Adam(teacher.parameters(), 1e-3)
    x, action, target = 255 * torch.rand(16, 64, 21, 21), torch.arange(16) % 6, torch.linspace(-1, 1, 16)
    before = teacher(x)
    loss, q = backward(teacher, x, action, target)
    assert torch.allclose(q, before) and not q.requires_grad
    for _ in range(60):
        optimiser.step()
        last, _ = backward(teacher, x, action, target)
    assert last < 0.2 * loss
