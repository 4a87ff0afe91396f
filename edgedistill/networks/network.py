"""The torch form of a catalogue entry, for teachers and students alike."""

from copy import deepcopy
from itertools import pairwise
from math import prod
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edgedistill.atari.blocks import BLOCK, BLOCKS, to_input
from edgedistill.atari.emulator import STACK, Frames
from edgedistill.atari.resize import SIDE
from edgedistill.catalogue import Architecture
from edgedistill.networks.integers import Parameters, forward_through, integer_parameters


class FrameConv2d(nn.Conv2d):
    """The first convolution: (C, 4, k, k) weights for pixels in [0, 1], applied to `to_input`'s blocks."""

    def forward(self, x: Tensor) -> Tensor:
        """x (N, 64, 21, 21), pixel values from 0 to 255 -> (N, C, h, w)."""
        return self.convolve(x, self.weight / 255, self.bias)

    def convolve(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """x (N, 64, 21, 21) with other weights (C, 4, k, k) and bias (C,), for pixel values as they are."""
        channels, stack, kernel, _ = weight.shape
        stride = self.stride[0]
        if kernel % BLOCK or stride % BLOCK:
            return nn.functional.conv2d(_pixels(x), weight, bias, stride)
        cells = kernel // BLOCK
        weight = weight.view(channels, stack, cells, BLOCK, cells, BLOCK).permute(0, 1, 3, 5, 2, 4)
        weight = weight.reshape(channels, stack * BLOCK**2, cells, cells)
        return nn.functional.conv2d(x, weight, bias, stride // BLOCK)


class CentredConv2d(FrameConv2d):
    """A convolution of frames around their background; on frames as they are that only shifts the bias.

    Where a background is bright, as Pong's, all inputs are large and nearly the same, and a small student's filters
    learn little else. The background is a whole pixel value, so that bfloat16 holds the difference.
    """

    def __init__(self, channels_in: int, channels: int, kernel: int, stride: int) -> None:
        super().__init__(channels_in, channels, kernel, stride)
        self.background: Tensor
        self.register_buffer("background", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        """x (N, 64, 21, 21), pixel values from 0 to 255 -> (N, C, h, w)."""
        return super().forward(x - self.background.to(x.dtype))

    def plain_bias(self) -> Tensor:
        """The bias (C,) of the same convolution of frames as they are."""
        assert self.bias is not None
        return self.bias - self.background / 255 * self.weight.sum(dim=(1, 2, 3))


def _pixels(x: Tensor) -> Tensor:
    """Blocks (N, 64, 21, 21) back to frames (N, 4, 84, 84)."""
    blocks = x.view(len(x), STACK, BLOCK, BLOCK, BLOCKS, BLOCKS).permute(0, 1, 4, 2, 5, 3)
    return blocks.reshape(len(x), STACK, SIDE, SIDE)


class ActionNetwork(nn.Module):
    """Frames in, as `to_input` makes them (N, 64, 21, 21), one value per action out (N, A)."""

    actions: int
    bf16: bool
    """Whether it computes in bfloat16"""

    @property
    def device(self) -> torch.device:
        return next(self.parameters()).device

    @property
    def input_dtype(self) -> torch.dtype:
        """Of the frames that it takes while learning and playing."""
        return torch.bfloat16 if self.bf16 else torch.float32


class AtariNetwork(ActionNetwork):
    """One value per action: Q-values for a teacher, logits for a student.

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
            plain: torch's own start, and frames as they are (DQN's teacher).
        """
        super().__init__()
        self.architecture = architecture
        self.actions = actions
        self.bf16 = bf16
        layers: list[nn.Module] = []
        shapes = architecture.conv_shapes
        for conv, (channels_in, _, _) in zip(architecture.convs, shapes, strict=False):
            if layers:
                groups = channels_in if conv.depthwise else 1
                layers.append(nn.Conv2d(channels_in, conv.channels, conv.kernel, conv.stride, groups=groups))
            else:
                first = FrameConv2d if layer_norm or plain else CentredConv2d
                layers.append(first(channels_in, conv.channels, conv.kernel, conv.stride))
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
        # Of an integer student's `acting_copy`, which finds them once.
        self.integers: list[Parameters] = []
        # Of a student's hidden channels and units; 0 while it computes in floating point.
        self.ranges: Tensor
        if not layer_norm and not plain:
            orthogonal_start(self.trunk)
            self.register_buffer("ranges", torch.zeros(sum(len(layer.weight) for layer in self.weighted_layers()[:-1])))

    def centre(self, background: int) -> None:
        """Let a student see frames around a pixel value."""
        first = self.trunk[0]
        assert isinstance(first, CentredConv2d), "only students are centred"
        first.background.fill_(background)

    @property
    def is_integer(self) -> bool:
        """Whether it computes with the integers of its export."""
        return "ranges" in self._buffers and self.ranges[0].item() > 0

    def begin_integers(self, ranges: Tensor) -> None:
        """From here on a student computes with the integers of its export; `measure_ranges` gives the ranges."""
        self.ranges.copy_(ranges)

    def end_integers(self) -> None:
        """From here on it computes in floats."""
        self.ranges.zero_()

    def weighted_layers(self) -> list[nn.Conv2d | nn.Linear]:
        """The layers with weights, in order."""
        return [layer for layer in (*self.trunk, self.head) if isinstance(layer, nn.Conv2d | nn.Linear)]

    def forward(self, x: Tensor) -> Tensor:
        """x (N, 64, 21, 21), as `to_input` makes it -> (N, A) float32."""
        if self.is_integer:
            # Learning bears bfloat16's roundings; who plays, plays as the export will.
            learns = torch.is_grad_enabled()
            parameters = self.integers or integer_parameters(self)
            layers = self.weighted_layers()
            return forward_through(layers, parameters, x if learns else x.float(), bf16=self.bf16 and learns)
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
            module.weight.data.copy_(orthogonal_weight(module))
            nn.init.zeros_(module.bias)  # type: ignore[arg-type]  # every layer here has a bias


def orthogonal_weight(layer: nn.Conv2d | nn.Linear) -> Tensor:
    """Orthogonal weights with gain √2 for a layer, on the CPU.

    The filters of a depthwise convolution see a channel each, so none is orthogonal to another: each has the length √2.
    """
    weight = torch.empty(layer.weight.shape)  # contiguous, which channels_last weights are not
    for group in weight.chunk(groups_of(layer)):
        nn.init.orthogonal_(group, gain=2**0.5)
    return weight


def groups_of(layer: nn.Conv2d | nn.Linear) -> int:
    """How many groups a layer falls into, each of inputs and outputs of its own: one, unless it is depthwise."""
    return layer.groups if isinstance(layer, nn.Conv2d) else 1


Network = TypeVar("Network", bound=ActionNetwork)


def acting_copy(network: Network) -> Network:
    """The network as it is now, to act with while the original learns.

    What the original finds at each call is found once, with the same values: an integer student's integers, and, with
    `bf16`, the weights that autocast casts.
    """
    copy = deepcopy(network).requires_grad_(False)
    for part in copy.modules():
        if not isinstance(part, AtariNetwork):
            continue
        if part.is_integer:
            part.integers = integer_parameters(part)
        elif part.bf16:
            for layer in part.trunk:
                # The first layer scales its weights in float32 before they are cast.
                if isinstance(layer, nn.Conv2d | nn.Linear) and not isinstance(layer, FrameConv2d):
                    layer.to(torch.bfloat16)
    return copy


class GreedyPolicy:
    """A network as it is now, for the evaluation protocol: frames (N, 84, 84, 4) uint8 -> greedy actions (N,)."""

    def __init__(self, network: ActionNetwork) -> None:
        self.network = acting_copy(network)
        self._device = network.device

    @torch.inference_mode()
    def values(self, frames: Frames) -> NDArray[np.float32]:
        """(N, 84, 84, 4) uint8 -> (N, A) float32."""
        x = to_input(np.ascontiguousarray(np.moveaxis(frames, 3, 1)), self._device, torch.float32)
        values: NDArray[np.float32] = self.network(x).cpu().numpy()
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
