"""Checkpoints: one safetensors file, written aside, synced and renamed, so that a crash leaves the last one whole."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from edgedistill.errors import EdgeDistillError
from edgedistill.files import write_atomically


def save_tensors(path: Path, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
    """Write tensors and a JSON-able `state` to one file."""
    contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    write_atomically(path, save(contiguous, metadata={"state": json.dumps(state)}))


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `save_tensors` wrote.

    Raises:
        EdgeDistillError: the file is missing, cut short, or not one of ours.
    """
    try:
        with safe_open(path, framework="pt") as file:
            state = json.loads((file.metadata() or {})["state"])
            return {name: file.get_tensor(name) for name in file.keys()}, state  # noqa: SIM118, not a dict
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise EdgeDistillError(f"{path}: not a readable checkpoint ({error}).") from error


def optimiser_tensors(optimiser: torch.optim.Optimizer, prefix: str) -> dict[str, Tensor]:
    """An optimiser's moments and counters by name: `<prefix>.<parameter index>.<what>`."""
    state = optimiser.state_dict()["state"]
    return {f"{prefix}.{index}.{key}": value for index, entry in state.items() for key, value in entry.items()}


def load_optimiser(optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor], prefix: str) -> None:
    """Put back what `optimiser_tensors` gave; the settings of its parameter groups stay."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        if name.startswith(prefix + "."):
            index, key = name.removeprefix(prefix + ".").split(".")
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
