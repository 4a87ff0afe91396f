"""What learns: a network with its own optimisers, its target network and its average where it has them."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from edgedistill.errors import EdgeDistillError
from edgedistill.networks.network import AtariNetwork
from edgedistill.networks.tensors import load_module, load_optimiser, module_tensors, optimiser_tensors

# Before the name of a network that learns, in checkpoints, where the name itself is its average's.
LEARNING = "learning."


@dataclass(frozen=True)
class Learner:
    """A network in training."""

    name: str
    network: AtariNetwork
    optimisers: tuple[torch.optim.Optimizer, ...]
    """One or more, of different weights"""
    target: AtariNetwork | None = None
    average: AtariNetwork | None = None
    """Its weights, averaged over its last updates (EMA)"""
    decay: float = 0.0
    """Of the average"""
    losses: list[float] = field(default_factory=list)
    """Of its updates since they were last asked for"""
    counter: Tensor = field(default_factory=lambda: torch.zeros((), dtype=torch.int64))
    """Gradient steps so far"""

    @classmethod
    def build(
        cls,
        name: str,
        network: AtariNetwork,
        optimisers: tuple[torch.optim.Optimizer, ...],
        *,
        with_target: bool,
        decay: float = 0.0,
    ) -> "Learner":
        target = deepcopy(network).requires_grad_(False) if with_target else None
        average = deepcopy(network).requires_grad_(False) if decay else None
        return cls(name, network, optimisers, target, average, decay)

    @property
    def player(self) -> AtariNetwork:
        """The network that is evaluated, exported, and teaches: the average (EMA, or Polyak average, of the weights)
        where there is one. Students act with it, too; a teacher that learns acts with `network` itself."""
        return self.network if self.average is None else self.average

    @property
    def networks(self) -> dict[str, AtariNetwork]:
        """All networks by the name that they have in checkpoints."""
        learning = self.name if self.average is None else f"{LEARNING}{self.name}"
        networks = {learning: self.network, self.name: self.player}
        return networks if self.target is None else {**networks, f"target.{self.name}": self.target}

    @property
    def updates(self) -> int:
        """Gradient steps so far."""
        return int(self.counter)

    def mean_loss(self) -> float | None:
        """Of its updates since this was last asked for; None where there were none."""
        mean = float(np.mean(self.losses)) if self.losses else None
        self.losses.clear()
        return mean

    # An average that followed with gradients would keep a node of the graph for each update of the run.
    @torch.no_grad()
    def step(self, max_grad_norm: float | None) -> None:
        """One step along the gradients, which are clipped to a norm if there is one."""
        if max_grad_norm is not None:
            nn.utils.clip_grad_norm_(self.network.parameters(), max_grad_norm)
        for optimiser in self.optimisers:
            optimiser.step()
        self.counter.add_(1)
        if self.average is not None:
            # A mean of all weights so far, until there are enough for one that fades.
            share = max(1 - self.decay, 1 / self.updates)
            averaged: list[Tensor] = [*self.average.parameters()]
            torch._foreach_lerp_(averaged, [*self.network.parameters()], share)

    def update_target(self, every: int) -> None:
        """Copy the network to its target network, if it is time: `every` so many updates."""
        if self.target is not None and self.updates % every == 0:
            self.target.load_state_dict(self.network.state_dict())

    def set_rate(self, share: float) -> None:
        """The learning rates from here on, as a share of what the optimisers were made with."""
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = share * group.setdefault("initial_lr", group["lr"])

    def tensors(self) -> dict[str, Tensor]:
        """Weights, optimiser moments and the number of updates, by name."""
        tensors = {f"updates.{self.name}": self.counter.clone()}
        for name, network in self.networks.items():
            tensors |= module_tensors(network, name)
        for number, optimiser in enumerate(self.optimisers):
            tensors |= optimiser_tensors(optimiser, f"optimiser.{self.name}.{number}")
        return tensors

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Put back what `tensors` gave.

        Raises:
            EdgeDistillError: they do not fit.
        """
        for name, network in self.networks.items():
            load_module(network, tensors, name)
        for number, optimiser in enumerate(self.optimisers):
            load_optimiser(optimiser, tensors, f"optimiser.{self.name}.{number}")
        updates = tensors.get(f"updates.{self.name}")
        if updates is None or updates.shape != self.counter.shape:
            raise EdgeDistillError(f"The checkpoint has no number of updates of '{self.name}'.")
        self.counter.copy_(updates)
