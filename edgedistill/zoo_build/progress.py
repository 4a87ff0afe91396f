"""How far a folder of trained games is, read from the folder."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from edgedistill.report.clock import duration
from edgedistill.runs.config import TrainConfig
from edgedistill.runs.schedule import steps_to_go, teacher_end, teacher_learns
from edgedistill.zoo_build.layout import GameFolder, TrainingState
from edgedistill.zoo_build.plan import Plan


@dataclass(frozen=True)
class GameProgress:
    """One game's line."""

    game: str
    state: str
    """waiting, starting, training, `exporting 2 of 5`, done, stopped, or failed"""
    step: int
    """Agent steps"""
    steps: int
    """Of the whole run"""
    minutes: float
    """Of training, evaluations included"""
    minutes_left: float | None
    """Until its training ends, at the pace of late; None where nobody trains it now, and before the pace is known"""
    scores: tuple[tuple[str, float], ...]
    """Mean return of the teacher and each student at the last evaluation, on the validation seeds"""


def read_progress(
    folder: Path, plan: Plan, running: Collection[str] = (), failed: Mapping[str, str] | None = None
) -> list[GameProgress]:
    """One line per game, in the plan's order.

    Args:
        running: games that somebody works at now.
        failed: games that nobody works at any more, with the reason.
    """
    lines = []
    for game in plan.games:
        place = GameFolder(folder, game)
        training = place.training()
        state = _state(place, plan, game in running, game in (failed or {}))
        config = replace(plan.run_config(game), steps=place.steps(plan))
        left = _minutes_left(training, config) if state == "training" else None
        lines.append(
            GameProgress(game, state, training.step, config.steps, training.seconds / 60, left, training.scores)
        )
    return lines


def _minutes_left(training: TrainingState, config: TrainConfig) -> float | None:
    # Students that finish have a pace of their own.
    since = 0 if teacher_learns(config, training.step) else teacher_end(config)
    pace = training.recent.seconds_a_step(since)
    return None if pace is None else steps_to_go(config, training.step) * pace / 60


def _state(place: GameFolder, plan: Plan, running: bool, failed: bool) -> str:
    if failed:
        return "failed"
    if place.is_finished(plan):
        return "done"
    begun = place.training().step > 0
    if not running:
        return "stopped" if begun else "waiting"
    if place.is_trained(plan):
        return f"exporting {len(place.exported(plan))} of {len(plan.students)}"
    return "training" if begun else "starting"


def steps_text(line: GameProgress) -> str:
    return f"{line.step:,} of {line.steps:,}"


def left_text(line: GameProgress) -> str:
    """As people say it; nothing where it is not known."""
    return "" if line.minutes_left is None else duration(line.minutes_left)


def scores_text(line: GameProgress) -> str:
    return "  ".join(f"{name} {score:g}" for name, score in line.scores)


def to_markdown(lines: list[GameProgress], failed: Mapping[str, str]) -> str:
    """`progress.md`."""
    rows = [
        f"| {line.game} | {line.state} | {steps_text(line)} | {line.minutes:.1f} | {left_text(line)} "
        f"| {scores_text(line)} |"
        for line in lines
    ]
    done = sum(line.state == "done" for line in lines)
    problems = [f"- {game}: {reason}" for game, reason in failed.items()]
    return "\n".join(
        [
            f"# {done} of {len(lines)} games done",
            "",
            "| game | state | agent steps | minutes | left | last scores, validation seeds |",
            "| --- | --- | ---: | ---: | ---: | --- |",
            *rows,
            "",
            *problems,
        ]
    )
