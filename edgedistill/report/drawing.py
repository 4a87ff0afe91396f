"""How all pictures of reports look, and the files that they become."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, PercentFormatter

from edgedistill.errors import BadRequest, typed
from edgedistill.files import check_writable

# Okabe & Ito 2008: told apart with any colour vision.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
GREY = "0.35"
PIXELS_PER_INCH = 120
SIZE_INCHES = (5.6, 3.2)
# Of a chart; a run may log many thousand rollouts.
MOST_POINTS = 400


@dataclass(frozen=True)
class Line:
    """One line of a chart."""

    label: str
    places: Sequence[float]
    """Agent steps"""
    values: Sequence[float]
    colour: str
    bands: Sequence[tuple[float, float, float]] = ()
    """Places with the lower and the upper end of an interval; nothing where none is known"""


def chart(title: str, lines: Sequence[Line], *, percent: bool = False, logarithmic: bool = False) -> str:
    """Lines over agent steps, with a legend; an empty text where no line has a point."""
    drawn = [line for line in lines if len(line.places)]
    if not drawn:
        return ""
    figure = Figure(figsize=SIZE_INCHES, layout="constrained")
    axes = figure.subplots()
    for line in drawn:
        mark = "o" if len(line.places) <= 30 else None
        axes.plot(line.places, line.values, color=line.colour, label=plain(line.label), marker=mark, markersize=3.5)
        if line.bands:
            places, lows, highs = zip(*line.bands, strict=True)
            axes.fill_between(places, lows, highs, color=line.colour, alpha=0.15, linewidth=0)
    if percent:
        axes.axhline(1.0, color=GREY, linewidth=1)
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    if logarithmic and all(value > 0 for line in drawn for value in line.values):
        axes.set_yscale("log")
    axes.set_title(title, fontsize=11, fontweight="bold", loc="left")
    axes.set_xlabel("agent steps")
    axes.set_xlim(left=0)
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.grid(color="0.9", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=9)
    return to_svg(figure)


def check_png(path: Path) -> None:
    """Refuse a place for a picture before the work that goes into it.

    Raises:
        BadRequest: `path` is no PNG's name, or cannot be written.
    """
    check_writable(path)
    if path.suffix.lower() != ".png":
        raise BadRequest(f"--png writes PNGs, got {path}. Type: --png {typed(path.with_suffix('.png'))}")


def to_png(figure: Figure) -> bytes:
    """A figure as a PNG."""
    FigureCanvasAgg(figure)
    image = io.BytesIO()
    figure.savefig(image, format="png", dpi=PIXELS_PER_INCH)
    return image.getvalue()


def to_svg(figure: Figure) -> str:
    """A figure as an `<svg>` element, its text as text."""
    FigureCanvasSVG(figure)
    image = io.StringIO()
    # A fixed salt names equal parts alike, so that the same run gives the same page.
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "edgedistill"}):
        figure.savefig(image, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = image.getvalue()
    return text[text.index("<svg") :]


def plain(label: str) -> str:
    """A label in which a pair of dollar signs, as in a folder's name, is no mathematics."""
    return label.replace("$", r"\$")


def thinned(places: Sequence[float], values: Sequence[float]) -> tuple[list[float], list[float]]:
    """At most `MOST_POINTS` points: each the mean of as many neighbours.

    >>> thinned([1.0, 2.0], [3.0, 5.0])
    ([1.0, 2.0], [3.0, 5.0])
    """
    width = -(-len(places) // MOST_POINTS)
    if width < 2:
        return list(places), list(values)
    starts = range(0, len(places), width)
    return (
        [sum(places[at : at + width]) / len(places[at : at + width]) for at in starts],
        [sum(values[at : at + width]) / len(values[at : at + width]) for at in starts],
    )
