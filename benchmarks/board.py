"""What the runtime costs beside the emulator, and beside the teacher in torch: ratios in one run, on one thread.

    python benchmarks/board.py [--games pong breakout] [--student micro] [--rounds 5] [--decisions 3000]

Each game's student is trained for a few thousand steps only: how long a decision takes does not depend on how good it
is. Prints `edgedistill bench`'s figures per game, then µs an action of the same student in int8 and in torch, and of
the teacher in torch, taking turns.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
import torch

from edgedistill.atari.emulator import Frames
from edgedistill.atari.protocol import Act
from edgedistill.exporter.fidelity import play_frames
from edgedistill.networks.network import GreedyPolicy
from edgedistill.runs.folder import RunFolder
from edgedistill.runtime.bench import bench
from edgedistill.runtime.machine import this_machine
from edgedistill.runtime.policy import Policy
from edgedistill.teachers.trained import load_trained

# Enough for one evaluation and every kind of checkpoint.
STEPS = 4_096


def edgedistill(*arguments: object) -> None:
    program = Path(sys.executable).with_name("edgedistill")
    subprocess.run([program, *map(str, arguments), "--json"], check=True, capture_output=True)


def hardly_trained(game: str, student: str, folder: Path) -> tuple[RunFolder, Policy]:
    """A run of a few seconds, and its student exported."""
    run, file = folder / game, folder / f"{game}.onnx"
    budget = ["--steps", STEPS, "--evaluate-every", STEPS, "--evaluate-episodes", 1, "--memory-frames", 2 * STEPS]
    edgedistill("train", "--game", game, "--student", student, "--threads", 1, *budget, "--out", run)
    edgedistill("export", run, "-o", file, "--episodes", 1, "--epsilon", 0.01, "--allow-disagreement")
    return RunFolder.open(run), Policy.load(file)


def microseconds_an_action(players: dict[str, Act], frames: Frames, rounds: int) -> dict[str, float]:
    """Median over all frames, one at a time, of each player; players take turns, round by round."""
    times: dict[str, list[float]] = {name: [] for name in players}
    for act in players.values():
        act(frames[:1])  # warm-up
    for _ in range(rounds):
        for name, act in players.items():
            for number in range(len(frames)):
                frame = frames[number : number + 1]
                began = time.perf_counter()
                act(frame)
                times[name].append(time.perf_counter() - began)
    return {name: median(values) * 1e6 for name, values in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--games", nargs="+", default=["pong", "breakout"])
    parser.add_argument("--student", default="micro")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--decisions", type=int, default=3_000)
    arguments = parser.parse_args()

    torch.set_num_threads(1)
    machine = this_machine()
    print(f"{machine.cpu}, {' '.join(machine.features)}, torch {torch.__version__}, one thread", file=sys.stderr)
    loops, actions = [], []
    with tempfile.TemporaryDirectory() as folder:
        for game in arguments.games:
            run, policy = hardly_trained(game, arguments.student, Path(folder))
            result = bench(policy, arguments.decisions)
            peak = f"{result.peak_bytes / 1e6:.0f} MB" if result.peak_bytes else "not known"
            loops.append(
                f"| {game} | {result.emulator:.0f} | {result.loop:.0f} | {result.of_emulator_rate:.2f} | "
                f"{result.times_real_time:.0f}× | {result.startup_seconds:.2f} s | {peak} |"
            )
            student, teacher = load_trained(run, [arguments.student, "last_teacher"])
            players: dict[str, Act] = {
                "student, int8 (onnxruntime)": policy.act,
                "student, float32 (torch)": GreedyPolicy(student.network),
                "teacher, float32 (torch)": GreedyPolicy(teacher.network),
            }
            frames = np.ascontiguousarray(play_frames(policy.act, game, 200, seed=1, epsilon=0.01))
            medians = microseconds_an_action(players, frames, arguments.rounds)
            fastest = medians["student, int8 (onnxruntime)"]
            actions += [f"| {game} | {name} | {us:.0f} | {us / fastest:.1f}× |" for name, us in medians.items()]

    print("| game | emulator alone, µs | whole loop, µs | of its rate | real time | start | peak memory |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    print("\n".join(loops))
    print("\n| game | player | µs an action | of int8 |")
    print("| --- | --- | ---: | ---: |")
    print("\n".join(actions))


if __name__ == "__main__":
    main()
