"""The contestants of `student_recipe.py`: settings, and architectures beyond what the catalogue can say."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from edgedistill.catalogue import Architecture, Conv, find_architecture
from edgedistill.networks.network import AtariNetwork, orthogonal_start

Layer = Callable[[int], tuple[list[nn.Module], int]]
"""Channels in -> modules and channels out."""


@dataclass(frozen=True)
class Contestant:
    """A student and how it is taught."""

    name: str
    network: Callable[[int, bool], AtariNetwork]
    """(actions, bf16) -> a new network"""
    settings: dict[str, Any] = field(default_factory=dict)
    """Fields of TrainConfig that differ from the defaults"""
    centred: bool = True
    """Whether it sees frames around the game's background"""


def catalogue(name: str) -> Callable[[int, bool], AtariNetwork]:
    architecture = find_architecture(name)
    return lambda actions, bf16: AtariNetwork(architecture, actions, bf16=bf16)


def plain(convs: list[tuple[int, int, int]], *fc: int) -> Callable[[int, bool], AtariNetwork]:
    """Convolutions (channels, kernel, stride), then fully connected layers."""
    architecture = Architecture("contestant", tuple(Conv(*conv) for conv in convs), fc)
    return lambda actions, bf16: AtariNetwork(architecture, actions, bf16=bf16)


def with_tail(
    convs: list[tuple[int, int, int]], tail: Callable[[int], list[nn.Module]], features: int, *fc: int
) -> Callable[[int, bool], AtariNetwork]:
    """Convolutions, then other layers down to `features` values, then fully connected layers."""

    def build(actions: int, bf16: bool) -> AtariNetwork:
        architecture = Architecture("contestant", tuple(Conv(*conv) for conv in convs), ())
        network = AtariNetwork(architecture, actions, bf16=bf16)
        modules = [*list(network.trunk)[:-1], *tail(convs[-1][0]), nn.Flatten()]
        width = features
        for units in fc:
            modules += [nn.Linear(width, units), nn.ReLU(inplace=True)]
            width = units
        network.trunk = nn.Sequential(*modules)
        network.head = nn.Linear(width, actions)
        orthogonal_start(network.trunk)
        network.trunk.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return network

    return build


def average_pool(channels: int) -> list[nn.Module]:
    return [nn.AdaptiveAvgPool2d(1)]


def max_pool(channels: int) -> list[nn.Module]:
    return [nn.AdaptiveMaxPool2d(1)]


def separable(*layers: tuple[int, int, int]) -> Callable[[int], list[nn.Module]]:
    """Depthwise-separable convolutions (channels out, kernel, stride)."""

    def build(channels: int) -> list[nn.Module]:
        modules: list[nn.Module] = []
        for out, kernel, stride in layers:
            modules += [
                nn.Conv2d(channels, channels, kernel, stride, groups=channels), nn.Conv2d(channels, out, 1),
                nn.ReLU(inplace=True),
            ]  # fmt: skip
            channels = out
        return modules

    return build


def count_macs(network: AtariNetwork) -> int:
    """Multiply-accumulates of one decision."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.zeros(1, 64, 21, 21))
    return int(counter.get_total_flops()) // 2


MICRO = catalogue("micro")
ADAM: dict[str, Any] = {"student_optimiser": "adam", "student_average": 0.0, "student_max_grad_norm": 0.25}
QUESTIONS: dict[str, list[Contestant]] = {
    "loss": [
        Contestant("kl, τ 0.2 of the spread", MICRO),
        Contestant("kl, τ 0.1 of the spread", MICRO, {"temperature": 0.1}),
        Contestant("kl, τ 0.5 of the spread", MICRO, {"temperature": 0.5}),
        Contestant("kl, τ 0.01 fixed", MICRO, {"temperature": 0.01, "temperature_kind": "fixed"}),
        Contestant("reverse-kl", MICRO, {"loss": "reverse-kl"}),
        Contestant("nll", MICRO, {"loss": "nll"}),
        Contestant("mse", MICRO, {"loss": "mse"}),
        Contestant("kl+imitation-q", MICRO, {"loss": "kl+imitation-q"}),
        Contestant("kl+self-q", MICRO, {"loss": "kl+self-q"}),
    ],
    "optimiser": [
        Contestant("muon", MICRO),
        Contestant("adam", MICRO, ADAM),
    ],
    "keep": [
        Contestant("muon", MICRO),
        Contestant("frames as they are", MICRO, {}, centred=False),
        Contestant("clipped at 0.25", MICRO, {"student_max_grad_norm": 0.25}),
        Contestant("no average", MICRO, {"student_average": 0.0}),
        Contestant("average of 500 updates", MICRO, {"student_average": 0.998}),
    ],
    "rate": [
        Contestant("0.02", MICRO),
        Contestant("0.01", MICRO, {"student_muon_learning_rate": 0.01}),
        Contestant("0.03", MICRO, {"student_muon_learning_rate": 0.03}),
        Contestant("falling from the first batch", MICRO, {"student_cooldown": 1.0}),
        Contestant("falling over half", MICRO, {"student_cooldown": 0.5}),
        Contestant("never falling, average", MICRO, {"student_cooldown": 0.0}),
        Contestant("Adam's part 0.001", MICRO, {"student_learning_rate": 1e-3}),
        Contestant("batches of 256", MICRO, {"student_batch": 256}),
    ],
    "int8": [
        Contestant(f"{name}, {label}", catalogue(name), {"student_integers": share})
        for name in ("micro", "pico")
        for label, share in (("float", 0.0), ("integers in the last 30%", 0.3), ("last half", 0.5))
    ],
    "1.7%": [
        Contestant("paper's shape: 16-16-16 / 22", plain([(16, 8, 4), (16, 4, 2), (16, 3, 1)], 22)),
        Contestant("stride 2: 16-16-16s2 / 64", MICRO),
        Contestant("stride 2, half the MACs: 8-16-16s2 / 80", plain([(8, 8, 4), (16, 4, 2), (16, 3, 2)], 80)),
        Contestant("stride 3: 16-16-16s3 / 100", plain([(16, 8, 4), (16, 4, 2), (16, 3, 3)], 100)),
        Contestant("wide first: 32-16-16s2 / 36", plain([(32, 8, 4), (16, 4, 2), (16, 3, 2)], 36)),
        Contestant("16-32-32, average pool", with_tail([(16, 8, 4), (32, 4, 2), (32, 3, 1)], average_pool, 32, 64)),
        Contestant("16-32-32, max pool", with_tail([(16, 8, 4), (32, 4, 2), (32, 3, 1)], max_pool, 32, 64)),
        Contestant("16, separable 32-32s2 / 40", with_tail([(16, 8, 4)], separable((32, 4, 2), (32, 3, 2)), 512, 40)),
    ],
    "1.0%": [
        Contestant("nano: 16-16-16s2 / 16", catalogue("nano")),
        Contestant("16-8-16s2 / 32", plain([(16, 8, 4), (8, 4, 2), (16, 3, 2)], 32)),
        Contestant("8-16-16s2 / 32", plain([(8, 8, 4), (16, 4, 2), (16, 3, 2)], 32)),
        Contestant("8-8-16s2 / 44", plain([(8, 8, 4), (8, 4, 2), (16, 3, 2)], 44)),
        Contestant("16-16-16, max pool / 64", with_tail([(16, 8, 4), (16, 4, 2), (16, 3, 1)], max_pool, 16, 64)),
        Contestant("8, separable 32-32s2 / 22", with_tail([(8, 8, 4)], separable((32, 4, 2), (32, 3, 2)), 512, 22)),
    ],
    "0.5%": [
        Contestant("pico: 8-8-16s2 / 12", catalogue("pico")),
        Contestant("8-8-16s3 / 24", plain([(8, 8, 4), (8, 4, 2), (16, 3, 3)], 24)),
        Contestant("8-8-16, max pool / 64", with_tail([(8, 8, 4), (8, 4, 2), (16, 3, 1)], max_pool, 16, 64)),
        Contestant("8, separable 16-16s2 / 20", with_tail([(8, 8, 4)], separable((16, 4, 2), (16, 3, 2)), 256, 20)),
        Contestant("16, separable 16-16s3 / 20", with_tail([(16, 8, 4)], separable((16, 4, 2), (16, 3, 3)), 144, 20)),
        Contestant("4-8-16s2 / 16", plain([(4, 8, 4), (8, 4, 2), (16, 3, 2)], 16)),
    ],
    "tiny": [
        Contestant(Path(design).stem, catalogue(design), {"student_integers": 0.3})
        for design in ("femto", *sorted(map(str, (Path(__file__).parent / "tiny").glob("*.toml"))))
    ],
}  # fmt: skip
