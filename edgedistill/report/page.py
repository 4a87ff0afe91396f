"""A run, or several beside each other, as one HTML file that needs no network and no script."""

import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from markupsafe import Markup
from rich.table import Table as RichTable

from edgedistill.atari.games import game_title
from edgedistill.errors import EdgeDistillError
from edgedistill.report.comparison import compare_runs
from edgedistill.report.configuration import (
    SettingLine,
    go_on_commands,
    next_commands,
    setting_lines,
    train_command,
)
from edgedistill.report.curves import EvaluatedRun
from edgedistill.report.drawing import COLOURS, GREY, Line, chart, thinned, to_svg
from edgedistill.report.final_scores import FinalScore, exported_students, final_scores
from edgedistill.report.learning import read_learning
from edgedistill.report.plot import plot
from edgedistill.report.tables import UNKNOWN, notes, tables
from edgedistill.report.templates import render
from edgedistill.report.watching import Watched, watch
from edgedistill.runs.config import TrainConfig
from edgedistill.runs.folder import RunFolder

Tell = Callable[[str], None]
MOST_BYTES = 5_000_000
# Of an animated picture, and of all of them: in base64 a third more, so that few pages pass that bound.
MOST_CLIP_BYTES, MOST_CLIPS_BYTES = 150_000, 2_400_000
# What a run's figures may depend on.
PACKAGES = ("edgedistill", "torch", "numpy", "onnxruntime", "ale-py", "gymnasium")


@dataclass(frozen=True)
class TextTable:
    """A table of text; the first column holds names."""

    title: str
    header: list[str]
    rows: list[list[str]]


@dataclass(frozen=True)
class RunSection:
    """What the page says of one run."""

    path: str
    title: str
    summary: str
    scores: TextTable
    players: list[Watched]
    """At play; empty where they do not"""
    unwatched: str
    """Why they do not"""
    values: str
    """What the numbers at their bars are"""
    charts: list[Markup]
    settings: list[SettingLine]
    commands: list[str]


def page(
    paths: Sequence[Path],
    *,
    games: bool = True,
    warn: Tell = lambda message: None,
    report: Tell = lambda stage: None,
) -> bytes:
    """The page of these runs, finished or in progress.

    Args:
        paths: folders of runs; their games may differ.
        games: whether teachers and students play for it, some seconds each. A page that would be larger than 5 MB with
            their pictures has none.
        warn: hears of damaged lines and files, and of pictures that are left out.
        report: told each stage as it begins.

    Raises:
        BadRequest: a run cannot be read or has no evaluation yet, or runs do not compare (`compare_runs`).
    """
    # Of what is wrong with a run, its first reader tells.
    roms = {RunFolder.open(path).config().game for path in paths}
    comparison = compare_runs(paths, over_games=len(roms) > 1, warn=warn)
    runs = [run for group in comparison.runs.values() for run in group]
    runs.sort(key=lambda run: list(paths).index(run.path))
    players = sum(1 + len(run.curves) for run in runs)
    most_bytes = min(MOST_CLIP_BYTES, MOST_CLIPS_BYTES // players) if games else 0
    content = render(
        "page.html.jinja",
        title=", ".join(dict.fromkeys(game_title(run.config.game) for run in runs)),
        sections=[_section(run, most_bytes, warn, report) for run in runs],
        tables=[_text_table(table) for table in tables(comparison)],
        notes=list(notes(comparison)),
        comparison=Markup(to_svg(plot(comparison))),
        versions=_versions(),
        written=f"{datetime.now():%Y-%m-%d %H:%M}",
    )
    if games and len(content) > MOST_BYTES:
        warn(f"With games the page would take {len(content) / 1e6:.1f} MB: they are left out. Name fewer runs.")
        return page(paths, games=False)
    return content


def _section(run: EvaluatedRun, most_clip_bytes: int, warn: Tell, report: Tell) -> RunSection:
    config = run.config
    players, unwatched = _players(run, most_clip_bytes, warn, report)
    last = run.curves[0].final
    done = "finished" if last.step >= config.steps else "in progress or stopped"
    steps = f"{last.step:,} agent steps ({4 * last.step:,} frames), {last.minutes:.0f} minutes of training"
    teacher = f"frozen, from {config.teacher_from}" if config.frozen else f"{config.teacher}, {config.teacher_network}"
    return RunSection(
        path=str(run.path),
        title=f"{game_title(config.game)}: {', '.join(curve.student for curve in run.curves)}",
        summary=f"{done} · {steps} · teacher: {teacher} · seed {config.seed}",
        scores=_score_table(final_scores(run, exported_students(run), warn)),
        players=players,
        unwatched=unwatched,
        values=_values(config),
        charts=_charts(run),
        settings=setting_lines(config),
        commands=[train_command(config), *go_on_commands(run.path, config), *next_commands(run.path, config)],
    )


def _players(run: EvaluatedRun, most_clip_bytes: int, warn: Tell, report: Tell) -> tuple[list[Watched], str]:
    """The run's players at play, or why they are not shown."""
    if not most_clip_bytes:
        return [], "Left out."
    try:
        return watch(RunFolder.open(run.path), most_clip_bytes, warn, report), ""
    except EdgeDistillError as error:
        return [], str(error)


def _values(config: TrainConfig) -> str:
    returns, logits = "discounted returns of clipped rewards", "logits"
    teacher = returns if config.teacher_emits_q else logits
    student = returns if config.objective.emits_q else logits
    if teacher == student == returns:
        return f"All are {returns}."
    return f"A teacher's are {teacher}, a student's are {student}: their shapes compare, not their numbers."


def _charts(run: EvaluatedRun) -> list[Markup]:
    """Scores, retention, losses and speed over agent steps; those that have a point."""
    first = run.curves[0]
    colours = {curve.student: COLOURS[number % len(COLOURS)] for number, curve in enumerate(run.curves)}
    places = [point.step for point in first.points]
    taught = [(point.step, *point.teacher_interval) for point in first.points if point.teacher_interval]
    scores = [Line("teacher", places, [point.teacher_score for point in first.points], GREY, taught)]
    scores += [
        Line(
            curve.student, places, [point.score for point in curve.points], colours[curve.student],
            [(point.step, *point.score_interval) for point in curve.points if point.score_interval],
        )
        for curve in run.curves
    ]  # fmt: skip
    kept = []
    for curve in run.curves:
        known = [(point.step, point.retention) for point in curve.points if point.retention is not None]
        bands = [(point.step, *point.retention_interval) for point in curve.points if point.retention_interval]
        kept.append(Line(curve.student, [s for s, _ in known], [r for _, r in known], colours[curve.student], bands))
    learning = read_learning(RunFolder.open(run.path), [curve.student for curve in run.curves])
    losses = [Line(name, *thinned(*series), colours[name]) for name, series in learning.student_loss.items()]
    drawn = [
        chart("Score, validation games", scores),
        chart("Retention of the best teacher", kept, percent=True),
        chart("Students' loss", losses, logarithmic=True),
        chart("Teacher's loss", [Line("teacher", *thinned(*learning.teacher_loss), GREY)], logarithmic=True),
        chart("Agent steps per second", [Line("training", *thinned(*learning.speed), COLOURS[0])]),
    ]
    return [Markup(svg) for svg in drawn if svg]


def _score_table(rows: Sequence[FinalScore]) -> TextTable:
    header = ["player", "parameters", "share", "MACs", "file", "score", "games", "human-norm.", "retention"]
    header += ["as trained", "from"]
    return TextTable("Scores at the end", header, [_score_row(row) for row in rows])


def _score_row(row: FinalScore) -> list[str]:
    played, size = row.played, row.size
    interval = f" [{played.interval[0]:,.1f}, {played.interval[1]:,.1f}]" if played.interval else ""
    kept = UNKNOWN if row.retention is None else f"{row.retention:.1%}"
    if row.retention_interval:
        kept += f" [{100 * row.retention_interval[0]:.0f}, {100 * row.retention_interval[1]:.0f}]"
    return [
        row.player,
        f"{size.parameters:,}",
        f"{size.ratio:.2%}",
        f"{size.macs:,}",
        UNKNOWN if row.bytes is None else f"{row.bytes / 1000:.1f} KB",
        f"{played.mean:,.1f}{interval}",
        f"{played.games}, ε {played.epsilon:g}",
        f"{row.human_normalised:.2f}",
        kept,
        UNKNOWN if row.agreement is None else f"{row.agreement:.1%}",
        played.source,
    ]


def _text_table(table: RichTable) -> TextTable:
    """A terminal's table; its cells are plain text."""
    rows = zip(*(map(str, column.cells) for column in table.columns), strict=True)
    return TextTable(str(table.title), [str(column.header) for column in table.columns], [list(row) for row in rows])


def _versions() -> list[tuple[str, str]]:
    machine = f"{platform.system()} {platform.machine()}"
    return [("machine", machine), ("Python", platform.python_version())] + [(name, version(name)) for name in PACKAGES]
