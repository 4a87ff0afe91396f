import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edgedistill.networks.muon import Muon, orthogonalised


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 64), st.integers(1, 300), st.integers(0, 2**31))
def test_singular_values_come_near_1_and_singular_vectors_stay(rows, columns, seed):
    matrix = torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed))
    u, before, v = torch.linalg.svd(matrix, full_matrices=False)
    # The iteration lifts what is above some hundredth of the largest; random square matrices have values below.
    lifted = before > 0.02 * before[0] * len(before) ** 0.5
    after = (u.T @ orthogonalised(matrix) @ v.T).diagonal()[lifted]
    assert after.min() > 0.3 and after.max() < 1.3


@pytest.mark.parametrize("shape", [(16, 4, 8, 8), (64, 20), (20, 64)])
def test_steps_are_those_of_torchs_own_muon_on_matrices(shape):
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(shape, generator=generator)
    ours = torch.nn.Parameter(start.clone())
    theirs = torch.nn.Parameter(start.flatten(1).clone())
    muon = Muon([ours], 0.1)
    reference = torch.optim.Muon([theirs], 0.1, weight_decay=0.0, adjust_lr_fn="original")
    for _ in range(5):
        gradient = torch.randn(shape, generator=generator)
        ours.grad, theirs.grad = gradient, gradient.flatten(1).clone()
        muon.step()
        reference.step()
    step, expected = (ours - start).flatten(1), theirs - start.flatten(1)
    # torch's iteration runs in bfloat16.
    assert (step - expected).norm() < 0.03 * expected.norm()
