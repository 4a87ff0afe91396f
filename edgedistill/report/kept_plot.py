"""What students keep, as a picture: retention over size, a line per game."""

import io
from collections.abc import Sequence
from itertools import groupby, pairwise

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator, PercentFormatter

from edgedistill.atari.games import game_title
from edgedistill.report.comparison import REACHED
from edgedistill.report.kept import Kept
from edgedistill.report.plot import COLOURS, MARKERS, PIXELS_PER_INCH
from edgedistill.runtime.shipped import DEFAULT_RATIO


def kept_png(found: Sequence[Kept]) -> bytes:
    """Retention of the best teacher over the share of the Nature DQN's parameters, each point with its 95% interval."""
    figure = Figure(figsize=(8, 5), dpi=PIXELS_PER_INCH, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.axvspan(0, DEFAULT_RATIO, color="0.95", zorder=0)
    axes.annotate(
        f"≤ {DEFAULT_RATIO:.1%}",
        (DEFAULT_RATIO, 0),
        xytext=(-4, 6),
        textcoords="offset points",
        ha="right",
        color="0.35",
    )
    axes.axhline(1.0, color="0.35", linewidth=1.2, zorder=1)
    axes.axhline(REACHED, color="0.35", linewidth=0.9, linestyle=":", zorder=1)
    known = [(kept, kept.retention, kept.interval) for kept in found if kept.retention is not None and kept.interval]
    for number, (game, students) in enumerate(groupby(known, key=lambda point: point[0].game)):
        points = list(students)
        axes.errorbar(
            # Games beside each other, so that their intervals do not hide one another.
            [kept.ratio * 1.015 ** (number - 3) for kept, _, _ in points],
            [value for _, value, _ in points],
            [high - value for _, value, (_, high) in points],
            label=game_title(game), color=COLOURS[number % len(COLOURS)],
            marker=MARKERS[number % len(MARKERS)], markersize=5, linewidth=1.6, capsize=2, zorder=3,
        )  # fmt: skip
    axes.set_xscale("log")
    ticks = sorted({kept.ratio for kept, _, _ in known})
    axes.set_xticks([tick for before, tick in pairwise([0.0, *ticks]) if tick > 1.3 * before])
    axes.xaxis.set_major_formatter(FuncFormatter(lambda ratio, _: f"{ratio:.2%}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_xlabel("parameters, as a share of the Nature DQN's")
    axes.set_ylabel("retention of the best teacher")
    axes.set_ylim(bottom=0)
    axes.set_title("What int8 students keep", fontweight="bold")
    axes.spines[["top", "right"]].set_visible(False)
    if known:
        axes.legend(frameon=False, loc="lower right")
    image = io.BytesIO()
    figure.savefig(image, format="png")
    return image.getvalue()
