import torch
from torch import nn

from edgedistill.networks.radam import FusedRAdam


def test_steps_are_those_of_torchs_radam():
    """From the first, plain momentum, through the rectified ones; weights both contiguous and channels last."""
    torch.manual_seed(0)
    ours = [nn.Parameter(torch.randn(8, 4, 3, 3).to(memory_format=torch.channels_last)), nn.Parameter(torch.randn(30))]
    theirs = [nn.Parameter(parameter.detach().clone()) for parameter in ours]
    fused, reference = FusedRAdam(ours, 2.5e-3), torch.optim.RAdam(theirs, 2.5e-3)
    for step in range(60):
        for mine, other in zip(ours, theirs, strict=True):
            mine.grad = torch.randn_like(mine) * 0.01
            other.grad = mine.grad.clone()
        for optimiser in (fused, reference):
            optimiser.param_groups[0]["lr"] = 2.5e-3 * (1 - step / 100)
            optimiser.step()
        for mine, other in zip(ours, theirs, strict=True):
            torch.testing.assert_close(mine, other, rtol=0, atol=1e-6)
    assert fused.param_groups[0]["lr"] == reference.param_groups[0]["lr"]
