"""A comparison as a picture: retention over agent steps and over minutes of training."""

from collections.abc import Callable, Sequence
from math import ceil

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, PercentFormatter

from edgedistill.atari.games import game_title
from edgedistill.report.comparison import Comparison, MeanPoint, Summary
from edgedistill.report.drawing import COLOURS, GREY, plain

LINES = ("-", "--", ":", "-.")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
# As many of the legend's characters fit beside each other, wide ones and lines included.
LEGEND_CHARACTERS = 115


def plot(comparison: Comparison) -> Figure:
    """Two panels with a line per student and setting, its 95% interval as a band, and the best teacher at 100%."""
    summaries = comparison.over_games or comparison.by_game
    labels = [plain(_label(summary, summaries)) for summary in summaries]
    most_columns = max(1, min(4, LEGEND_CHARACTERS // (8 + max(map(len, labels)))))
    legend_rows = ceil(len(labels) / most_columns)
    figure = Figure(figsize=(11, 4.7 + 0.22 * legend_rows), layout="constrained")
    by_step, by_minute = figure.subplots(1, 2, sharey=True)
    _draw(by_step, summaries, lambda point: point.step, "agent steps (4 emulator frames each)")
    _draw(by_minute, summaries, lambda point: point.minutes, "minutes of training, evaluations left out")
    by_step.xaxis.set_major_formatter(EngFormatter(sep=""))
    by_step.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    by_step.set_ylabel("retention of the best teacher")
    figure.suptitle(_title(summaries), fontsize=13, fontweight="bold")
    figure.legend(
        by_step.get_lines()[1:], labels, loc="outside lower center", ncols=ceil(len(labels) / legend_rows),
        frameon=False, fontsize=10, handlelength=3,
    )  # fmt: skip
    return figure


def _draw(axes: Axes, summaries: Sequence[Summary], place: Callable[[MeanPoint], float], label: str) -> None:
    """One panel; `place` tells where on the horizontal axis a point lies."""
    axes.axhline(1.0, color=GREY, linewidth=1.2, zorder=1)
    axes.annotate(
        "best teacher", (0.01, 1.0), xycoords=("axes fraction", "data"), xytext=(0, 4), textcoords="offset points",
        color=GREY, fontsize=9,
    )  # fmt: skip
    for summary, (colour, line, marker) in zip(summaries, _looks(summaries), strict=True):
        known = [(place(point), point.retention) for point in summary.curve if point.retention is not None]
        places = [where for where, _ in known]
        axes.plot(
            places, [estimate.value for _, estimate in known], color=colour, linestyle=line, marker=marker,
            markersize=4.5, linewidth=1.8, zorder=3,
        )  # fmt: skip
        bands = [(where, *estimate.interval) for where, estimate in known if estimate.interval]
        if bands:
            wheres, lows, highs = zip(*bands, strict=True)
            axes.fill_between(wheres, lows, highs, color=colour, alpha=0.18, linewidth=0, zorder=2)
    axes.set_xlabel(label)
    axes.set_xlim(left=0)
    bottom, top = axes.get_ylim()
    axes.set_ylim(min(bottom, -0.05), max(top, 1.1))
    axes.grid(color="0.9", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _looks(summaries: Sequence[Summary]) -> list[tuple[str, str, str]]:
    """Colour, line and marker of each summary: students differ in colour, settings in line and marker.

    Of one student, settings differ in colour too: there is no other use for it.
    """
    students = list(dict.fromkeys(summary.student for summary in summaries))
    settings = list(dict.fromkeys(summary.setting for summary in summaries))
    looks = []
    for summary in summaries:
        setting = settings.index(summary.setting)
        colour = students.index(summary.student) if len(students) > 1 else setting
        looks.append((COLOURS[colour % len(COLOURS)], LINES[setting % len(LINES)], MARKERS[setting % len(MARKERS)]))
    return looks


def _label(summary: Summary, summaries: Sequence[Summary]) -> str:
    several_settings = len({each.setting for each in summaries}) > 1
    name = f"{summary.student}, {summary.setting}" if several_settings else summary.student
    if len(summary.games) > 1:
        return f"{name} ({len(summary.games)} games, {summary.runs} runs)"
    several_games = len({game for each in summaries for game in each.games}) > 1
    game = f"{summary.games[0]}, " if several_games else ""
    return f"{name} ({game}{summary.runs} seed{'' if summary.runs == 1 else 's'})"


def _title(summaries: Sequence[Summary]) -> str:
    games = list(dict.fromkeys(game for summary in summaries for game in summary.games))
    names = [game_title(game) for game in games]
    if len(games) == 1:
        return f"{names[0]}: how much of their best teacher students keep"
    listed = ", ".join(names) if len(names) <= 4 else f"{len(names)} games"
    return f"{listed}: interquartile mean"
