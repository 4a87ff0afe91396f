"""`edgedistill train`: a teacher and its students in one run."""

from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgedistill.atari.emulator import Emulator
from edgedistill.atari.games import find_game
from edgedistill.catalogue import Architecture, find_architecture, pick_by_ratio
from edgedistill.cli import train_options as options
from edgedistill.cli.output import console, notes, print_json, print_next
from edgedistill.errors import BadRequest
from edgedistill.signals import stop_signals

if TYPE_CHECKING:  # it brings torch, which start-up does without
    from edgedistill.runs.config import TrainConfig

# Where no student is named, the product's promise is trained.
DEFAULT_RATIO = 0.017
# What --keep chooses among: the paper's smallest and ours below it, 1.83% to 0.44%. net1 to net4 (25% to 4%) are left
# out: each further student slows the run, and who asks for the smallest that keeps 95% hardly wants one of 4%.
KEEP_STUDENTS = ("net5", "micro", "nano", "pico")
# With --minutes alone, time ends the run.
NO_LIMIT = 10**15


def train(
    game: options.Game = "pong",
    mode: options.Mode = "realtime",
    steps: options.Steps = None,
    minutes: options.Minutes = None,
    seed: options.Seed = 0,
    sticky: options.Sticky = 0.0,
    out: options.Out = None,
    resume: options.Resume = None,
    teacher: options.Teacher = "pqn",
    teacher_from: options.TeacherFrom = None,
    envs: options.Envs = None,
    epochs: options.Epochs = None,
    minibatch: options.Minibatch = None,
    learning_rate: options.LearningRate = None,
    teacher_cooldown: options.TeacherCooldown = None,
    epsilon_decay_steps: options.EpsilonDecaySteps = None,
    epsilon_floors: options.EpsilonFloors = None,
    target_update: options.TargetUpdate = None,
    ratio: options.Ratio = None,
    student: options.Student = None,
    teacher_only: options.TeacherOnly = False,
    keep: options.Keep = None,
    loss: options.Loss = None,
    temperature: options.Temperature = None,
    temperature_kind: options.TemperatureKind = None,
    memory_frames: options.MemoryFrames = None,
    learning_starts: options.LearningStarts = None,
    student_batch: options.StudentBatch = None,
    student_batches: options.StudentBatches = None,
    frozen_batches: options.FrozenBatches = None,
    student_learning_rate: options.StudentLearningRate = None,
    student_cooldown: options.StudentCooldown = None,
    student_driven: options.StudentDriven = None,
    recycle_every: options.RecycleEvery = None,
    evaluate_every: options.EvaluateEvery = None,
    evaluate_episodes: options.EvaluateEpisodes = None,
    checkpoint_every: options.CheckpointEvery = None,
    threads: options.Threads = 0,
    device: options.Device = "auto",
    precision: options.Precision = "auto",
    profiled: options.Profiled = False,
    as_json: options.AsJson = False,
) -> None:
    """Train a teacher and, in the same loop, distil it into students (Sun & Fazli 2019).

    With --teacher-from, students learn beside a frozen teacher; with --mode offline as well, by the protocol of Rusu et
    al. 2015. Ctrl-C and SIGTERM stop the run with a checkpoint; --resume goes on.
    """
    from edgedistill.cli.profile_view import profile_summary, show_profile
    from edgedistill.cli.training_view import TrainingView
    from edgedistill.distill.starting import new_run
    from edgedistill.distill.training import train as run_training
    from edgedistill.phases import Profile
    from edgedistill.report.keep import kept_by_size, smallest_that_keeps, verdict
    from edgedistill.runs.folder import RunFolder

    if keep is not None and (not 0 < keep <= 1 or teacher_only):
        raise BadRequest(f"--keep must be above 0 and at most 1 (0.95 is 95%), and it needs students; got {keep}.")
    if resume:
        if ratio or student or teacher_only or out or teacher_from:
            raise BadRequest(
                "--resume keeps the run's teacher, students and folder; only --steps and --minutes may change."
            )
        run = RunFolder.open(resume)
        config = run.config()
        config = replace(config, steps=steps or config.steps, minutes=minutes)
        run.save_config(config)
    else:
        rom = find_game(game)
        given: dict[str, Any] = {
            "steps": steps or (NO_LIMIT if minutes else None), "minutes": minutes, "seed": seed, "sticky": sticky,
            "envs": envs, "epochs": epochs, "minibatch": minibatch,
            "learning_rate": learning_rate, "teacher_cooldown": teacher_cooldown,
            "epsilon_decay_steps": epsilon_decay_steps, "target_update": target_update, "loss": loss,
            "epsilon_floors": tuple(epsilon_floors) if epsilon_floors else None,
            "temperature": temperature, "temperature_kind": temperature_kind, "memory_frames": memory_frames,
            "learning_starts": learning_starts, "student_batch": student_batch, "student_batches": student_batches,
            "frozen_batches": frozen_batches,
            "student_learning_rate": student_learning_rate, "student_cooldown": student_cooldown,
            "student_driven": student_driven, "recycle_every": recycle_every, "evaluate_every": evaluate_every,
            "evaluate_episodes": evaluate_episodes, "checkpoint_every": checkpoint_every, "threads": threads,
            "device": device, "precision": precision,
        }  # fmt: skip
        given = {name: value for name, value in given.items() if value is not None}
        names = list(KEEP_STUDENTS) if keep is not None and not (ratio or student) else student or []
        students = _students(rom, ratio or [], names, teacher_only)
        for entry, share in students:
            notes.print(f"student [bold]{entry.name}[/]: {share:.2%} of the Nature DQN ({entry.summary})")
        architectures = tuple(entry for entry, _ in students)
        path = out or Path("runs") / f"{rom}-{datetime.now():%Y%m%d-%H%M%S}"
        run, config = new_run(path, rom, architectures, teacher, mode, teacher_from, given)

    profile = Profile() if profiled else None
    with stop_signals() as stop, TrainingView(config, run.path, quiet=as_json) as view:
        for event in run_training(
            run, config, resume=resume is not None, should_stop=stop.is_set, warn=view.warn, profile=profile
        ):
            view.show(event)
    again = f"edgedistill train --resume {run.path}" + (f" --keep {keep:g}" if keep is not None else "")
    last = view.evaluated
    kept = kept_by_size(config, last.scores, last.best_teacher) if last and keep is not None else []
    smallest = smallest_that_keeps(kept, keep) if keep is not None else None
    if as_json:
        answer = {} if keep is None else {"smallest_kept": asdict(smallest) if smallest else None}
        timing = {"profile": profile_summary(profile, view.steps_done)} if profile else {}
        print_json(view.summary() | answer | timing)
        return
    if profile:
        show_profile(profile, view.steps_done)
    if stop.is_set():
        console.print("Stopped; the work so far is in the last checkpoint.")
        print_next(again)
    elif keep is not None:
        console.print(verdict(kept, keep, config.evaluate_episodes), soft_wrap=True)
        longer = f"--minutes {config.minutes:g}" if config.minutes else f"--steps {2 * config.steps}"
        print_next(_export(run.path, config, smallest.student) if smallest else f"{again} {longer}")
    else:
        names = [entry.name for entry in config.students]
        print_next(*(_export(run.path, config, name) for name in names[-1:]), f"edgedistill evaluate {run.path}")


def _export(run: Path, config: "TrainConfig", student: str) -> str:
    return f"edgedistill export {run} --student {student} -o {config.game}-{student}.onnx"


def _students(game: str, ratios: list[float], names: list[str], teacher_only: bool) -> list[tuple[Architecture, float]]:
    """The students asked for, each once, with their true ratios at the game's action count."""
    if teacher_only and (ratios or names):
        raise BadRequest("--teacher-only trains no students; leave --ratio and --student out.")
    if not ratios and not names and not teacher_only:
        ratios = [DEFAULT_RATIO]
    actions = len(Emulator(game).actions)
    picked = [find_architecture(name) for name in names] + [pick_by_ratio(ratio, actions) for ratio in ratios]
    return [(entry, entry.ratio(actions)) for entry in dict.fromkeys(picked)]
