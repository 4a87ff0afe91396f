"""The catalogue of student architectures: what each costs, read without torch from `student_zoo/*.toml`."""

import re
from dataclasses import dataclass, replace
from importlib import resources
from importlib.resources.abc import Traversable
from itertools import pairwise
from math import ceil, prod
from pathlib import Path
from typing import Any

from edgedistill.bounded_file import read_toml
from edgedistill.bounds import MAX_FILE_BYTES, Cost
from edgedistill.errors import BadRequest, did_you_mean
from edgedistill.schema import short

FRAME_STACK = 4
FRAME_SIDE = 84

# Bounds on what a stranger's TOML may ask for: generous beside the Nature DQN (64 channels, 512 units),
# far below what would exhaust a desktop's memory.
MAX_LAYERS_OF_A_KIND = 8
MAX_CHANNELS = 512
MAX_UNITS = 4096
# The console's action set, the largest of any game.
MOST_ACTIONS = 18
# Pong's: where a ratio is given without a game.
USUAL_ACTIONS = 6
NAME_PATTERN = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")

# Trained where several students are asked for and none is named; every game that ships has them. They have 1.83% to
# 0.44% of the parameters: the paper's smallest, and ours below it. net1 to net4 (25% to 3%) are left out, since each
# further student slows a run.
SMALL_STUDENTS = ("net5", "micro", "nano", "pico")

# Of an exported file, beside its tensors: 1.3 KB, and the returns of a hundred games at each ε.
GRAPH_AND_CARD_BYTES = 3_000


@dataclass(frozen=True)
class Conv:
    """A convolution without padding; a depthwise one and one of kernel 1 behind it are a separable one."""

    channels: int
    kernel: int
    stride: int
    depthwise: bool = False
    """One filter for each incoming channel, so that as many go out, instead of filters that see all of them"""

    def filter_depth(self, channels_in: int) -> int:
        """Incoming channels that one filter sees."""
        return 1 if self.depthwise else channels_in


@dataclass(frozen=True)
class Architecture:
    """Convolutions, then fully connected layers, each followed by a ReLU, then one linear output per action."""

    name: str
    convs: tuple[Conv, ...]
    fc: tuple[int, ...]
    summary: str = ""

    @property
    def conv_shapes(self) -> list[tuple[int, int, int]]:
        """Shape (channels, height, width) of the input and after each convolution."""
        shapes = [(FRAME_STACK, FRAME_SIDE, FRAME_SIDE)]
        for conv in self.convs:
            side = (shapes[-1][1] - conv.kernel) // conv.stride + 1
            shapes.append((conv.channels, side, side))
        return shapes

    def _layers(self, actions: int) -> list[tuple[int, int, int]]:
        """(outputs, weights per output, positions at which the weights are applied), layer by layer."""
        shapes = self.conv_shapes
        layers = [
            (conv.channels, conv.filter_depth(before[0]) * conv.kernel**2, after[1] * after[2])
            for conv, before, after in zip(self.convs, shapes, shapes[1:], strict=False)
        ]
        widths = [prod(shapes[-1]), *self.fc, actions]
        layers += [(outputs, inputs, 1) for inputs, outputs in pairwise(widths)]
        return layers

    def parameters(self, actions: int) -> int:
        """Weights and biases."""
        return sum(outputs * (weights + 1) for outputs, weights, _ in self._layers(actions))

    def macs(self, actions: int) -> int:
        """Multiply-accumulates of one decision."""
        return sum(outputs * weights * positions for outputs, weights, positions in self._layers(actions))

    def cost(self, actions: int) -> Cost:
        """What one decision takes, before the graph's own steps between layers."""
        layers = self._layers(actions)
        floats = sum((outputs + weights) * positions for outputs, weights, positions in layers)
        return Cost(len(layers), self.macs(actions), 4 * floats)

    def ratio(self, actions: int) -> float:
        """Parameters, as a share of the plain Nature DQN's for the same action set."""
        return self.parameters(actions) / NATURE_DQN.parameters(actions)

    def int8_bytes(self, actions: int) -> int:
        """Bytes of the tensors in an exported file.

        An output has int8 weights, a float32 scale and an int32 bias. All weights share an int8 zero point, all
        activations a float32 scale and a uint8 zero point.
        """
        return sum(outputs * (weights + 8) for outputs, weights, _ in self._layers(actions)) + 6

    def file_bytes(self, actions: int) -> int:
        """About the size of an exported file: its tensors, its graph and its card."""
        return self.int8_bytes(actions) + GRAPH_AND_CARD_BYTES

    def layers_text(self) -> str:
        """The layers in a few characters: channels, kernel and stride where they are not the Nature DQN's, units.

        >>> NATURE_DQN.layers_text()
        '32-64-64 / 512'
        >>> Architecture("mine", (Conv(8, 8, 4), Conv(8, 4, 2, depthwise=True), Conv(16, 1, 1)), (20,)).layers_text()
        '8-d4s2-16k1s1 / 20'
        """
        convs = []
        for number, conv in enumerate(self.convs):
            size = f"{conv.kernel}s{conv.stride}"
            usual = number < len(NATURE_DQN.convs) and conv == replace(NATURE_DQN.convs[number], channels=conv.channels)
            convs.append(f"d{size}" if conv.depthwise else str(conv.channels) + ("" if usual else f"k{size}"))
        return " / ".join("-".join(part) for part in (convs, [str(units) for units in self.fc]) if part)

    def to_dict(self) -> dict[str, Any]:
        """The form that `parse_architecture` reads."""
        convs = [
            {"channels": c.channels, "kernel": c.kernel, "stride": c.stride}
            | ({"depthwise": True} if c.depthwise else {})
            for c in self.convs
        ]
        return {"name": self.name, "summary": self.summary, "convs": convs, "fc": list(self.fc)}


# Mnih et al. 2015, "Methods: Model architecture": the denominator of every ratio.
NATURE_DQN = Architecture("nature-dqn", (Conv(32, 8, 4), Conv(64, 4, 2), Conv(64, 3, 1)), (512,))


def parse_architecture(data: dict[str, Any], source: str) -> Architecture:
    """Build an architecture from a parsed TOML table.

    Raises:
        BadRequest: a key is missing, unknown, of the wrong type or out of bounds; `source` names the file.
    """

    def refuse(problem: str) -> BadRequest:
        return BadRequest(f"{source}: {problem}. See `edgedistill zoo` and student_zoo/micro.toml for the form.")

    def whole(table: dict[str, Any], key: str, most: int) -> int:
        value = table.get(key)
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
            raise refuse(f"'{key}' must be a whole number from 1 to {most}, got {short(value)}")
        return value

    def tables(key: str, most: int) -> list[Any]:
        value = data.get(key)
        if not isinstance(value, list) or len(value) > most:
            raise refuse(f"'{key}' must be a list of at most {most} entries, got {short(value)}")
        return value

    unknown = set(data) - {"name", "summary", "convs", "fc"}
    if unknown:
        raise refuse(f"unknown key {short(min(unknown))}")
    name, summary = data.get("name"), data.get("summary", "")
    if not isinstance(name, str) or not NAME_PATTERN.fullmatch(name):
        raise refuse(f"'name' must be lower-case letters, digits, '-' and '_', at most 32, got {short(name)}")
    if not isinstance(summary, str):
        raise refuse(f"'summary' must be text, got {short(summary)}")
    convs: list[Conv] = []
    for table in tables("convs", MAX_LAYERS_OF_A_KIND):
        if not isinstance(table, dict) or set(table) - {"depthwise"} != {"channels", "kernel", "stride"}:
            raise refuse(
                f"each of 'convs' must give channels, kernel and stride, and may give depthwise, got {short(table)}"
            )
        depthwise = table.get("depthwise", False)
        if not isinstance(depthwise, bool):
            raise refuse(f"'depthwise' must be true or false, got {short(depthwise)}")
        conv = Conv(
            whole(table, "channels", MAX_CHANNELS),
            whole(table, "kernel", FRAME_SIDE),
            whole(table, "stride", FRAME_SIDE),
            depthwise,
        )
        if depthwise and not convs:
            raise refuse(
                "the first of 'convs' cannot be depthwise: no filter would see more than one of the four frames"
            )
        if depthwise and conv.channels != convs[-1].channels:
            raise refuse(
                f"a depthwise convolution gives as many channels as come in, here {convs[-1].channels}, got "
                f"channels = {conv.channels}; one of kernel 1 behind it mixes them into another number"
            )
        convs.append(conv)
    fc = tuple(whole({"fc": units}, "fc", MAX_UNITS) for units in tables("fc", MAX_LAYERS_OF_A_KIND))
    architecture = Architecture(name, tuple(convs), fc, summary)
    if not convs:
        raise refuse("'convs' is empty: a student looks at 84x84 frames through at least one convolution")
    if any(side < 1 for _, side, _ in architecture.conv_shapes):
        raise refuse("the convolutions leave nothing of the 84x84 frame; use smaller kernels or strides")
    excess = architecture.cost(MOST_ACTIONS).excess()
    if excess:
        raise refuse(f"this student is too large for any board: {excess}")
    size = architecture.int8_bytes(MOST_ACTIONS)
    if size > MAX_FILE_BYTES:
        raise refuse(f"its file would take {size:,} bytes, {size / MAX_FILE_BYTES:,.1f} times what is read")
    return architecture


def read_architecture(path: Path | Traversable) -> Architecture:
    """Read one TOML file of the catalogue's form.

    Raises:
        BadRequest: the file is missing, too large, not TOML, or not an architecture.
    """
    return parse_architecture(read_toml(path, "student's TOML"), str(path))


def load_catalogue() -> dict[str, Architecture]:
    """Every architecture that ships, by name, the largest first."""
    entries = [
        read_architecture(entry)
        for entry in resources.files("edgedistill.student_zoo").iterdir()
        if entry.name.endswith(".toml")
    ]
    return {entry.name: entry for entry in sorted(entries, key=lambda entry: -entry.parameters(MOST_ACTIONS))}


def find_architecture(name_or_path: str) -> Architecture:
    """An architecture by catalogue name, or from a user's own `.toml` file.

    Raises:
        BadRequest: no such name (the nearest is suggested) or an unusable file.
    """
    if name_or_path.endswith(".toml"):
        return read_architecture(Path(name_or_path))
    catalogue = load_catalogue()
    if name_or_path not in catalogue:
        hint = did_you_mean(name_or_path, catalogue)
        raise BadRequest(f"No student '{name_or_path}' in the catalogue. {hint} A file of your own ends in .toml.")
    return catalogue[name_or_path]


def pick_by_ratio(ratio: float, actions: int) -> Architecture:
    """The largest catalogue entry whose true ratio at this action count is at or below `ratio`.

    Raises:
        BadRequest: `ratio` is not in (0, 1] or is below the smallest entry.
    """
    if not 0 < ratio <= 1:
        raise BadRequest(f"--ratio must be above 0 and at most 1 (0.017 is 1.7% of the Nature DQN), got {ratio}.")
    fitting = [entry for entry in load_catalogue().values() if entry.ratio(actions) <= ratio]
    if not fitting:
        smallest = min(load_catalogue().values(), key=lambda entry: entry.parameters(actions))
        lowest = ceil(smallest.ratio(actions) * 10_000) / 10_000
        raise BadRequest(
            f"No student is as small as {ratio:.3%} of the Nature DQN; the smallest is '{smallest.name}' "
            f"at {smallest.ratio(actions):.3%}. Use --ratio {lowest} or above, or --student my.toml."
        )
    return max(fitting, key=lambda entry: entry.parameters(actions))
