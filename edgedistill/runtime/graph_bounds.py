"""What a student's graph costs, told from its nodes and shapes before a session is made.

A student is one chain of layers from the frames to the logits, and everything beside the chain is a constant. So each
shape follows from the one before it, and the cost is a sum. Whatever is no such chain is refused: a graph that
multiplies constants, or feeds a value to two layers, could make much of little.
"""

from dataclasses import dataclass
from math import prod

from edgedistill.atari.emulator import STACK
from edgedistill.atari.resize import SIDE
from edgedistill.bounds import Cost
from edgedistill.runtime.protobuf import Malformed

Shape = tuple[int, ...]
FLOAT_BYTES = 4
LAYERS = ("QLinearConv", "MatMulInteger", "Conv", "Gemm")
FLOAT = 1
"""TensorProto.DataType"""


@dataclass(frozen=True)
class Node:
    """One operation."""

    operator: str
    inputs: tuple[str, ...]
    """Names of values; an empty one is left out"""
    outputs: tuple[str, ...]
    attributes: dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Graph:
    """What a file says its network is."""

    nodes: tuple[Node, ...]
    """In the order in which they run"""
    constants: dict[str, Shape]


def cost_of(graph: Graph) -> Cost:
    """Follow the chain from `frames` to its end.

    Raises:
        Malformed: the graph is no chain of layers, shapes do not fit, or the cost is beyond `edgedistill.bounds`.
    """
    chain = _Chain(graph.constants)
    for node in graph.nodes:
        chain.add(node)
    if not chain.cost.layers:
        raise Malformed("it has no layers")
    if len(chain.shape) != 1 or chain.value != "logits":
        raise Malformed(f"it ends in a value of shape {chain.shape} called {chain.value!r}, not in logits")
    return chain.cost


class _Chain:
    """The value that the next node takes, and what it cost to come there."""

    def __init__(self, constants: dict[str, Shape]) -> None:
        self._constants = dict(constants)
        self._seen = {"frames", *constants}
        if len(self._seen) != len(constants) + 1:
            raise Malformed("two values called 'frames'")
        self.value = "frames"
        self.shape: Shape = (SIDE, SIDE, STACK)
        """Of one frame, without the first axis"""
        self.cost = Cost(0, 0, 0)

    def add(self, node: Node) -> None:
        """Go on through a node, or note a constant."""
        if len(node.outputs) != 1 or not node.inputs:
            raise Malformed(f"{node.operator} with {len(node.inputs)} inputs and {len(node.outputs)} outputs")
        (output,) = node.outputs
        if output in self._seen or not output:
            raise Malformed(f"two values called {output!r}")
        for name in node.inputs:
            if name and name not in self._seen:
                raise Malformed(f"{node.operator} of {name!r}, which is neither a constant nor a value before it")
        self._seen.add(output)
        source, *parameters = node.inputs
        if any(name and name not in self._constants for name in parameters):
            raise Malformed(f"{node.operator} of two values, where all but the first must be constants")
        if source in self._constants:
            if node.operator != "DequantizeLinear":
                raise Malformed(f"{node.operator} of a constant")
            # Counted, and once alone, since a session does it anew for every decision.
            self._constants[output] = self._constants.pop(source)
            self._pay(Cost(0, 0, FLOAT_BYTES * prod(self._constants[output])))
            return
        if source != self.value:
            raise Malformed(f"{node.operator} of {source!r}: a second path beside the chain of layers")
        shape, macs, patches = self._applied(node, [self._constants.get(name, ()) for name in parameters])
        self._pay(Cost(int(node.operator in LAYERS), macs, FLOAT_BYTES * (prod(shape) + patches)))
        self.value, self.shape = output, shape

    def _pay(self, more: Cost) -> None:
        """Add to the cost, within the bounds."""
        self.cost = Cost(
            self.cost.layers + more.layers,
            self.cost.macs + more.macs,
            self.cost.activation_bytes + more.activation_bytes,
        )
        excess = self.cost.excess()
        if excess:
            raise Malformed(excess)

    def _applied(self, node: Node, parameters: list[Shape]) -> tuple[Shape, int, int]:
        """Shape of a node's output, multiply-accumulates, and elements of what a convolution unfolds."""
        match node.operator:
            case "QLinearConv":
                return self._convolved_in_integers(node.attributes, parameters)
            case "MatMulInteger" if len(parameters) == 1:
                return self._connected({}, *parameters)
            case "Add" | "Mul":
                # Another shape would be stretched, and the value with it.
                if len(self.shape) != 1 or parameters != [self.shape]:
                    raise Malformed(f"{node.operator} of shapes {self.shape} and {parameters}")
                return self.shape, 0, 0
            case "Cast" if node.attributes.get("to") != (FLOAT,):
                raise Malformed("Cast to another type than float32")
            case "Conv":
                return self._convolved(node.attributes, *parameters[:1])
            case "Gemm":
                return self._connected(node.attributes, *parameters[:1])
            case "Flatten":
                return (prod(self.shape),), 0, 0
            case "Transpose":
                first, *axes = node.attributes.get("perm", (-1,))
                if first != 0 or sorted(axes) != [axis + 1 for axis in range(len(self.shape))]:
                    raise Malformed(f"Transpose of a value of shape {self.shape} with perm {[first, *axes]}")
                return tuple(self.shape[axis - 1] for axis in axes), 0, 0
            case "MatMulInteger":
                raise Malformed("MatMulInteger with zero points")
            case _:  # element by element
                return self.shape, 0, 0

    def _convolved(self, attributes: dict[str, tuple[int, ...]], weights: Shape = ()) -> tuple[Shape, int, int]:
        if len(self.shape) != 3 or len(weights) != 4:
            raise Malformed(f"Conv of a value of shape {self.shape} with weights of shape {weights}")
        channels, height, width = self.shape
        filters, depth, *kernel = weights
        (groups, *_), strides = attributes.get("group", (1,)), attributes.get("strides", (1, 1))
        if depth * groups != channels:
            raise Malformed(f"Conv with weights for {depth * groups} channels where {channels} come in")
        # Filters see all channels, or one each.
        if groups != 1 and (filters, depth) != (groups, 1):
            raise Malformed(f"a convolution of {groups} groups that is not depthwise")
        if len(strides) != 2 or not all(0 < stride <= SIDE for stride in strides):
            raise Malformed(f"Conv with strides {list(strides)}")
        if kernel[0] > height or kernel[1] > width:
            raise Malformed(f"Conv with a kernel larger than its input, {kernel} on {[height, width]}")
        rows, columns = (height - kernel[0]) // strides[0] + 1, (width - kernel[1]) // strides[1] + 1
        patch = depth * prod(kernel)
        return (filters, rows, columns), filters * patch * rows * columns, groups * patch * rows * columns

    def _convolved_in_integers(
        self, attributes: dict[str, tuple[int, ...]], parameters: list[Shape]
    ) -> tuple[Shape, int, int]:
        """Of an input's scale and zero point, weights with theirs, the output's, and a bias."""
        if len(parameters) != 8:
            raise Malformed(f"QLinearConv with {len(parameters)} constants")
        weights, scale, bias = parameters[2], parameters[3], parameters[7]
        if any(parameters[place] for place in (0, 1, 4, 5, 6)) or not scale == bias == weights[:1]:
            raise Malformed(f"QLinearConv with parameters of shapes {parameters}")
        return self._convolved(attributes, weights)

    def _connected(self, attributes: dict[str, tuple[int, ...]], weights: Shape = ()) -> tuple[Shape, int, int]:
        transposed = attributes.get("transB", (0,)) == (1,)
        if len(self.shape) != 1 or len(weights) != 2 or weights[1 if transposed else 0] != self.shape[0]:
            raise Malformed(f"Gemm of a value of shape {self.shape} with weights of shape {weights}")
        return (weights[0 if transposed else 1],), prod(weights), 0
