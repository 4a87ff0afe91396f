"""`edgedistill train`: a teacher and its students in one run."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer

from edgedistill.atari.emulator import Emulator
from edgedistill.atari.games import find_game
from edgedistill.catalogue import Architecture, find_architecture, pick_by_ratio
from edgedistill.cli.output import console, notes, print_json, print_next
from edgedistill.errors import BadRequest

# Where no student is named, the product's promise is trained.
DEFAULT_RATIO = 0.017
# With --minutes alone, time ends the run.
NO_LIMIT = 10**15


TEACHER, STUDENTS, RUN = "Teacher", "Students", "Run"


def train(
    game: Annotated[str, typer.Option(help="Atari game: pong, MsPacman, ALE/Breakout-v5, …")] = "pong",
    mode: Annotated[
        str,
        typer.Option(
            help="realtime, or offline: Rusu et al. 2015, where a finished teacher plays and students copy it."
        ),
    ] = "realtime",
    steps: Annotated[
        int | None,
        typer.Option(min=1, help="Agent steps, 4 frames each. Default: 2,000,000, or no limit with --minutes."),
    ] = None,
    minutes: Annotated[float | None, typer.Option(help="Stop after so many minutes.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="All randomness derives from it.")] = 0,
    sticky: Annotated[float, typer.Option(help="Sticky actions; 0.25 is Machado et al. 2018.")] = 0.0,
    out: Annotated[Path | None, typer.Option(help="Folder of the run. Default: runs/GAME-DATE-TIME.")] = None,
    resume: Annotated[
        Path | None, typer.Option(help="Go on with this run; only --steps and --minutes may change.")
    ] = None,
    teacher: Annotated[
        str, typer.Option(help="pqn (Gallici et al. 2024) or dqn (Mnih et al. 2015).", rich_help_panel=TEACHER)
    ] = "pqn",
    teacher_from: Annotated[
        str | None,
        typer.Option(
            metavar="RUN|sb3:FILE",
            help="A frozen teacher: the best of a run, or a stable-baselines3 DQN or PPO with the Nature CNN.",
            rich_help_panel=TEACHER,
        ),
    ] = None,
    envs: Annotated[
        int | None, typer.Option(help="Parallel games. Default: 32; 16 with dqn.", rich_help_panel=TEACHER)
    ] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Default: 2.5e-4.", rich_help_panel=TEACHER)] = None,
    teacher_cooldown: Annotated[
        float | None,
        typer.Option(
            help="Share of the steps over which its rate falls to 0, before students finish. Default: 0.5; 0 with dqn.",
            rich_help_panel=TEACHER,
        ),
    ] = None,
    epsilon_decay_steps: Annotated[
        int | None,
        typer.Option(
            help="Agent steps over which exploration falls. Default: 300,000; 250,000 with dqn.",
            rich_help_panel=TEACHER,
        ),
    ] = None,
    epsilon_floors: Annotated[
        list[float] | None,
        typer.Option(
            "--epsilon-floor",
            help="Final ε. Repeated, it is dealt out over the games. Default: 0.01 0.01 0.05 0.15; 0.1 with dqn.",
            rich_help_panel=TEACHER,
        ),
    ] = None,
    target_update: Annotated[
        int | None,
        typer.Option(
            help="Updates between copies to a target network (dqn; students with a Q-loss). Default: 10,000.",
            rich_help_panel=TEACHER,
        ),
    ] = None,
    ratio: Annotated[
        list[float] | None,
        typer.Option(
            help="Largest catalogue student at or below this share of the Nature DQN. May repeat. Default: 0.017.",
            rich_help_panel=STUDENTS,
        ),
    ] = None,
    student: Annotated[
        list[str] | None,
        typer.Option(help="A student by name, or your own .toml. May repeat.", rich_help_panel=STUDENTS),
    ] = None,
    teacher_only: Annotated[
        bool, typer.Option("--teacher-only", help="No students, for comparison.", rich_help_panel=STUDENTS)
    ] = False,
    loss: Annotated[
        str | None,
        typer.Option(
            help="kl, reverse-kl, nll, mse, imitation-q, self-q, or a sum: kl+imitation-q. Default: kl.",
            rich_help_panel=STUDENTS,
        ),
    ] = None,
    temperature: Annotated[
        float | None,
        typer.Option(help="τ of the teacher's softmax. Default: 0.2; 0.01 offline.", rich_help_panel=STUDENTS),
    ] = None,
    temperature_kind: Annotated[
        str | None,
        typer.Option(
            help="relative: τ counts in Q spreads (best minus mean); fixed: in Q. Default: relative; fixed offline.",
            rich_help_panel=STUDENTS,
        ),
    ] = None,
    memory_frames: Annotated[
        int | None,
        typer.Option(
            help="Frames in the memory, 7 KB each. Default: 100,000; 540,000 offline; up to 1,000,000 with dqn.",
            rich_help_panel=STUDENTS,
        ),
    ] = None,
    learning_starts: Annotated[
        int | None,
        typer.Option(
            help="Frames in the memory before it is learnt from. Default: all; 20,000 beside a frozen teacher; 54,000 "
            "offline; 50,000 with dqn.",
            rich_help_panel=STUDENTS,
        ),
    ] = None,
    student_batch: Annotated[
        int | None, typer.Option(help="Samples per student update. Default: 128; 32 offline.", rich_help_panel=STUDENTS)
    ] = None,
    student_batches: Annotated[
        float | None,
        typer.Option(help="Student updates per update of a learning teacher. Default: 1.", rich_help_panel=STUDENTS),
    ] = None,
    frozen_batches: Annotated[
        float | None,
        typer.Option(
            help="The same beside a teacher that is frozen or done. Default: 4; 11.9 offline.", rich_help_panel=STUDENTS
        ),
    ] = None,
    student_learning_rate: Annotated[
        float | None,
        typer.Option(help="Default: 0.003; 0.001 offline and with dqn.", rich_help_panel=STUDENTS),
    ] = None,
    student_cooldown: Annotated[
        float | None,
        typer.Option(
            help="Share of the steps, at the end, over which their rate falls to 0. Default: 0.1.",
            rich_help_panel=STUDENTS,
        ),
    ] = None,
    student_driven: Annotated[
        float | None,
        typer.Option(help="Share of the games in which students act. Default: 0.", rich_help_panel=STUDENTS),
    ] = None,
    evaluate_every: Annotated[
        int | None, typer.Option(help="Agent steps between evaluations. Default: 250,000.", rich_help_panel=RUN)
    ] = None,
    evaluate_episodes: Annotated[
        int | None, typer.Option(help="Games per evaluation. Default: 10.", rich_help_panel=RUN)
    ] = None,
    checkpoint_every: Annotated[
        int | None, typer.Option(help="Agent steps between checkpoints. Default: 250,000.", rich_help_panel=RUN)
    ] = None,
    threads: Annotated[int, typer.Option(help="CPU threads; 0 for all.", rich_help_panel=RUN)] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.", rich_help_panel=RUN)] = "auto",
    precision: Annotated[str, typer.Option(help="auto, float32 or bf16.", rich_help_panel=RUN)] = "auto",
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print a JSON summary at the end, nothing before.", rich_help_panel=RUN),
    ] = False,
) -> None:
    """Train a teacher and, in the same loop, distil it into students (Sun & Fazli 2019).

    With --teacher-from, students learn beside a frozen teacher; with --mode offline as well, by the protocol of Rusu et
    al. 2015. Ctrl-C and SIGTERM stop the run with a checkpoint; --resume goes on.
    """
    from edgedistill.cli.training_view import TrainingView
    from edgedistill.distill.starting import new_run
    from edgedistill.distill.training import train as run_training
    from edgedistill.runs.folder import RunFolder

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
            "envs": envs, "learning_rate": learning_rate, "teacher_cooldown": teacher_cooldown,
            "epsilon_decay_steps": epsilon_decay_steps, "target_update": target_update, "loss": loss,
            "epsilon_floors": tuple(epsilon_floors) if epsilon_floors else None,
            "temperature": temperature, "temperature_kind": temperature_kind, "memory_frames": memory_frames,
            "learning_starts": learning_starts, "student_batch": student_batch, "student_batches": student_batches,
            "frozen_batches": frozen_batches,
            "student_learning_rate": student_learning_rate, "student_cooldown": student_cooldown,
            "student_driven": student_driven, "evaluate_every": evaluate_every,
            "evaluate_episodes": evaluate_episodes, "checkpoint_every": checkpoint_every, "threads": threads,
            "device": device, "precision": precision,
        }  # fmt: skip
        given = {name: value for name, value in given.items() if value is not None}
        students = _students(rom, ratio or [], student or [], teacher_only)
        for entry, share in students:
            notes.print(f"student [bold]{entry.name}[/]: {share:.2%} of the Nature DQN ({entry.summary})")
        architectures = tuple(entry for entry, _ in students)
        path = out or Path("runs") / f"{rom}-{datetime.now():%Y%m%d-%H%M%S}"
        run, config = new_run(path, rom, architectures, teacher, mode, teacher_from, given)

    with stop_signals() as stop, TrainingView(config, run.path, quiet=as_json) as view:
        for event in run_training(run, config, resume=resume is not None, should_stop=stop.is_set, warn=view.warn):
            view.show(event)
    if as_json:
        print_json(view.summary())
    elif stop.is_set():
        console.print("Stopped; the work so far is in the last checkpoint.")
        print_next(f"edgedistill train --resume {run.path}")
    else:
        names = [entry.name for entry in config.students]
        exports = [
            f"edgedistill export {run.path} --student {name} -o {config.game}-{name}.onnx" for name in names[-1:]
        ]
        print_next(*exports, f"edgedistill evaluate {run.path}")


def _students(game: str, ratios: list[float], names: list[str], teacher_only: bool) -> list[tuple[Architecture, float]]:
    """The students asked for, each once, with their true ratios at the game's action count."""
    if teacher_only and (ratios or names):
        raise BadRequest("--teacher-only trains no students; leave --ratio and --student out.")
    if not ratios and not names and not teacher_only:
        ratios = [DEFAULT_RATIO]
    actions = len(Emulator(game).actions)
    picked = [find_architecture(name) for name in names] + [pick_by_ratio(ratio, actions) for ratio in ratios]
    return [(entry, entry.ratio(actions)) for entry in dict.fromkeys(picked)]


@contextmanager
def stop_signals() -> Iterator[threading.Event]:
    """An event that the first Ctrl-C or SIGTERM sets; the second interrupts at once."""
    stop = threading.Event()

    def on_signal(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
