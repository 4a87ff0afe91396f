"""What training costs: agent steps/s, CPU and memory of ours and of others, in alternating rounds on one machine.

    python benchmarks/train_throughput.py [--contestants pqn+0 sb3-dqn+1 …] [--threads 2] [--rounds 3] [--seconds 30]
                                          [--memory-frames 10000] [--csv train_throughput.csv]

Each measurement is a process of its own. It fills its memory, warms up, and is then timed while all learn, without
evaluations. DQNs take batches of 32, one per 4 agent steps, and keep memories of one size. On the CPU; Linux only.
Others than ours need: pip install -e '.[train,bench]'
"""

import argparse
import csv
import importlib.util
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from edgedistill.atari.games import find_game
from edgedistill.runtime.machine import this_machine

CONTESTANTS = {
    "pqn+0": "ours, PQN alone",
    "pqn+1": "ours, PQN and micro",
    "pqn+4": "ours, PQN and net1, net5, micro, nano",
    "pqn+8": "ours, PQN and net1 … net5, micro, nano, pico",
    "dqn+0": "ours, DQN alone",
    "dqn+4": "ours, DQN and net1, net5, micro, nano",
    "sb3-dqn+1": "stable-baselines3's DQN, 1 game",
    "sb3-dqn+8": "stable-baselines3's DQN, 8 games",
    "plain-dqn": "a DQN in one file, 1 game",
    "floor": "PQN's samples at this machine's rates",
}
# 8 students repeat what 4 say.
DEFAULT = [name for name in CONTESTANTS if name != "pqn+8"]
NEEDS = {"sb3-dqn+1": ["stable_baselines3", "cv2"], "sb3-dqn+8": ["stable_baselines3", "cv2"], "plain-dqn": ["cv2"]}
INSTALL = {"stable_baselines3": "stable-baselines3", "cv2": "opencv-python-headless"}


def measure(contestant: str, arguments: argparse.Namespace, number: int) -> dict[str, Any]:
    """One measurement, in its own process."""
    settings = {
        "contestant": contestant, "game": arguments.game, "seconds": arguments.seconds, "threads": arguments.threads,
        "memory_frames": arguments.memory_frames, "seed": number,
    }  # fmt: skip
    threads = {name: str(arguments.threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    command = [sys.executable, str(Path(__file__).with_name("train_contestants.py")), json.dumps(settings)]
    done = subprocess.run(command, env={**os.environ, **threads}, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{contestant} failed:\n{done.stderr[-2000:]}")
    measured: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {"contestant": contestant, "round": number, **measured}


def check_installed(contestants: list[str]) -> None:
    """Say before the first measurement what the last one would miss."""
    wanted = {module for name in contestants for module in NEEDS.get(name, [])}
    missing = sorted(INSTALL[module] for module in wanted if importlib.util.find_spec(module) is None)
    if missing:
        without = " ".join(name for name in contestants if name not in NEEDS)
        raise SystemExit(
            f"Not installed: {', '.join(missing)}. Type: pip install -e '.[train,bench]'\n"
            f"Or measure without it: --contestants {without or 'pqn+0'}"
        )


def print_table(rows: list[dict[str, Any]], contestants: list[str]) -> None:
    speeds = {
        name: [row["agent_steps_per_second"] for row in rows if row["contestant"] == name] for name in contestants
    }
    first = statistics.median(speeds[contestants[0]])
    print(f"| contestant | agent steps/s, median | lowest | highest | of {contestants[0]} | CPU | peak memory |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name, values in speeds.items():
        median = statistics.median(values)
        own = [row for row in rows if row["contestant"] == name]
        cpu, peak = statistics.median(row["cpu"] for row in own), max(row["peak_bytes"] for row in own)
        print(
            f"| {name}: {CONTESTANTS[name]} | {median:,.0f} | {min(values):,.0f} | {max(values):,.0f} "
            f"| {median / first:.2f} | {cpu:.0%} | {peak / 1e6:,.0f} MB |"
        )
    if "floor" in speeds:
        parts = [row["parts"] for row in rows if row["contestant"] == "floor"]
        listed = ", ".join(f"{part} {statistics.median(p[part] for p in parts) * 1e6:.0f}" for part in parts[0])
        print(f"\nfloor, µs per agent step: {listed}")
        if "pqn+0" in speeds:
            share = statistics.median(speeds["pqn+0"]) / statistics.median(speeds["floor"])
            print(f"pqn+0 makes {share:.0%} of the steps/s of its floor")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--game", default="pong", type=find_game)
    parser.add_argument("--contestants", nargs="+", choices=list(CONTESTANTS), default=DEFAULT, metavar="NAME",
                        help=f"{' '.join(CONTESTANTS)}; the first is what the others are compared with")  # fmt: skip
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="of each; default: all cores")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=30, help="of each measurement, warm-up not counted")
    # stable-baselines3 keeps every frame eight times: these are 0.56 GB of its memory.
    parser.add_argument("--memory-frames", type=int, default=10_000, help="of each memory; PQN alone has none")
    parser.add_argument("--csv", type=Path)
    arguments = parser.parse_args()
    contestants = list(dict.fromkeys(arguments.contestants))
    check_installed(contestants)

    rows = []
    for number in range(arguments.rounds):
        for name in contestants:
            rows.append(measure(name, arguments, number))
            print(
                f"round {number + 1}: {name} {rows[-1]['agent_steps_per_second']:,.0f}/s", file=sys.stderr, flush=True
            )
    print(f"{this_machine().cpu}, {arguments.threads} threads, {arguments.game}, {arguments.memory_frames:,} frames\n")
    print_table(rows, contestants)
    if arguments.csv:
        with arguments.csv.open("w", newline="") as file:
            writer = csv.writer(file)
            columns = ("contestant", "round", "agent_steps_per_second", "cpu", "peak_bytes")
            writer.writerow(columns)
            writer.writerows([row[column] for column in columns] for row in rows)


if __name__ == "__main__":
    main()
