"""`edgedistill train`: a teacher and its students in one run."""

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.text import Text

from edgedistill.atari.games import action_count, find_game
from edgedistill.catalogue import SMALL_STUDENTS, Architecture, find_architecture, pick_by_ratio
from edgedistill.cli import train_options as options
from edgedistill.cli.output import console, notes, print_json, print_next
from edgedistill.errors import BadRequest, no_run, typed
from edgedistill.runs.config import TrainConfig
from edgedistill.runs.config_file import resumed_config
from edgedistill.signals import stop_signals

if TYPE_CHECKING:
    from edgedistill.runs.folder import RunFolder

# Where no student is named, the product's promise is trained.
DEFAULT_RATIO = 0.017
DEFAULT_GAME = "pong"


@options.with_settings
def train(
    game: options.Game = None,
    out: options.Out = None,
    resume: options.Resume = None,
    teacher_from: options.TeacherFrom = None,
    ratio: options.Ratio = None,
    student: options.Student = None,
    teacher_only: options.TeacherOnly = False,
    keep: options.Keep = None,
    profiled: options.Profiled = False,
    as_json: options.AsJson = False,
    **settings: object,
) -> None:
    """Train a teacher and, in the same loop, distil it into students (Sun & Fazli 2019).

    With --teacher-from, students learn beside a frozen teacher; with --mode offline as well, by the protocol of Rusu et
    al. 2015. Ctrl-C, SIGTERM and a terminal that closes stop the run with a checkpoint, and exit code 130, 143 and 129;
    --resume goes on.
    """
    if keep is not None:
        _check_keep(keep, teacher_only)
    if resume:
        if ratio or student or teacher_only or out or teacher_from or game:
            raise BadRequest("--resume keeps the run's game, teacher, students and folder: leave these options out.")
        _check_there(resume)
    # Of a new run; one that goes on has its own.
    rom = find_game(game or DEFAULT_GAME)
    names = list(SMALL_STUDENTS) if keep is not None and not (ratio or student) else student or []
    students = _students(rom, ratio or [], names, teacher_only)
    # Only now: these bring torch, which takes two seconds to load.
    from edgedistill.cli.profile_view import profile_summary, show_profile
    from edgedistill.cli.training_summary import print_summary
    from edgedistill.cli.training_view import TrainingView
    from edgedistill.distill.training import train as run_training
    from edgedistill.profiler import Profile
    from edgedistill.report.smallest import retention_by_size, smallest_that_keeps, verdict

    given: dict[str, Any] = {
        name: tuple(v) if isinstance(v, list) else v for name, v in settings.items() if v is not None and v != []
    }
    if resume:
        run, config = _go_on(resume, given)
        if keep is not None and not config.students:
            raise BadRequest(f"--keep needs students, and {run.path} has none: leave it out.")
        wanted = [entry.name for entry in config.students]
    else:
        run, config = _begin(rom, students, out, teacher_from or [], given)
        if not as_json:
            _introduce(students, rom)
        # Whose export comes next: those that --ratio asked for, or else all.
        wanted = [entry.name for entry in students if entry.name not in names] or [entry.name for entry in students]

    profile = Profile() if profiled else None
    with TrainingView(config, run.path, quiet=as_json) as view, stop_signals(view.acknowledge_stop) as stop:
        for event in run_training(
            run, config, resume=resume is not None, should_stop=stop.is_set, warn=view.warn, profile=profile
        ):
            view.show(event)
    last = view.course.evaluated
    kept = retention_by_size(config, last.scores, last.best_teacher) if last and keep is not None else []
    smallest = smallest_that_keeps(kept, keep) if keep is not None else None
    if as_json:
        answer = {} if keep is None else {"smallest_kept": asdict(smallest) if smallest else None}
        timing = {"profile": profile_summary(profile, view.steps_done)} if profile else {}
        print_json(view.summary() | answer | timing)
        raise typer.Exit(stop.exit_code)
    print_summary(view.course, run.path)
    if profile:
        show_profile(profile, view.steps_done)
    again = f"edgedistill train --resume {typed(run.path)}" + (f" --keep {keep:g}" if keep is not None else "")
    if stop.is_set():
        console.print("Stopped; the work so far is in the last checkpoint.")
        print_next(again)
        raise typer.Exit(stop.exit_code)
    if view.course.step < config.steps:
        console.print(
            f"The minutes were over before the {config.steps:,} steps by which learning rates fall and integers begin. "
            "--resume goes on; fewer --steps come to that end sooner.",
            soft_wrap=True,
        )
    if keep is not None:
        console.print(verdict(kept, keep, config.evaluate_episodes), soft_wrap=True)
        by_minutes = config.minutes and view.course.step < config.steps
        longer = f"--minutes {config.minutes:g}" if by_minutes else f"--steps {2 * config.steps}"
        print_next(_export(run.path, config, smallest.student) if smallest else f"{again} {longer}")
    else:
        print_next(*(_export(run.path, config, name) for name in wanted), f"edgedistill evaluate {typed(run.path)}")


def _check_keep(keep: float, teacher_only: bool) -> None:
    if not 0 < keep <= 1:
        raise BadRequest(f"--keep must be above 0 and at most 1 (0.95 is 95%), got {keep}.")
    if teacher_only:
        raise BadRequest("--keep does not go with --teacher-only: it needs students. Leave one of them out.")


def _check_there(run: Path) -> None:
    from edgedistill.runtime.shipped import is_run

    if not is_run(str(run)):
        raise no_run(run)


def _go_on(path: Path, given: dict[str, Any]) -> tuple["RunFolder", TrainConfig]:
    """A run that is there, with what may change of its settings changed."""
    from edgedistill.distill.machine import check_machine
    from edgedistill.runs.folder import RunFolder

    run = RunFolder.open(path)
    config = resumed_config(run.config(), given)
    check_machine(config, action_count(config.game), resumes=True)
    return run, config


def _begin(
    rom: str, students: list[Architecture], out: Path | None, teacher_from: list[str], given: dict[str, Any]
) -> tuple["RunFolder", TrainConfig]:
    """A new run, after a word on a teacher that has to be fetched."""
    from edgedistill.distill.starting import new_run
    from edgedistill.runtime.hub.name import is_hub_name

    for source in teacher_from:
        if is_hub_name(source):
            notes.print(f"taking the teacher from {source}", soft_wrap=True)
    teacher, mode = (str(given.pop(name, getattr(TrainConfig, name))) for name in ("teacher", "mode"))
    path = out or Path("runs") / f"{rom}-{datetime.now():%Y%m%d-%H%M%S}"
    return new_run(path, rom, tuple(students), teacher, mode, teacher_from, given, warn=_note)


def _note(message: str) -> None:
    notes.print(message, soft_wrap=True)


def _introduce(students: list[Architecture], rom: str) -> None:
    """A word on each student: a ratio does not tell which it picks."""
    for entry in students:
        share = f"{entry.ratio(action_count(rom)):.2%} of the Nature DQN ({entry.summary})"
        notes.print(Text.assemble("student ", (entry.name, "bold"), f": {share}"))


def _export(run: Path, config: TrainConfig, student: str) -> str:
    return f"edgedistill export {typed(run)} --student {student} -o {config.game}-{student}.onnx"


def _students(game: str, ratios: list[float], names: list[str], teacher_only: bool) -> list[Architecture]:
    """The students asked for, each once."""
    if teacher_only and (ratios or names):
        raise BadRequest("--teacher-only trains no students; leave --ratio and --student out.")
    if not ratios and not names and not teacher_only:
        ratios = [DEFAULT_RATIO]
    by_ratio = [pick_by_ratio(ratio, action_count(game)) for ratio in ratios]
    return list(dict.fromkeys([find_architecture(name) for name in names] + by_ratio))
