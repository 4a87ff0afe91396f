"""Several networks as one policy."""

from collections.abc import Sequence
from math import log

import torch
from torch import Tensor, nn

from edgedistill.networks.network import ActionNetwork


class EnsembleNetwork(ActionNetwork):
    """The mean of its members' policies (Sun & Fazli 2020), as logits.

    Means of policies, unlike means of action values, do not ask on which scale each member counts.
    """

    def __init__(self, members: Sequence[ActionNetwork], temperatures: Sequence[float]) -> None:
        """
        Args:
            temperatures: τ of each member, whose policy is softmax(values / τ).
        """
        super().__init__()
        self.members = nn.ModuleList(members)
        self.temperatures = tuple(temperatures)
        self.actions = members[0].actions
        self.bf16 = any(member.bf16 for member in members)

    def forward(self, x: Tensor) -> Tensor:
        """x (N, 64, 21, 21) -> the logarithm of the mean probability of each action, (N, A) float32."""
        policies = [
            (member(x) / temperature).log_softmax(dim=1)
            for member, temperature in zip(self.members, self.temperatures, strict=True)
        ]
        return torch.logsumexp(torch.stack(policies), dim=0) - log(len(policies))
