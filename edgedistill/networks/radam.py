"""RAdam on torch's fused Adam kernel: the same steps, in one pass over the weights instead of twenty."""

from collections.abc import Callable
from math import sqrt
from typing import Any

import torch
from torch import Tensor


class FusedRAdam(torch.optim.Adam):
    """RAdam (Liu et al. 2019, arXiv 1908.03265, algorithm 2) as Adam with a rectified learning rate.

    torch's own RAdam has no fused form: for the Nature DQN's 1.7M weights it took 8.0 of the 39 ms of a teacher's
    update (bf16, one thread), this one takes 1.4. State and its names are RAdam's.
    """

    def __init__(self, parameters: list[torch.nn.Parameter], learning_rate: float) -> None:
        super().__init__(parameters, learning_rate, fused=True)
        self._steps: int | None = None

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict(state_dict)
        self._steps = None

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]  # no loss comes back
        """One update; `closure` is not supported."""
        assert closure is None
        if self._steps is None:
            self._steps = int(next((entry["step"] for entry in self.state.values()), 0))
        self._steps += 1
        for group in self.param_groups:
            rate = group["lr"]
            rectification = rectified(self._steps, group["betas"][1])
            group["lr"] = rate * (rectification or 0.0)
            group["rate"] = rate
        super().step()
        for group in self.param_groups:
            group["lr"] = group.pop("rate")
            if rectified(self._steps, group["betas"][1]) is None:
                for parameter in group["params"]:
                    momentum: Tensor = self.state[parameter]["exp_avg"]
                    parameter -= group["lr"] / (1 - group["betas"][0] ** self._steps) * momentum


def rectified(step: int, beta2: float) -> float | None:
    """r_t of the paper's algorithm 2; None where the variance is not tractable yet and a step is plain momentum."""
    longest = 2 / (1 - beta2) - 1
    decay = beta2**step
    length = longest - 2 * step * decay / (1 - decay)
    if length <= 5:  # torch's bound; the paper's is 4
        return None
    return sqrt((length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length))
