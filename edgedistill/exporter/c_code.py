"""An exported student as three files of plain C99, for boards without an operating system.

The kernels are C that a person wrote (`export/student.c`); this module fills in the numbers. A student is a chain of
two kinds of layers, which take a page of C. The general compiler emx-onnx-cgen (1.4) takes the same integers, but its C
allocates, asks for a maths library, transposes the frames into 28 KB more, and knows no two products at a time.
"""

import re
import textwrap
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from edgedistill.atari.emulator import STACK
from edgedistill.atari.games import human_normalised
from edgedistill.atari.resize import SIDE
from edgedistill.errors import BadRequest
from edgedistill.exporter.c_selftest import selftest_frames
from edgedistill.exporter.templates import template
from edgedistill.files import check_writable, write_atomically
from edgedistill.networks.graph_layers import graph_layers
from edgedistill.networks.integer_layer import IntegerLayer, UnknownGraph
from edgedistill.runtime.card import Card
from edgedistill.runtime.policy import Policy

WIDTH = 118
C_TYPES = {"int8": "int8_t", "int32": "int32_t", "float32": "float"}


@dataclass(frozen=True)
class CSource:
    """A student in C; the same bytes of ONNX give the same text."""

    header: str
    """`student.h`: the one function, its units, the actions by index, what the card says"""
    code: str
    """`student.c`: kernels and weights"""
    selftest: str
    """`student_selftest.c`: what it must give for frames that it makes itself"""
    flash_bytes: int
    """Of weights, biases and scales; code comes on top"""
    ram_bytes: int
    """Of static scratch buffers; frames, logits and stack come on top"""


def c_source(model: bytes, source: str) -> CSource:
    """The content of an exported student's `.onnx` file as C.

    `source` names the file in errors and in the header.

    Raises:
        BadRequest: not a student that edgedistill exports, or its logits are not finite.
    """
    policy = Policy(model, source)
    card = policy.card
    try:
        layers = graph_layers(onnx.load_from_string(model))
    except UnknownGraph as error:
        raise BadRequest(
            f"{source}: its graph is not one that edgedistill exports ({error}), so there is no C for it. Export the "
            "student again: edgedistill export RUN -o my.onnx"
        ) from error
    calls, sizes = _calls(layers)
    # Inputs are read by four, so up to 3 bytes beyond a layer's output meet weights of zero.
    buffers = {name: max(sizes[start::2]) + 3 for start, name in enumerate(("even", "odd")) if sizes[start::2]}
    sums = max(_filled_up(layer.bias, 0).size for layer in layers if layer.stride is None)
    tables = [
        (f"layer{number}_{what}", values)
        for number, layer in enumerate(layers, start=1)
        for what, values in (
            ("weight", layer.weight.ravel() if layer.depthwise else _in_reading_order(layer.weight)),
            ("bias", _filled_up(layer.bias, 0)),
            ("scale", layer.scale),
        )
    ]
    flash, ram = sum(values.nbytes for _, values in tables), sum(buffers.values()) + 4 * sums
    title = f"{_plain(card.game)}, student {_plain(card.student)}, int8"
    header = _template("student.h").substitute(
        title=title,
        facts=_facts(card),
        flash=flash,
        frames=SIDE * SIDE * STACK,
        scratch=ram,
        count=len(card.actions),
        actions=_actions(card, source),
    )
    code = _template("student.c").substitute(
        title=title,
        tables="\n".join(_table(name, values) for name, values in tables),
        buffers=", ".join(f"{name}[{size}]" for name, size in buffers.items()),
        sums=sums,
        depthwise=template("depthwise.c") if any(layer.depthwise for layer in layers) else "",
        calls=calls,
    )
    # One frame at a time, as a board decides.
    expected = np.concatenate([policy.logits(frames[None]) for frames in selftest_frames()])
    if not np.isfinite(expected).all():
        raise BadRequest(
            f"{source}: its logits overflow float32, so there is no C for it. Export the student again: "
            "edgedistill export RUN -o my.onnx"
        )
    selftest = _template("selftest.c").substitute(
        title=title, tests=len(expected), expected=",\n".join(f"    {{{', '.join(_floats(row))}}}" for row in expected)
    )
    return CSource(header, code, selftest, flash, ram)


def write_c(model: bytes, source: str, folder: Path) -> CSource:
    """Write `student.h`, `student.c` and `student_selftest.c` into `folder`, which is made where it is missing.

    Raises:
        BadRequest: not a student that edgedistill exports, or the folder cannot be written.
    """
    c = c_source(model, source)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadRequest(f"{folder}: no folder can be made there ({error.strerror}).") from error
    texts = {folder / "student.h": c.header, folder / "student.c": c.code, folder / "student_selftest.c": c.selftest}
    for path in texts:
        check_writable(path)
    for path, text in texts.items():
        write_atomically(path, text.encode())
    return c


def _calls(layers: list[IntegerLayer]) -> tuple[str, list[int]]:
    """The body of `student_act`, and how many bytes each layer but the last one gives."""
    lines: list[str] = []
    sizes: list[int] = []
    side, channels, value = SIDE, STACK, "frames"
    for number, layer in enumerate(layers, start=1):
        name = f"layer{number}"
        output = "odd" if value == "even" else "even"
        out, size = len(layer.weight), layer.weight[0].size
        parameters = f"{name}_weight, {name}_bias, {name}_scale"
        if layer.stride is not None:
            kernel = layer.weight.shape[1]
            function, filters = ("convolve_channels", "") if layer.depthwise else ("convolve", f"{out}, ")
            sides = f"{value}, {side}, {channels}"
            lines.append(f"    {function}({sides}, {parameters}, {kernel}, {layer.stride}, {filters}{output});")
            side, channels = (side - kernel) // layer.stride + 1, out
            sizes.append(side * side * out)
        else:
            last = number == len(layers)
            result = f"(float)sums[i] * {name}_scale[i]" if last else f"to_byte(sums[i], {name}_scale[i])"
            lines += [
                f"    connect({value}, {size}, {name}_weight, {name}_bias, {out}, sums);",
                f"    for (i = 0; i < {out}; i++)",
                f"        {'logits' if last else output}[i] = {result};",
            ]
            sizes.append(out)
        value = output
    return "\n".join(lines), sizes[:-1]


def _filled_up(values: NDArray[Any], axis: int) -> NDArray[Any]:
    """Zeros behind, up to a multiple of four along an axis."""
    widths = [(0, 0)] * values.ndim
    widths[axis] = (0, -values.shape[axis] % 4)
    return np.pad(values, widths)


def _in_reading_order(weight: NDArray[np.int8]) -> NDArray[np.int8]:
    """(out, k, k, in) or (out, in) -> flat: fours of filters, lines of a filter, fours of inputs, filter, input."""
    lines = weight.shape[1] if weight.ndim == 4 else 1
    rows = _filled_up(_filled_up(weight.reshape(len(weight), lines, -1), 2), 0)
    blocks = rows.reshape(len(rows) // 4, 4, lines, rows.shape[2] // 4, 4)
    return blocks.transpose(0, 2, 3, 1, 4).ravel()


def _table(name: str, values: NDArray[Any]) -> str:
    texts = _floats(values.ravel()) if values.dtype == np.float32 else [str(value) for value in values.ravel().tolist()]
    body = textwrap.fill(", ".join(texts), WIDTH, initial_indent="    ", subsequent_indent="    ")
    return f"static const {C_TYPES[values.dtype.name]} {name}[{len(texts)}] = {{\n{body}\n}};"


def _floats(values: NDArray[np.float32]) -> list[str]:
    """As C has them: hexadecimal ones are C99 and exact."""
    return [f"{value.hex()}f" for value in values.tolist()]


def _facts(card: Card) -> str:
    """What the card says, as lines of the header's comment."""
    facts = [
        f"game        {_plain(card.game)}",
        f"student     {_plain(card.student)}, {card.params:,} parameters, {card.ratio:.2%} of the Nature DQN",
        f"work        {card.macs:,} multiply-accumulates a decision",
    ]
    for score in card.scores.get("student", ())[:1]:
        interval = f" (95% interval {score.low:.2f} to {score.high:.2f})" if score.interval else ""
        games = f"mean of {score.episodes} games" if score.interval else "one game"
        facts.append(f"score       {score.mean:.2f}{interval}, {games} at epsilon {score.epsilon:g}")
        normalised = human_normalised(card.game, score.mean)
        facts.append(f"            {normalised:.2f} of a human player's, a random player's being 0")
    facts += [
        f"fidelity    the action of the student that was trained on {card.agreement:.2%} of held-out play",
        f"trained     {card.trained_steps:,} agent steps, seed {card.seed}",
        f"exported by edgedistill {_plain(card.version)}",
    ]
    return "\n".join(f" * {fact}" for fact in facts)


def _actions(card: Card, source: str) -> str:
    """The members of the enumeration: names come from a file, and become C."""
    if len(set(card.actions)) != len(card.actions) or not all(
        re.fullmatch("[A-Z]{1,32}", name) for name in card.actions
    ):
        raise BadRequest(f"{source}: its metadata is damaged (an action set of {card.actions!r}).")
    return ",\n".join(f"    STUDENT_{name} = {number}" for number, name in enumerate(card.actions))


def _plain(text: str) -> str:
    """Text of a file, fit for a C comment."""
    return re.sub(r"[^A-Za-z0-9 _.+-]", "?", text)[:80]


def _template(name: str) -> Template:
    return Template(template(name))
