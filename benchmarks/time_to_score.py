"""Time until a teacher and its int8 student play well: minutes and agent steps to a score of +18 in Pong.

    python benchmarks/time_to_score.py --out DIR [--seed 0 --seed 1 --seed 2] [--set NAME=VALUE] [--csv FILE]

One real-time run per seed, evaluated every so often over 30 games at ε 0.01. The teacher has arrived at the first
evaluation (validation seeds) with the score. Where the float student comes near it, it is exported, and the int8 file
plays 30 games from the evaluation seeds: the student has arrived with the first file that has the score. A seed stops
when both are there. Minutes leave evaluations and exports out. Stopped, the same command goes on from the last
checkpoint; a seed that is done is not run again.
"""

import argparse
import csv
import json
import statistics
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from edgedistill.atari.games import find_game
from edgedistill.catalogue import find_architecture
from edgedistill.cli.output import console
from edgedistill.distill.events import Evaluated, Event, Progress, Resumed
from edgedistill.distill.starting import new_run
from edgedistill.distill.training import train
from edgedistill.exporter.export import export_student
from edgedistill.exporter.options import ExportOptions
from edgedistill.files import write_atomically
from edgedistill.report.curves import Point, read_run
from edgedistill.runs.folder import RunFolder
from edgedistill.signals import stop_signals

# int8 students score within 0.7 points of their float selves in Pong (docs/history.md).
NEAR = 1.0


@dataclass(frozen=True)
class Goal:
    """What is asked for."""

    score: float
    student: str
    episodes: int


class Exports:
    """The int8 scores of a run by step, and the time that they took: `int8.json` in the run."""

    def __init__(self, run: RunFolder) -> None:
        self._run = run
        self._file = run.path / "int8.json"
        self.rows: list[dict[str, Any]] = json.loads(self._file.read_text()) if self._file.exists() else []

    def add(self, step: int, now: int, goal: Goal) -> None:
        """Export the student of the newest checkpoint, that of `step`, and score it, while the run is at `now`."""
        began = time.monotonic()
        output = self._run.path / f"{goal.student}-{step:09d}.onnx"
        options = ExportOptions(episodes=goal.episodes, epsilons=(0.01,), allow_disagreement=True)
        exported = export_student(self._run, goal.student, output, options)
        score = vars(exported.card.scores["student"][0])
        row = {"step": step, "bytes": exported.bytes, "agreement": exported.card.agreement, **score}
        self._save([*self.rows, {**row, "now": now, "pause": time.monotonic() - began}])

    def forget_after(self, step: int) -> None:
        """The run goes on from a checkpoint of this step, whose clock knows of the exports up to it alone."""
        kept = [row for row in self.rows if row["step"] <= step]
        self._save([row if row["now"] <= step else {**row, "pause": 0.0} for row in kept])

    def pauses_before(self, step: int) -> float:
        """Minutes of the run's clock up to an evaluation that went into exports."""
        # The clock is read as a step is reported, and the export follows.
        return float(sum(row["pause"] for row in self.rows if row["now"] < step)) / 60

    def first(self, goal: Goal) -> dict[str, Any] | None:
        return next((row for row in self.rows if row["mean"] >= goal.score), None)

    def _save(self, rows: list[dict[str, Any]]) -> None:
        self.rows = rows
        write_atomically(self._file, json.dumps(rows, indent=2).encode())


def points(run: RunFolder) -> tuple[Point, ...]:
    """The evaluations of the run's student."""
    return read_run(run.path).curves[0].points if run.metrics().evaluations else ()


def teacher_arrival(run: RunFolder, goal: Goal) -> Point | None:
    return next((point for point in points(run) if point.teacher_score >= goal.score), None)


def is_done(run: RunFolder, goal: Goal) -> bool:
    # In this order: the exports are a small file, the curves are read from the whole log.
    return Exports(run).first(goal) is not None and teacher_arrival(run, goal) is not None


def follow(run: RunFolder, events: Iterable[Event], goal: Goal) -> Iterator[Event]:
    """Pass a training's events on, with an export after each evaluation at which the student is near the goal."""
    exports = Exports(run)
    evaluated: Evaluated | None = None
    now = 0
    for event in chain(events, (None,)):
        now = event.step if isinstance(event, Progress | Resumed) else now
        # A report later, because by then the checkpoint of the evaluated step is on disk, if it has one.
        if (
            evaluated is not None
            and evaluated.scores[goal.student] >= goal.score - NEAR
            and run.checkpoint_step() == evaluated.step
        ):
            exports.add(evaluated.step, now, goal)
        evaluated = event if isinstance(event, Evaluated) else None
        if isinstance(event, Resumed):
            exports.forget_after(event.step)
        if event is not None:
            yield event


def train_seed(path: Path, seed: int, goal: Goal, arguments: argparse.Namespace) -> bool:
    """Train until both have arrived or the steps are done; False where a signal stopped it before."""
    resume = (path / "config.json").exists()
    if resume:
        run = RunFolder.open(path)
        config = run.config()
        if is_done(run, goal) or (run.checkpoint_step() or 0) >= config.steps:
            return True
    else:
        given = {
            "steps": arguments.steps, "seed": seed, "threads": arguments.threads,
            "evaluate_every": arguments.evaluate_every, "checkpoint_every": arguments.evaluate_every,
            "evaluate_episodes": goal.episodes, **dict(arguments.set),
        }  # fmt: skip
        students = (find_architecture(goal.student),)
        run, config = new_run(path, arguments.game, students, "pqn", "realtime", (), given)
    done = False
    with stop_signals() as stop:
        # It is asked before each decision of an evaluation, so it looks at no file.
        events = train(run, config, resume=resume, should_stop=lambda: stop.is_set() or done)
        for event in follow(run, events, goal):
            done = is_done(run, goal)
            if isinstance(event, Evaluated):
                console.print(f"seed {seed}, {event.step:,} steps: {event.scores}")
    return not stop.is_set()


def row_of(run: RunFolder, seed: int, goal: Goal) -> dict[str, Any]:
    """Minutes and steps of both, empty where they did not arrive."""
    exports, teacher = Exports(run), teacher_arrival(run, goal)
    int8 = exports.first(goal)
    metrics = run.metrics()
    # Not those of the points, which leave out gaps of the log, such as an export makes, by themselves.
    minutes = {
        each.step: (each.seconds - metrics.evaluation_seconds_before(each.step)) / 60 - exports.pauses_before(each.step)
        for each in metrics.evaluations
    }
    return {
        "seed": seed,
        "teacher_minutes": round(minutes[teacher.step], 2) if teacher else "",
        "teacher_steps": teacher.step if teacher else "",
        "teacher_score": teacher.teacher_score if teacher else "",
        "int8_minutes": round(minutes[int8["step"]], 2) if int8 else "",
        "int8_steps": int8["step"] if int8 else "",
        "int8_score": int8["mean"] if int8 else "",
        "int8_low": int8["low"] if int8 else "",
        "int8_high": int8["high"] if int8 else "",
        "int8_bytes": int8["bytes"] if int8 else "",
    }


def print_table(rows: list[dict[str, Any]], goal: Goal) -> None:
    print(f"| seed | teacher {goal.score:+g}: minutes | agent steps | int8 {goal.student} {goal.score:+g}: minutes "
          "| agent steps | its score | 95% interval | bytes |")  # fmt: skip
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for row in rows:
        teacher = (
            [f"{row['teacher_minutes']:.1f}", f"{row['teacher_steps']:,}"] if row["teacher_steps"] else ["never"] * 2
        )
        int8 = ["never"] * 2 + [""] * 3
        if row["int8_steps"]:
            interval = f"[{row['int8_low']:.2f}, {row['int8_high']:.2f}]"
            int8 = [f"{row['int8_minutes']:.1f}", f"{row['int8_steps']:,}", f"{row['int8_score']:.2f}", interval,
                    f"{row['int8_bytes']:,}"]  # fmt: skip
        print(f"| {' | '.join([str(row['seed']), *teacher, *int8])} |")
    for name in ("teacher", "int8"):
        arrived = [row[f"{name}_minutes"] for row in rows if row[f"{name}_steps"]]
        if arrived:
            print(f"{name}: {len(arrived)} of {len(rows)} seeds, median {statistics.median(arrived):.1f} minutes")


def setting(text: str) -> tuple[str, Any]:
    """A further setting of the runs: epochs=1."""
    name, _, value = text.partition("=")
    return name, json.loads(value)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--game", default="pong", type=find_game)
    parser.add_argument("--student", default="micro", help="the largest of the catalogue at or below 1.7%%")
    parser.add_argument("--score", default=18.0, type=float)
    parser.add_argument("--seed", action="append", type=int)
    # The teacher's rate falls to 0 over the second half, which is what solves Pong: the sooner, the better, but with
    # 800,000 it was at its end before the game was learnt (docs/history.md).
    parser.add_argument("--steps", default=1_200_000, type=int, help="most agent steps of a seed")
    # A minute of training on two cores; 30 games of two networks take about as long.
    parser.add_argument("--evaluate-every", default=100_000, type=int)
    parser.add_argument("--episodes", default=30, type=int)
    parser.add_argument("--threads", default=0, type=int)
    parser.add_argument("--set", action="append", default=[], type=setting, metavar="NAME=VALUE", help="may repeat")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--csv", type=Path)
    arguments = parser.parse_args()
    goal = Goal(arguments.score, arguments.student, arguments.episodes)

    rows = []
    for seed in arguments.seed or [0, 1, 2]:
        path = arguments.out / f"{arguments.game}-{goal.student}-{seed}"
        if not train_seed(path, seed, goal, arguments):
            raise SystemExit("Stopped; the same command goes on.")
        rows.append(row_of(RunFolder.open(path), seed, goal))
    print_table(rows, goal)
    if arguments.csv:
        with arguments.csv.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
