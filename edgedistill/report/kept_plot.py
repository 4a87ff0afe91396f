"""What students keep, as a picture: retention over size with the median over games, and scores beside the teacher's."""

from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator, PercentFormatter

from edgedistill.atari.games import game_title, human_normalised
from edgedistill.catalogue import USUAL_ACTIONS, load_catalogue
from edgedistill.report.comparison import REACHED
from edgedistill.report.drawing import COLOURS, GREY
from edgedistill.report.kept import Kept, students_of
from edgedistill.runtime.shipped import DEFAULT_RATIO

# Ratios nearer than this share a place on the axis: their names turn away from each other.
NEAR = 1.3
# Human-normalised scores up to 1 take as much of their axis as so many decades beyond.
LINEAR_DECADES = 1.5
TICKS = (0, 0.25, 0.5, 0.75, 1, 2, 5, 10, 20)
# For the figures beside the bars.
ROOM = 1.6


def plot_kept(found: Sequence[Kept], bars_of: str) -> Figure:
    """Retention over size, and the scores of one student beside its teachers'.

    Args:
        found: of one game or more.
        bars_of: the student of the second panel; without it among `found` the panel is left out.
    """
    bars = [kept for kept in found if kept.student == bars_of]
    figure = Figure(figsize=(12, 4.8), layout="constrained")
    if bars:
        left, right = figure.subplots(1, 2, width_ratios=(3, 2))
        _draw_bars(right, bars, bars_of)
    else:
        left = figure.subplots()
    _draw_retention(left, found)
    return figure


def _draw_retention(axes: Axes, found: Sequence[Kept]) -> None:
    sizes = {name: _size(name, found) for name in students_of(found)[::-1]}
    axes.axvspan(min(sizes.values(), default=0.001) / 2, DEFAULT_RATIO, color="0.95", zorder=0)
    for share, label in ((1.0, "as good as the teacher"), (REACHED, f"{REACHED:.0%}")):
        axes.axhline(
            share, color=GREY, linewidth=1.2 if share == 1 else 0.9, linestyle="-" if share == 1 else ":", zorder=1
        )
        axes.annotate(
            label, (0.0, share), xycoords=("axes fraction", "data"), xytext=(3, 3 if share == 1 else -3),
            textcoords="offset points", ha="left", va="bottom" if share == 1 else "top", color=GREY, fontsize=9,
        )  # fmt: skip
    games = dict.fromkeys(kept.game for kept in found)
    for number, game in enumerate(games):
        points = sorted(
            (sizes[kept.student], kept.retention) for kept in found if kept.game == game and kept.retention is not None
        )
        axes.plot(
            [size for size, _ in points], [value for _, value in points], label=game_title(game),
            color=COLOURS[number % len(COLOURS)], marker="o", markersize=4, linewidth=1, alpha=0.7, zorder=2,
        )  # fmt: skip
    # Over the same games at each size: medians of others would not make a line.
    by_size = {
        name: [kept.retention for kept in found if kept.student == name and kept.retention is not None]
        for name in sizes
    }
    middle = [(sizes[name], median(values)) for name, values in by_size.items() if len(values) == len(games)]
    axes.plot(
        [size for size, _ in middle], [value for _, value in middle], label=f"median of {len(games)} games",
        color="black", linewidth=3.5, marker="o", markersize=8, zorder=3,
    )  # fmt: skip
    axes.set_xscale("log")
    axes.set_xlim(min(sizes.values(), default=0.01) / NEAR, max(sizes.values(), default=0.01) * NEAR)
    axes.xaxis.set_major_locator(FixedLocator(list(sizes.values())))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticklabels([f"{name}\n{size:.2%}" for name, size in sizes.items()], fontsize=9)
    labels = axes.get_xticklabels()
    for (smaller, larger), left, right in zip(pairwise(sizes.values()), labels, labels[1:], strict=False):
        if larger < smaller * NEAR:
            left.set_horizontalalignment("right")
            right.set_horizontalalignment("left")
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_xlabel("student: parameters, as a share of the Nature DQN's (logarithmic)")
    axes.set_ylabel("retention of the best teacher")
    axes.set_ylim(bottom=0)
    axes.set_title("What int8 students keep of their teachers", fontweight="bold", loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="lower right", fontsize=9, ncols=2)


def _size(student: str, found: Sequence[Kept]) -> float:
    """A student's ratio as tables of the catalogue have it: the number of actions moves it by some thousandths."""
    design = load_catalogue().get(student)
    return design.ratio(USUAL_ACTIONS) if design else max(kept.ratio for kept in found if kept.student == student)


def _draw_bars(axes: Axes, bars: Sequence[Kept], student: str) -> None:
    """A pair of bars per game, the best at the top."""
    normalised = sorted(
        (human_normalised(kept.game, kept.score.mean), human_normalised(kept.game, kept.teacher.mean), kept.game)
        for kept in bars
    )
    places = range(len(normalised))
    for shift, values, colour, label in (
        (0.2, [teacher for _, teacher, _ in normalised], "0.7", "its teacher"),
        (-0.2, [own for own, _, _ in normalised], COLOURS[0], student),
    ):
        drawn = axes.barh([place + shift for place in places], values, height=0.38, color=colour, label=label)
        axes.bar_label(drawn, [f"{value:.2f}" for value in values], padding=3, fontsize=8)
    axes.axvline(1.0, color=GREY, linewidth=1.2)
    axes.annotate(
        "human", (1.0, 1.0), xycoords=("data", "axes fraction"), xytext=(3, -2), textcoords="offset points", va="top",
        color=GREY, fontsize=9,
    )  # fmt: skip
    axes.set_yticks(list(places), [game_title(game) for _, _, game in normalised])
    # One game in which students are far above a human would leave the others no room.
    axes.set_xscale("symlog", linthresh=1, linscale=LINEAR_DECADES)
    axes.set_xticks(TICKS, [f"{tick:g}" for tick in TICKS])
    axes.set_xticks([], minor=True)
    axes.set_xlim(right=ROOM * max([1.0, *(max(own, teacher) for own, teacher, _ in normalised)]))
    axes.set_xlabel("human-normalised score: 0 random, 1 human, then logarithmic")
    axes.set_title(f"{student} beside its teacher", fontweight="bold", loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    # The teacher's bar is the upper one.
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(handles, labels, frameon=False, loc="lower right")
