"""What students cost: agent steps/s of the real-time loop with 0, 1, 4 and 8 students, alternating in one run.

    python benchmarks/student_cost.py [--rounds 3] [--rollouts 8] [--csv student_cost.csv]

Each measurement builds the loop anew, lets it warm up until students learn, and times whole rollouts; the table gives
the median over rounds and their spread.
"""

import argparse
import csv
import statistics
import time
from dataclasses import replace
from pathlib import Path

import torch

from edgedistill.atari.training_env import TrainingEnvs
from edgedistill.catalogue import find_architecture
from edgedistill.distill.learners import Learners
from edgedistill.distill.realtime import distil
from edgedistill.runs.config import TrainConfig
from edgedistill.runtime.machine import this_machine
from edgedistill.teachers.replay import ReplayMemory

STUDENTS = {
    0: (),
    1: ("micro",),
    4: ("net1", "net5", "micro", "nano"),
    8: ("net1", "net2", "net3", "net4", "net5", "micro", "nano", "pico"),
}
# Two rollouts fill this memory, so that students learn from the second on.
MEMORY_FRAMES = 4_096
WARM_UP_ROLLOUTS = 3


def steps_per_second(config: TrainConfig, rollouts: int) -> float:
    """Agent steps a second over `rollouts` rollouts, without evaluation."""
    torch.set_num_threads(config.thread_count)
    envs = TrainingEnvs(config.game, config.envs, threads=config.thread_count)
    memory = ReplayMemory(config.memory_frames, config.envs, config.rollout_length, envs.actions)
    loop = distil(config, Learners.build(config, envs.actions), memory, envs, start_step=0)
    for _ in range(WARM_UP_ROLLOUTS):
        next(loop)
    began = time.perf_counter()
    for _ in range(rollouts):
        next(loop)
    seconds = time.perf_counter() - began
    envs.close()
    return rollouts * config.rollout_steps / seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--game", default="pong")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rollouts", type=int, default=8)
    parser.add_argument("--csv", type=Path)
    arguments = parser.parse_args()

    config = TrainConfig(arguments.game, memory_frames=MEMORY_FRAMES)
    speeds: dict[int, list[float]] = {count: [] for count in STUDENTS}
    for _ in range(arguments.rounds):
        for count, names in STUDENTS.items():
            students = tuple(find_architecture(name) for name in names)
            speeds[count].append(steps_per_second(replace(config, students=students), arguments.rollouts))

    print(f"{this_machine().cpu}, {config.thread_count} threads, torch {torch.__version__}, {arguments.game}")
    print("| students | agent steps/s, median | lowest | highest | of none |")
    print("| --- | ---: | ---: | ---: | ---: |")
    alone = statistics.median(speeds[0])
    for count, names in STUDENTS.items():
        values = speeds[count]
        median = statistics.median(values)
        label = f"{count} ({', '.join(names)})" if names else "0"
        print(f"| {label} | {median:.0f} | {min(values):.0f} | {max(values):.0f} | {median / alone:.2f} |")
    if arguments.csv:
        with arguments.csv.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["students", "round", "agent_steps_per_second"])
            writer.writerows((count, i, speed) for count, values in speeds.items() for i, speed in enumerate(values))


if __name__ == "__main__":
    main()
