"""A comparison as a picture: retention over agent steps and over minutes of training, and scores."""

from collections.abc import Callable, Sequence
from math import ceil

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, PercentFormatter

from edgedistill.atari.games import game_title
from edgedistill.report.comparison import Comparison, MeanPoint, Summary
from edgedistill.report.curves import Interval
from edgedistill.report.drawing import COLOURS, GREY, plain

LINES = ("-", "--", ":", "-.")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
# As many of the legend's characters fit beside each other below three panels, wide ones and lines included.
LEGEND_CHARACTERS = 170
STEPS = "agent steps (4 emulator frames each)"
# Of retention: so far a band is shown beyond the lines.
BAND_ROOM = 0.5

Place = Callable[[MeanPoint], float]
"""Where on the horizontal axis a point lies."""
Height = Callable[[MeanPoint], tuple[float, Interval | None] | None]
"""Its value with the interval around it, or None where it has none."""


def plot(comparison: Comparison) -> Figure:
    """Retention over agent steps and over minutes, and scores over agent steps where all are of one game.

    A line per student and setting, with a 95% interval as a band: for the seeds where there are several, else for the
    games that were played. The best teacher is at 100%.
    """
    summaries = comparison.over_games or comparison.by_game
    one_game = len({game for summary in summaries for game in summary.games}) == 1
    labels = [plain(_label(summary, summaries)) for summary in summaries]
    legend_characters = LEGEND_CHARACTERS * (3 if one_game else 2) // 3
    most_columns = max(1, min(6 if one_game else 4, legend_characters // (8 + max(map(len, labels)))))
    legend_rows = ceil(len(labels) / most_columns)
    panels = 3 if one_game else 2
    figure = Figure(figsize=(5.5 * panels, 4.7 + 0.22 * legend_rows), layout="constrained")
    by_step = figure.add_subplot(1, panels, 1)
    by_minute = figure.add_subplot(1, panels, 2, sharey=by_step)
    by_minute.tick_params(labelleft=False)
    _draw(by_step, summaries, lambda point: point.step, _retention, STEPS)
    _draw(by_minute, summaries, lambda point: point.minutes, _retention, "minutes of training, without evaluations")
    for axes in (by_step, by_minute):
        _mark_teacher(axes)
    by_step.set_ylabel("retention of the best teacher")
    by_step.xaxis.set_major_formatter(EngFormatter(sep=""))
    if one_game:
        _draw_scores(figure.add_subplot(1, panels, 3), summaries)
    figure.suptitle(_title(summaries), fontsize=13, fontweight="bold")
    figure.legend(
        by_step.get_lines()[: len(labels)], labels, loc="outside lower center", ncols=ceil(len(labels) / legend_rows),
        frameon=False, fontsize=10, handlelength=3,
    )  # fmt: skip
    return figure


def _retention(point: MeanPoint) -> tuple[float, Interval | None] | None:
    kept = point.retention
    return None if kept is None else (kept.value, kept.interval or point.games_interval)


def _mark_teacher(axes: Axes) -> None:
    """The best teacher's level; room for it in any case."""
    axes.axhline(1.0, color=GREY, linewidth=1.2, zorder=1)
    axes.annotate(
        "best teacher", (0.01, 1.0), xycoords=("axes fraction", "data"), xytext=(0, 4), textcoords="offset points",
        color=GREY, fontsize=9,
    )  # fmt: skip
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    bottom, top = axes.get_ylim()
    # The interval of two seeds reaches far: it leaves the picture before the lines lose their room.
    heights = np.concatenate([np.asarray(line.get_ydata(), float) for line in axes.get_lines()])
    bottom, top = max(bottom, heights.min() - BAND_ROOM), min(top, heights.max() + BAND_ROOM)
    axes.set_ylim(min(bottom, -0.05), max(top, 1.1))


def _draw_scores(axes: Axes, summaries: Sequence[Summary]) -> None:
    """Mean returns of students, and of their teachers in grey."""

    def score(point: MeanPoint) -> tuple[float, Interval | None] | None:
        return None if point.score is None else (point.score, point.score_interval)

    def teacher(point: MeanPoint) -> tuple[float, Interval | None] | None:
        return None if point.teacher_score is None else (point.teacher_score, point.teacher_interval)

    _draw(axes, summaries, lambda point: point.step, score, STEPS)
    # Students of a setting share their teachers.
    first = {
        summary.setting: (summary, look) for summary, look in zip(summaries[::-1], _looks(summaries)[::-1], strict=True)
    }
    for summary, (_, line, _) in first.values():
        _draw_line(axes, summary, lambda point: point.step, teacher, (GREY, line, ""))
    axes.set_ylabel("score (teachers in grey)")
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))


def _draw(axes: Axes, summaries: Sequence[Summary], place: Place, height: Height, label: str) -> None:
    """One panel."""
    for summary, look in zip(summaries, _looks(summaries), strict=True):
        _draw_line(axes, summary, place, height, look)
    axes.set_xlabel(label)
    axes.set_xlim(left=0)
    axes.grid(color="0.9", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_line(axes: Axes, summary: Summary, place: Place, height: Height, look: tuple[str, str, str]) -> None:
    """One line with its band; `look` is colour, line and marker."""
    colour, line, marker = look
    known = [(place(point), *found) for point in summary.curve if (found := height(point)) is not None]
    axes.plot(
        [where for where, _, _ in known], [value for _, value, _ in known], color=colour, linestyle=line,
        marker=marker, markersize=4.5, linewidth=1.8, zorder=3,
    )  # fmt: skip
    bands = [(where, *interval) for where, _, interval in known if interval]
    if bands:
        wheres, lows, highs = zip(*bands, strict=True)
        axes.fill_between(wheres, lows, highs, color=colour, alpha=0.18, linewidth=0, zorder=2)


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
