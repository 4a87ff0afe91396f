"""The torch form of a catalogue entry, for teachers and students alike."""

from itertools import pairwise
from math import prod
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edgedistill.atari.emulator import Frames
from edgedistill.catalogue import NATURE_DQN, Architecture


class CentredConv2d(nn.Conv2d):
    """A convolution of x − mean, computed as one of x: the mean only shifts the bias, so an export needs nothing more.

    Frames are positive and mostly background, so that all weights of a filter get gradients of one sign. A student's
    units die of it; around the mean they do not.
    """

    def __init__(self, channels_in: int, channels: int, kernel: int, stride: int) -> None:
        super().__init__(channels_in, channels, kernel, stride)
        self.mean: Tensor
        self.register_buffer("mean", torch.zeros(()))

    def plain_bias(self) -> Tensor:
        """The bias (C,) of the same convolution without centring."""
        assert self.bias is not None
        return self.bias - self.mean * self.weight.sum(dim=(1, 2, 3))

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self._conv_forward(x, self.weight, self.plain_bias())
        return output


class AtariNetwork(nn.Module):
    """Frames in, one value per action out: Q-values for a teacher, logits for a student.

    With `bf16` the trunk runs in bfloat16 and the last layer in float32: action gaps of Pong are about 0.01 on
    values of 0.5, which eight bits of mantissa cannot tell apart.
    """

    def __init__(
        self,
        architecture: Architecture,
        actions: int,
        *,
        layer_norm: bool = False,
        plain: bool = False,
        bf16: bool = False,
    ) -> None:
        """
        Args:
            layer_norm: normalise before each ReLU (PQN's teacher).
            plain: torch's own start and no centring (DQN's teacher); a student without LayerNorm needs both.
        """
        super().__init__()
        self.architecture = architecture
        self.actions = actions
        self.bf16 = bf16
        layers: list[nn.Module] = []
        shapes = architecture.conv_shapes
        for conv, (channels_in, _, _) in zip(architecture.convs, shapes, strict=False):
            convolution = nn.Conv2d if layers or layer_norm or plain else CentredConv2d
            layers.append(convolution(channels_in, conv.channels, conv.kernel, conv.stride))
            if layer_norm:
                # One group: LayerNorm over (C, H, W) with an affine map per channel. Unlike nn.LayerNorm it keeps
                # channels_last, which made a teacher update 27% faster (bf16, batch 128, 2 cores).
                layers.append(nn.GroupNorm(1, conv.channels))
            layers.append(nn.ReLU(inplace=True))
        layers.append(nn.Flatten())
        widths = [prod(shapes[-1]), *architecture.fc]
        for inputs, outputs in pairwise(widths):
            layers.append(nn.Linear(inputs, outputs))
            if layer_norm:
                layers.append(nn.LayerNorm(outputs))
            layers.append(nn.ReLU(inplace=True))
        self.trunk = nn.Sequential(*layers)
        self.trunk.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in torch's stubs
        self.head = nn.Linear(widths[-1], actions)
        if not layer_norm and not plain:
            orthogonal_start(self.trunk)

    @property
    def is_centred(self) -> bool:
        first = self.trunk[0]
        return isinstance(first, CentredConv2d) and first.mean.item() > 0

    def centre(self, mean: float) -> None:
        """Let a student see frames around their mean brightness, in [0, 1]."""
        first = self.trunk[0]
        assert isinstance(first, CentredConv2d), "teachers have LayerNorm instead"
        first.mean.fill_(mean)

    def forward(self, x: Tensor) -> Tensor:
        """x (N, 4, 84, 84) in [0, 1], as `to_input` makes it -> (N, A) float32."""
        with torch.autocast(x.device.type, torch.bfloat16, enabled=self.bf16):
            features = self.trunk(x)
        values: Tensor = self.head(features.float())
        return values


def orthogonal_start(trunk: nn.Module) -> None:
    """Orthogonal weights with gain √2 and no bias, so that each ReLU layer passes on the variance that it gets.

    With torch's default the signal shrinks layer by layer; a student without LayerNorm then fits the mean of its first
    targets with the biases alone, and all its units died within three rollouts of Pong (sizes from 0.4% to 25%).
    LayerNorm restores the signal by itself, and there larger weights only make each update count for less.
    """
    for module in trunk.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            weight = torch.empty(module.weight.shape)  # contiguous, which channels_last weights are not
            module.weight.data.copy_(nn.init.orthogonal_(weight, gain=2**0.5))
            nn.init.zeros_(module.bias)  # type: ignore[arg-type]  # every layer here has a bias


def teacher_network(kind: str, actions: int, *, bf16: bool) -> AtariNetwork:
    """The Nature DQN's network: plain for `dqn`, with LayerNorm before each ReLU for `pqn` (Gallici et al. 2024)."""
    return AtariNetwork(NATURE_DQN, actions, layer_norm=kind == "pqn", plain=kind == "dqn", bf16=bf16)


def to_input(frames: NDArray[np.uint8] | Tensor, device: torch.device, dtype: torch.dtype) -> Tensor:
    """uint8 (N, 4, 84, 84) -> the same shape in [0, 1], channels last, on `device`."""
    tensor = torch.as_tensor(frames).to(device)
    return tensor.to(dtype, memory_format=torch.channels_last).mul_(1 / 255)


class GreedyPolicy:
    """A network as the evaluation protocol wants it: frames (N, 84, 84, 4) uint8 -> greedy actions (N,)."""

    def __init__(self, network: AtariNetwork) -> None:
        self._network = network
        self._device = next(network.parameters()).device

    @torch.inference_mode()
    def values(self, frames: Frames) -> NDArray[np.float32]:
        """(N, 84, 84, 4) uint8 -> (N, A) float32."""
        x = to_input(np.moveaxis(frames, 3, 1), self._device, torch.float32)
        values: NDArray[np.float32] = self._network(x).cpu().numpy()
        return values

    def __call__(self, frames: Frames) -> NDArray[np.int64]:
        actions: NDArray[np.int64] = self.values(frames).argmax(axis=1)
        return actions


def native_bf16(device: torch.device) -> bool:
    """Whether bfloat16 is computed in hardware; emulated, it is slower than float32.

    Linux names the instructions in /proc/cpuinfo: avx512_bf16 and amx_bf16 on x86, bf16 on ARM.
    """
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    cpuinfo = Path("/proc/cpuinfo")
    words = set(cpuinfo.read_text().split()) if cpuinfo.exists() else set()
    return bool(words & {"avx512_bf16", "amx_bf16", "bf16"})
