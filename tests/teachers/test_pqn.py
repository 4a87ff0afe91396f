import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from edgedistill.catalogue import NATURE_DQN
from edgedistill.networks.network import AtariNetwork
from edgedistill.teachers.pqn import gather_gradients, part_gradients, q_lambda_targets


def plain_q_lambda(rewards, dones, best, gamma, lam):
    """Q(λ) of one environment as the mixture of n-step returns that defines it, forwards, without recursion.

    best[t] is max_a Q(s_t, a); G^(n) sums n rewards and bootstraps with best, or stops at the first done.
    """

    def n_step(t, n):
        total = 0.0
        for k in range(n):
            total += gamma**k * rewards[t + k]
            if dones[t + k]:
                return total
        return total + gamma**n * best[t + n]

    targets = []
    for t in range(len(rewards)):
        left = len(rewards) - t
        mixture = sum((1 - lam) * lam ** (n - 1) * n_step(t, n) for n in range(1, left))
        targets.append(mixture + lam ** (left - 1) * n_step(t, left))
    return targets


@given(
    st.lists(st.tuples(st.floats(-1, 1), st.booleans(), st.floats(-2, 2)), min_size=1, max_size=8),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_q_lambda_is_the_mixture_of_n_step_returns(steps, gamma, lam):
    rewards, dones, values = (list(column) for column in zip(*steps, strict=True))
    best = [*values, 0.7]
    q = np.stack([np.array(best), np.array(best) - 1], axis=1)[:, None, :].astype(np.float32)
    target = q_lambda_targets(np.array(rewards, np.float32)[:, None], np.array(dones)[:, None], q, gamma=gamma, lam=lam)
    np.testing.assert_allclose(target[:, 0], plain_q_lambda(rewards, dones, best, gamma, lam), atol=1e-5)


@pytest.fixture
def minibatch():
    return 255 * torch.rand(16, 64, 21, 21), torch.arange(16) % 6, torch.linspace(-1, 1, 16)


def part(teacher, minibatch, samples=slice(None)):
    x, action, target = minibatch
    return part_gradients(teacher, x[samples], action[samples], target[samples], len(x))


def test_updates_bring_q_to_its_targets(minibatch):
    torch.manual_seed(0)
    teacher = AtariNetwork(NATURE_DQN, 6, layer_norm=True)
    optimiser = torch.optim.RAdam(teacher.parameters(), 2.5e-4)
    losses = []
    for _ in range(40):
        losses.append(gather_gradients(teacher, [part(teacher, minibatch)]))
        optimiser.step()
    assert losses[-1] < 0.1 * losses[0]


def test_parts_add_up_to_the_minibatch(minibatch):
    torch.manual_seed(0)
    teacher = AtariNetwork(NATURE_DQN, 6, layer_norm=True)
    x, action, target = minibatch
    loss = 0.5 * (teacher(x)[torch.arange(16), action] - target).square().mean()
    loss.backward()
    whole = [parameter.grad.clone() for parameter in teacher.parameters()]
    teacher.zero_grad()
    parts = [part(teacher, minibatch, samples) for samples in (slice(0, 5), slice(5, 6), slice(6, 16))]
    assert gather_gradients(teacher, parts) == pytest.approx(loss.item())
    for parameter, gradient in zip(teacher.parameters(), whole, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-3, atol=1e-6)
        assert parameter.grad.stride() == parameter.stride()
