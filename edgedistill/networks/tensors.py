"""Networks and optimisers as tensors by name, which is what checkpoints hold, and back."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from edgedistill.errors import EdgeDistillError


def optimiser_tensors(optimiser: torch.optim.Optimizer, prefix: str) -> dict[str, Tensor]:
    """An optimiser's moments and counters by name: `<prefix>.<parameter index>.<what>`."""
    state = optimiser.state_dict()["state"]
    return {f"{prefix}.{index}.{key}": value for index, entry in state.items() for key, value in entry.items()}


def load_optimiser(optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor], prefix: str) -> None:
    """Put back what `optimiser_tensors` gave; the settings of its parameter groups stay.

    Raises:
        EdgeDistillError: the moments do not fit the optimiser.
    """
    parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        if name.startswith(prefix + "."):
            index, _, key = name.removeprefix(prefix + ".").partition(".")
            fits = index.isdecimal() and int(index) < len(parameters)
            if not fits or tensor.shape not in (torch.Size(()), parameters[int(index)].shape):
                raise EdgeDistillError(f"The checkpoint's '{name}' does not fit its optimiser.")
            state.setdefault(int(index), {})[key] = tensor
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
    # Fused optimisers go through memory in one line, so that moments must lie there as their weights do: files hold
    # them contiguous, and the weights of convolutions are channels_last.
    for parameter, entry in optimiser.state.items():
        for key, value in entry.items():
            if value.shape == parameter.shape:
                entry[key] = torch.empty_like(parameter, requires_grad=False).copy_(value)


def module_tensors(module: nn.Module, prefix: str) -> dict[str, Tensor]:
    """A module's weights by name: `<prefix>.<weight>`."""
    return {f"{prefix}.{name}": tensor for name, tensor in module.state_dict().items()}


def load_module(module: nn.Module, tensors: Mapping[str, Tensor], prefix: str) -> None:
    """Put back what `module_tensors` gave.

    Raises:
        EdgeDistillError: the weights do not fit the module.
    """
    start = prefix + "."
    weights = {name.removeprefix(start): tensor for name, tensor in tensors.items() if name.startswith(start)}
    try:
        module.load_state_dict(weights)
    except RuntimeError as error:
        raise EdgeDistillError(f"The checkpoint's '{prefix}' does not fit its network: {error}") from error
