"""An exported student in torch, to teach others: it computes with the whole numbers of its file and learns nothing."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from edgedistill.catalogue import Architecture
from edgedistill.networks.integer_layer import IntegerLayer, UnknownGraph
from edgedistill.networks.integers import Parameters, forward_through
from edgedistill.networks.network import ActionNetwork, AtariNetwork


class IntegerNetwork(ActionNetwork):
    """Gives the logits of ONNX Runtime: in float32, sums of whole numbers below 2²⁴ are exact."""

    bf16 = False

    def __init__(self, architecture: Architecture, actions: int) -> None:
        super().__init__()
        self.actions = actions
        # Its weights and biases are whole numbers.
        self.network = AtariNetwork(architecture, actions).requires_grad_(False)
        self.multipliers: Tensor
        self.register_buffer("multipliers", torch.ones(sum(self._outputs())))
        """What the sums of each channel, unit and logit are multiplied by, one layer after the other"""

    def forward(self, x: Tensor) -> Tensor:
        """x (N, 64, 21, 21), as `to_input` makes it -> (N, A) float32."""
        layers = self.network.weighted_layers()
        multipliers = torch.split(self.multipliers, self._outputs())
        parameters = [Parameters(each.weight, _bias(each), by) for each, by in zip(layers, multipliers, strict=True)]
        return forward_through(layers, parameters, x.float(), bf16=False)

    @torch.no_grad()
    def take(self, layers: Sequence[IntegerLayer]) -> None:
        """Put in the layers of a file.

        Raises:
            UnknownGraph: they are not those of this architecture.
        """
        own = self.network.weighted_layers()
        if len(layers) != len(own):
            raise UnknownGraph(f"{len(layers)} layers, where its design has {len(own)}")
        inputs = self.network.architecture.conv_shapes[-1]
        for layer, read in zip(own, layers, strict=True):
            layer.weight.copy_(_weight(read, layer, inputs))
            _bias(layer).copy_(torch.from_numpy(read.bias.astype(np.float32)))
            if isinstance(layer, nn.Linear):
                inputs = (len(read.bias), 1, 1)
        self.multipliers.copy_(torch.from_numpy(np.concatenate([read.scale for read in layers])))

    def _outputs(self) -> list[int]:
        return [len(layer.weight) for layer in self.network.weighted_layers()]


def _bias(layer: nn.Conv2d | nn.Linear) -> Tensor:
    assert layer.bias is not None
    return layer.bias


def _weight(read: IntegerLayer, layer: nn.Conv2d | nn.Linear, inputs: tuple[int, int, int]) -> Tensor:
    """A file's weights as torch has them: channels before height and width.

    `inputs` (channels, height, width) are those of a fully connected layer before they are flattened. A convolution
    whose kernel takes in all that there is reads as fully connected, too.
    """
    channels, height, width = layer.weight.shape[1:] if isinstance(layer, nn.Conv2d) else inputs
    if read.weight.size != layer.weight.numel() or len(read.weight) != len(layer.weight):
        raise UnknownGraph(f"weights {read.weight.shape}, where its design has {tuple(layer.weight.shape)}")
    if read.stride is not None and isinstance(layer, nn.Conv2d) and read.stride != layer.stride[0]:
        raise UnknownGraph(f"a stride of {read.stride}, where its design has {layer.stride[0]}")
    rows = read.weight.reshape(len(read.weight), height, width, channels).transpose(0, 3, 1, 2)
    return torch.from_numpy(rows.astype(np.float32)).reshape(layer.weight.shape)
