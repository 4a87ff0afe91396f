"""Networks and optimisers as tensors by name, which is what checkpoints hold, and back."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from edgedistill.errors import EdgeDistillError
from edgedistill.schema import short

# Of the weights that do not fit, in an error: a file may name any number.
NAMED_WEIGHTS = 4


def optimiser_tensors(optimiser: torch.optim.Optimizer, prefix: str) -> dict[str, Tensor]:
    """An optimiser's moments and counters by name: `<prefix>.<parameter index>.<what>`."""
    state = optimiser.state_dict()["state"]
    return {f"{prefix}.{index}.{key}": value for index, entry in state.items() for key, value in entry.items()}


def load_optimiser(optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor], prefix: str) -> None:
    """Put back what `optimiser_tensors` gave; the settings of its parameter groups stay.

    Raises:
        EdgeDistillError: the moments do not fit the optimiser.
    """
    numbered = enumerate(parameter for group in optimiser.param_groups for parameter in group["params"])
    # By the index as it stands in names: those of a file may have thousands of digits.
    parameters = {str(index): parameter for index, parameter in numbered}
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        if name.startswith(prefix + "."):
            index, _, key = name.removeprefix(prefix + ".").partition(".")
            if index not in parameters or tensor.shape not in (torch.Size(()), parameters[index].shape):
                raise EdgeDistillError(f"The checkpoint's {short(name)} does not fit its optimiser.")
            state.setdefault(int(index), {})[key] = tensor
    try:
        optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
    except (KeyError, ValueError, RuntimeError) as error:
        raise EdgeDistillError(f"The checkpoint's '{prefix}' does not fit its optimiser.") from error
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
    if wrong := _misfits(module.state_dict(), weights):
        more = f" and {len(wrong) - NAMED_WEIGHTS:,} more" if len(wrong) > NAMED_WEIGHTS else ""
        named = ", ".join(wrong[:NAMED_WEIGHTS])
        raise EdgeDistillError(f"The checkpoint's '{prefix}' does not fit its network: {named}{more}.")
    module.load_state_dict(weights)


def _misfits(expected: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> list[str]:
    """Weights that are missing, of another shape or unknown, and which of it they are."""
    missing = [f"{short(name)} is missing" for name in expected if name not in weights]
    unknown = [f"{short(name)} is unknown" for name in weights if name not in expected]
    reshaped = [
        f"{short(name)} has shape {short(tuple(weight.shape))} instead of {tuple(expected[name].shape)}"
        for name, weight in weights.items()
        if name in expected and weight.shape != expected[name].shape
    ]
    return missing + reshaped + unknown
