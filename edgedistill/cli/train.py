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


def train(
    game: Annotated[str, typer.Option(help="Atari game: pong, MsPacman, ALE/Breakout-v5, …")] = "pong",
    ratio: Annotated[
        list[float] | None,
        typer.Option(
            help="Largest catalogue student at or below this share of the Nature DQN. May repeat. Default: 0.017."
        ),
    ] = None,
    student: Annotated[list[str] | None, typer.Option(help="A student by name, or your own .toml. May repeat.")] = None,
    teacher_only: Annotated[bool, typer.Option("--teacher-only", help="No students, for comparison.")] = False,
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
    envs: Annotated[int | None, typer.Option(help="Parallel games. Default: 32.")] = None,
    memory_frames: Annotated[
        int | None, typer.Option(help="Frames in the distillation memory, 7 KB each. Default: 100,000.")
    ] = None,
    epsilon_decay_steps: Annotated[
        int | None, typer.Option(help="Agent steps over which exploration falls. Default: 300,000.")
    ] = None,
    evaluate_every: Annotated[
        int | None, typer.Option(help="Agent steps between evaluations. Default: 250,000.")
    ] = None,
    evaluate_episodes: Annotated[int | None, typer.Option(help="Games per evaluation. Default: 10.")] = None,
    checkpoint_every: Annotated[
        int | None, typer.Option(help="Agent steps between checkpoints. Default: 250,000.")
    ] = None,
    threads: Annotated[int, typer.Option(help="CPU threads; 0 for all.")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    precision: Annotated[str, typer.Option(help="auto, float32 or bf16.")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON summary at the end, nothing before.")] = False,
) -> None:
    """Train a teacher and, in the same loop, distil it into students (Sun & Fazli 2019).

    Ctrl-C and SIGTERM stop the run with a checkpoint; --resume goes on.
    """
    from edgedistill.cli.training_view import TrainingView
    from edgedistill.distill.training import train as run_training
    from edgedistill.runs.config import TrainConfig
    from edgedistill.runs.folder import RunFolder

    if resume:
        if ratio or student or teacher_only or out:
            raise BadRequest("--resume keeps the run's students and folder; only --steps and --minutes may change.")
        run = RunFolder.open(resume)
        config = run.config()
        config = replace(config, steps=steps or config.steps, minutes=minutes)
        run.save_config(config)
    else:
        rom = find_game(game)
        students = _students(rom, ratio or [], student or [], teacher_only)
        for entry, share in students:
            notes.print(f"student [bold]{entry.name}[/]: {share:.2%} of the Nature DQN ({entry.summary})")
        given: dict[str, Any] = {
            "envs": envs, "memory_frames": memory_frames, "epsilon_decay_steps": epsilon_decay_steps,
            "evaluate_every": evaluate_every, "evaluate_episodes": evaluate_episodes,
            "checkpoint_every": checkpoint_every,
        }  # fmt: skip
        config = TrainConfig(
            game=rom,
            students=tuple(entry for entry, _ in students),
            seed=seed,
            steps=steps or (NO_LIMIT if minutes else TrainConfig.steps),
            minutes=minutes,
            sticky=sticky,
            threads=threads,
            device=device,
            precision=precision,
            **{name: value for name, value in given.items() if value is not None},
        )
        run = RunFolder.create(out or Path("runs") / f"{rom}-{datetime.now():%Y%m%d-%H%M%S}", config)

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
