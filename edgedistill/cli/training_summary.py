"""How a run ended: a table of its networks."""

from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.table import Table

from edgedistill.atari.games import action_count, retention
from edgedistill.catalogue import Architecture
from edgedistill.cli.output import print_table
from edgedistill.cli.training_course import Course
from edgedistill.runs.ensemble import architecture_of


def print_summary(course: Course, path: Path) -> None:
    """A line for the teacher and each student; nothing before the first evaluation."""
    best = course.best_teacher
    if best is None:
        return
    config = course.config
    actions = action_count(config.game)
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for name in ("", "score", "best", "retention", "parameters", "ratio"):
        table.add_column(name, justify="right" if name else "left", no_wrap=True)
    sizes = {entry.name: entry for entry in config.students}
    if not config.ensemble:
        sizes["teacher"] = architecture_of(config.teacher_network)
    for name, scores in course.scores.items():
        kept = None if name == "teacher" else retention(config.game, scores[-1], best)
        size = _size(sizes[name], actions) if name in sizes else ("", "")
        table.add_row(
            name, f"{scores[-1]:,.2f}", f"{max(scores):,.2f}", f"{kept:.1%}" if kept is not None else "", *size
        )
    frames = f"{course.step:,} steps ({4 * course.step:,} frames)"
    games = f"{config.evaluate_episodes} validation game{'s' * (config.evaluate_episodes > 1)}"
    print_table(f"{path}: {frames} in {course.minutes:.1f} min; scores over {games}", table)


def _size(architecture: Architecture, actions: int) -> tuple[str, str]:
    return f"{architecture.parameters(actions):,}", f"{architecture.ratio(actions):.2%}"
