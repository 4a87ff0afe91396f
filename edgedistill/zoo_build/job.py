"""One game of a plan from start to finish; whatever is done already is skipped, so a job can be run again at any time.

It is also a program, which the build runs per game: `python -m edgedistill.zoo_build.job FOLDER GAME`.
"""

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from edgedistill.atari.protocol import Protocol
from edgedistill.distill.events import Evaluated, Resumed
from edgedistill.distill.starting import new_run
from edgedistill.distill.training import train
from edgedistill.errors import BadRequest, EdgeDistillError
from edgedistill.exporter.export import export_student
from edgedistill.exporter.options import ExportOptions
from edgedistill.files import alone, write_atomically
from edgedistill.report.comparison import compare_runs
from edgedistill.report.drawing import to_png
from edgedistill.report.page import page
from edgedistill.report.plot import plot
from edgedistill.runs.folder import METRICS, RunFolder
from edgedistill.runtime.gif import GifRecorder
from edgedistill.runtime.player import Summary, play
from edgedistill.runtime.policy import Policy
from edgedistill.runtime.shipped import best_student
from edgedistill.signals import stop_signals
from edgedistill.zoo_build.layout import GameFolder, is_older
from edgedistill.zoo_build.plan import Plan

# Games of the evaluation's seeds among which the GIF's moment is chosen, and decisions in all: ten minutes of play.
GIF_GAMES = 5
GIF_DECISIONS = 9_000

# Exit code of the program when it was stopped.
STOPPED = 3


def run_job(folder: Path, game: str, threads: int, should_stop: Callable[[], bool] = lambda: False) -> bool:
    """Train one game of the plan, export its students, record the best small one, draw the curve, write a report.

    Ctrl-C and SIGTERM end a training with a checkpoint, and whatever comes after it at once. What happens is logged to
    the run's `job.log`.

    Args:
        game: ROM name, one of the plan's.
        threads: CPU threads.
        should_stop: asked in the training and between exports, as another reason to end.

    Returns:
        Whether all is there now; False if it was stopped.

    Raises:
        EdgeDistillError: another process works at this game, or training or export failed.
    """
    plan = Plan.load(folder)
    if plan is None:
        raise BadRequest(f"{folder} has no plan. Make one: edgedistill zoo build --games {game} --out {folder}")
    place = GameFolder(folder, game)
    place.run.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(threads)
    with alone(place.lock, place.game):
        if not place.is_trained(plan):
            _train(place, plan, threads, should_stop)
            if not place.is_trained(plan):
                return False
        if not _export(place, plan, should_stop):
            return False
        students = place.students(plan)
        if is_older(place.gif, students):
            _record(best_student(students), place.gif)
        if is_older(place.curve, [place.run / METRICS]):
            write_atomically(place.curve, to_png(plot(compare_runs([place.run]))))
        if is_older(place.report, [place.run / METRICS, *students]):
            say(place, "writing the report")
            place.report.parent.mkdir(exist_ok=True)
            write_atomically(place.report, page([place.run], warn=partial(say, place)))
        say(place, "all there")
    return True


def say(place: GameFolder, line: str) -> None:
    """Append a line to the game's log."""
    with place.log.open("a", encoding="utf-8") as log:
        log.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {line}\n")


def _train(place: GameFolder, plan: Plan, threads: int, should_stop: Callable[[], bool]) -> None:
    """Create the run or go on with it."""
    resume = (place.run / "config.json").exists()
    if resume:
        run = RunFolder.open(place.run)
        config = replace(run.config(), steps=place.steps(plan), threads=threads)
        run.save_config(config)
    else:
        settings = {**plan.run_settings(), "threads": threads}
        run, config = new_run(
            place.run, place.game, plan.architectures(), "pqn", "realtime", (), settings, warn=partial(say, place)
        )
    with stop_signals() as stop:
        events = train(
            run, config, resume=resume, should_stop=lambda: stop.is_set() or should_stop(),
            warn=lambda message: say(place, message),
        )  # fmt: skip
        for event in events:
            match event:
                case Resumed():
                    say(place, f"resumed at step {event.step:,}")
                case Evaluated():
                    scores = "  ".join(f"{name} {score:g}" for name, score in event.scores.items())
                    say(place, f"step {event.step:,}: {scores}")


def _export(place: GameFolder, plan: Plan, should_stop: Callable[[], bool]) -> bool:
    """Every student that is not there yet; False if it was stopped before."""
    run = RunFolder.open(place.run)
    place.trained.mkdir(parents=True, exist_ok=True)
    for student in plan.students:
        if place.is_exported(plan, student):
            continue
        if should_stop():
            return False
        say(place, f"exporting {student}")
        # A catalogue tells how far int8 and float agree; it does not leave out a student for whom that is less. It goes
        # to everyone who installs it, so returns of single games stay with the run, in evaluations.jsonl.
        options = ExportOptions(episodes=plan.episodes, allow_disagreement=True, returns=False)
        tell = partial(say, place)
        exported = export_student(run, student, place.student(student), options, tell, warn=tell)
        say(place, f"{student}: exported, agreement {exported.card.agreement:.2%}")
    return True


def _record(student: Path, gif: Path) -> None:
    """The strongest ten seconds of its first games."""
    policy, protocol = Policy.load(student), Protocol(episodes=GIF_GAMES)
    recorder = GifRecorder(gif, policy.card, protocol)
    for decision in play(policy, protocol, Summary(), GIF_DECISIONS):
        recorder.add(decision)
    recorder.save()


def main() -> None:
    """The program: exit code 0 when all is there, `STOPPED` when stopped, 1 or 2 for an error, which is logged."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("game")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--parent", type=int, required=True, help="Process id of the build.")
    options = parser.parse_args()
    # While nothing handles it otherwise, SIGTERM is to unwind like Ctrl-C, so that nothing half-written is left.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        # Without the build that watches it, a job ends as if it had been stopped.
        finished = run_job(options.folder, options.game, options.threads, lambda: os.getppid() != options.parent)
    except EdgeDistillError as error:
        say(GameFolder(options.folder, options.game), f"error: {error}")
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, SystemExit):  # the second signal
        finished = False
    sys.exit(0 if finished else STOPPED)


if __name__ == "__main__":
    main()
