"""Real-time distillation against train-then-distil: time until a student keeps 95% of the final teacher.

    python benchmarks/realtime_vs_offline.py --game pong --steps 1000000 --seed 0 --out DIR [--csv FILE]

Four runs per seed, all through `edgedistill train`, each skipped if DIR has it finished already, and resumed if not:

- realtime: the teacher and all students in one loop;
- teacher: the same teacher alone, learning to the last step; beside students, it learns for nine tenths of the steps;
- rusu: its best checkpoint, frozen, teaches the same students by Rusu et al.'s protocol (--mode offline);
- strong: the same beside our own settings for a frozen teacher, the best offline baseline that we have.

The offline arms pay for the teacher's whole training first. Minutes leave evaluations out, in all arms. A student has
arrived at its first evaluation (10 games, validation seeds) with 95% retention of the best teacher of its arm.
"""

import argparse
import csv
import subprocess
from collections import deque
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from edgedistill.atari.games import find_game, retention
from edgedistill.children import python_command
from edgedistill.report.clock import TrainingClock
from edgedistill.report.curves import Curve, read_run
from edgedistill.runs.folder import RunFolder

ENOUGH = 0.95


@dataclass(frozen=True)
class Arrival:
    """When a student first kept enough of its teacher; None where it never did."""

    minutes: float | None
    steps: int | None
    best_retention: float


def run_arm(path: Path, game: str, steps: int, options: list[str]) -> RunFolder:
    """Train into `path` through the command line, unless it is there; go on where it stopped."""
    command = python_command("-c", "from edgedistill.cli import main; main()", "train")
    if not (path / "config.json").exists():
        subprocess.run([*command, "--game", game, "--steps", str(steps), "--out", str(path), *options], check=True)
    elif (RunFolder.open(path).checkpoint_step() or 0) < RunFolder.open(path).config().steps:
        subprocess.run([*command, "--resume", str(path)], check=True)
    return RunFolder.open(path)


def training_minutes(run: RunFolder) -> float:
    """Minutes of a whole run, evaluations and pauses left out, as in its curve."""
    metrics = run.metrics()
    if not metrics.progress:
        return 0.0
    last = metrics.progress[-1]
    return TrainingClock(metrics).training_seconds(last.step, last.seconds) / 60


def curve_of(run: RunFolder, student: str) -> Curve:
    return next(curve for curve in read_run(run.path).curves if curve.student == student)


def arrival(run: RunFolder, student: str, before_minutes: float = 0.0, before_steps: int = 0) -> Arrival:
    """When `student` kept enough, after what was spent before."""
    curve = curve_of(run, student)
    first, best = curve.first_at(ENOUGH), curve.best_retention or 0.0
    if first is None:
        return Arrival(None, None, best)
    return Arrival(before_minutes + first.minutes, before_steps + first.step, best)


def at_half(run: RunFolder, student: str) -> tuple[float, float] | None:
    """Scores of teacher and student at the last evaluation before the teacher passed half its best retention."""
    points = curve_of(run, student).points
    best = max(point.teacher_score for point in points)
    game = run.config().game
    below = takewhile(lambda point: (retention(game, point.teacher_score, best) or 0.0) <= 0.5, points)
    last = next(iter(deque(below, maxlen=1)), None)
    return (last.teacher_score, last.score) if last else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--game", default="pong", type=find_game)
    parser.add_argument("--steps", default=1_000_000, type=int, help="Budget of the teacher.")
    parser.add_argument("--offline-steps", default=300_000, type=int, help="Most steps of each offline arm.")
    parser.add_argument("--evaluate-every", default=100_000, type=int)
    parser.add_argument("--student", action="append")
    parser.add_argument("--seed", action="append", type=int)
    parser.add_argument("--threads", default=0, type=int)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--csv", type=Path)
    arguments = parser.parse_args()
    students = arguments.student or ["net1", "net5", "micro"]
    teaching = [option for student in students for option in ("--student", student)]

    rows = []
    for seed in arguments.seed or [0]:
        base = ["--seed", str(seed), "--threads", str(arguments.threads)]
        online = [*base, "--evaluate-every", str(arguments.evaluate_every)]
        offline = [*base, *teaching, "--evaluate-every", "20000", "--checkpoint-every", "100000"]
        folder = arguments.out / f"{arguments.game}-{seed}"
        realtime = run_arm(folder / "realtime", arguments.game, arguments.steps, [*online, *teaching])
        teacher = run_arm(folder / "teacher", arguments.game, arguments.steps, [*online, "--teacher-only"])
        frozen = ["--teacher-from", str(teacher.path)]
        budget = arguments.offline_steps
        rusu = run_arm(folder / "rusu", arguments.game, budget, [*offline, *frozen, "--mode", "offline"])
        strong = run_arm(folder / "strong", arguments.game, budget, [*offline, *frozen])
        before = training_minutes(teacher), teacher.config().steps
        for student in students:
            arms = {
                "real-time": arrival(realtime, student),
                "offline, Rusu": arrival(rusu, student, *before),
                "offline, strong": arrival(strong, student, *before),
            }
            rows += [
                {
                    "game": arguments.game, "seed": seed, "student": student, "arm": arm, "minutes": when.minutes,
                    "steps": when.steps, "best_retention": round(when.best_retention, 4),
                    "of_the_time": ratio(arms["real-time"].minutes, when.minutes),
                }
                for arm, when in arms.items()
            ]  # fmt: skip
            half = at_half(realtime, student)
            if half:
                print(
                    f"seed {seed}: with the teacher at {half[0]:g}, before half its best, {student} is at {half[1]:g}"
                )
    print("| game | seed | student | arm | minutes | agent steps | best retention | real-time takes |")
    print("| --- | ---: | --- | --- | ---: | ---: | ---: | ---: |")
    for row in rows:
        reached = [f"{row['minutes']:.1f}", f"{row['steps']:,}"] if row["minutes"] is not None else ["never", "never"]
        share = f"{row['of_the_time']:.2f}×" if row["of_the_time"] is not None else ""
        cells = [row["game"], row["seed"], row["student"], row["arm"], *reached, f"{row['best_retention']:.1%}", share]
        print(f"| {' | '.join(str(cell) for cell in cells)} |")
    if arguments.csv:
        with arguments.csv.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)


def ratio(ours: float | None, theirs: float | None) -> float | None:
    return ours / theirs if ours is not None and theirs is not None else None


if __name__ == "__main__":
    main()
