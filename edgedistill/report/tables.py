"""A comparison as tables for the terminal."""

from collections.abc import Hashable, Iterator, Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table

from edgedistill.report.comparison import REACHED, Comparison, Summary
from edgedistill.report.statistics import LAST_EVALUATIONS, Estimate

UNKNOWN = "–"


def tables(comparison: Comparison) -> Iterator[Table]:
    """Retention along training, one table per setting, then what it comes to."""
    several_settings = len(comparison.runs) > 1
    for summaries in _with_equal_steps(comparison.over_games or comparison.by_game):
        yield _curve_table(summaries, several_settings)
    yield _summary_table(comparison.by_game, several_settings)
    if comparison.over_games:
        yield _over_games_table(comparison.over_games, several_settings)


def notes(comparison: Comparison) -> Iterator[str]:
    """What a reader must know of the tables, a line each."""
    yield "retention: (student − random) / (best teacher of the run − random), on validation scores"
    yield "minutes: of training, without evaluations"
    yield "Max: student's best score / teacher's best score; left out where scores at or below 0 give no percentage"
    yield f"Mean: student's / teacher's score, mean over the last {LAST_EVALUATIONS} evaluations; left out likewise"
    if any(summary.runs == 1 for summary in comparison.by_game):
        yield "1 seed: no interval; what another seed would give is not known"
    if any(summary.runs > 1 for summary in comparison.by_game):
        yield "[ ] of a mean over seeds: 95% interval, by Student's t"
    estimates = [summary.final_retention for summary in comparison.over_games]
    for resampled in {estimate.resampled: None for estimate in estimates if estimate and estimate.resampled}:
        what = "the seeds within each game" if resampled == "seeds" else "the runs, whatever their game"
        yield f"[ ] of an interquartile mean: 95% bootstrap interval, resampling {what}"
    ends = {step for summary in comparison.by_game for step in summary.last_steps}
    if len(ends) > 1:
        yield f"final: the last evaluation of each run so far, at agent steps from {min(ends):,} to {max(ends):,}"
    if comparison.fields_of_games:
        yield f"from game to game the runs differ also in: {', '.join(comparison.fields_of_games)}"
    for path in comparison.hopeless_runs:
        yield f"{path}: no teacher of this run beats a random player, so it has no retention"


def _with_equal_steps(summaries: Sequence[Summary]) -> list[list[Summary]]:
    """Summaries by setting; over games, students of a setting may come from other runs, at other steps and minutes."""
    groups: dict[Hashable, list[Summary]] = {}
    for summary in summaries:
        places = tuple((point.step, point.minutes) for point in summary.curve)
        groups.setdefault((summary.setting, summary.games, places), []).append(summary)
    return list(groups.values())


def _curve_table(summaries: Sequence[Summary], several_settings: bool) -> Table:
    """Summaries with equal steps, a column per student."""
    first = summaries[0]
    setting = f"{first.setting}: " if several_settings else ""
    if len(first.games) > 1:
        average = f"interquartile mean over {len(first.games)} games, {_count(first.runs, 'run')}"
    else:
        average = f"{first.games[0]}, {_count(first.runs, 'seed')}"
    teacher = ["teacher's score"] if len(first.games) == 1 else []
    students = [summary.student for summary in summaries]
    table = _table(f"{setting}retention, {average}", (), ("agent steps", "frames", "minutes", *teacher, *students))
    for row in zip(*(summary.curve for summary in summaries), strict=True):
        step, teacher_score = row[0].step, row[0].teacher_score
        table.add_row(
            f"{step:,}",
            f"{4 * step:,}",
            f"{row[0].minutes:.1f}",
            *([] if teacher_score is None else [f"{teacher_score:.1f}"]),
            *(_percent(point.retention) for point in row),
        )
    return table


def _summary_table(summaries: Sequence[Summary], several_settings: bool) -> Table:
    several_games = len({summary.games for summary in summaries}) > 1
    table = _table(
        "Retention, and the Max and Mean of Sun & Fazli 2019",
        (*_if(several_settings, "setting"), *_if(several_games, "game"), "student"),
        ("seeds", "final", "best", f"{REACHED:.0%} at step", "minute", "Max", "Mean"),
    )
    for summary in summaries:
        table.add_row(
            *_if(several_settings, summary.setting),
            *_if(several_games, *summary.games),
            summary.student,
            str(summary.runs),
            _percent(summary.final_retention),
            _percent(summary.best_retention),
            *_reached(summary),
            _percent(summary.max_ratio, with_interval=False),
            _percent(summary.mean_ratio, with_interval=False),
        )
    return table


def _over_games_table(summaries: Sequence[Summary], several_settings: bool) -> Table:
    table = _table(
        "Over games: interquartile mean of retention",
        (*_if(several_settings, "setting"), "student"),
        ("games", "runs", "final", "best", f"{REACHED:.0%} at step", "minute"),
    )
    for summary in summaries:
        table.add_row(
            *_if(several_settings, summary.setting),
            summary.student,
            str(len(summary.games)),
            str(summary.runs),
            _percent(summary.final_retention),
            _percent(summary.best_retention),
            *_reached(summary),
        )
    return table


def _table(title: str, left: Sequence[str], right: Sequence[str]) -> Table:
    """An empty table with columns of text on the left and of figures on the right, for 80 characters a line."""
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for column in (*left, *right):
        # Folded, a figure is hard to read; cut, it is lost.
        table.add_column(column, justify="left" if column in left else "right", overflow="fold")
    return table


def _if(shown: bool, *cells: str) -> tuple[str, ...]:
    return cells if shown else ()


def _percent(estimate: Estimate | None, with_interval: bool = True) -> str:
    if estimate is None:
        return UNKNOWN
    text = f"{estimate.value:.1%}"
    if estimate.interval and with_interval:
        low, high = (100 * bound for bound in estimate.interval)
        text += f" [{low:.1f}, {high:.1f}]"
    return text


def _reached(summary: Summary) -> tuple[str, str]:
    """Step and minute at which the students first came near their teachers, and how many of them did."""
    if summary.reached is None:
        return ("never" if summary.final_retention else UNKNOWN), ""
    count = f" ({summary.reached.runs} of {summary.runs})" if summary.reached.runs < summary.runs else ""
    return f"{summary.reached.step:,.0f}{count}", f"{summary.reached.minutes:.1f}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
