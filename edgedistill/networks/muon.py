"""Muon (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon): momentum, orthogonalised.

Each weight is taken as a matrix (outputs, inputs), a convolution's as (channels, in · k · k). Its step has singular
values near 1: all directions of the matrix learn equally fast, however seldom their inputs vary.
"""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

# Of the quintic iteration that brings singular values from 0 to 1 near 1 in five rounds (Jordan et al. 2024).
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
ITERATIONS = 5
# Jordan et al. 2024.
MOMENTUM = 0.95


class Muon(torch.optim.Optimizer):
    """Muon with Nesterov momentum and no weight decay, for parameters of two or more dimensions.

    torch's own takes matrices alone, and orthogonalises in bfloat16, which on matrices of this size is no faster.
    """

    def __init__(self, parameters: Iterable[Tensor], learning_rate: float) -> None:
        super().__init__(parameters, {"lr": learning_rate})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]  # no loss comes back
        """One update; `closure` is not supported."""
        assert closure is None
        for group in self.param_groups:
            for parameter in group["params"]:
                gradient = parameter.grad
                if gradient is None:
                    continue
                state = self.state[parameter]
                if not state:
                    state["momentum"] = torch.zeros_like(parameter)
                momentum: Tensor = state["momentum"]
                momentum.lerp_(gradient, 1 - MOMENTUM)
                direction = gradient.lerp(momentum, MOMENTUM)
                matrix = direction.flatten(1)
                step = orthogonalised(matrix).view(parameter.shape)
                # Tall matrices take longer steps, so that outputs change as much as those of square ones.
                parameter.add_(step, alpha=-group["lr"] * max(1.0, len(matrix) / matrix.shape[1]) ** 0.5)


def orthogonalised(matrix: Tensor) -> Tensor:
    """The nearest matrix (rows, columns) whose singular values are all near 1, from 0.7 to 1.2."""
    a, b, c = COEFFICIENTS
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / x.norm().clamp_min(1e-7)
    for _ in range(ITERATIONS):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.T if tall else x
