"""Which settings and architectures serve small students: contestants taught by one frozen teacher.

    python benchmarks/student_recipe.py TEACHER --question loss [--batches 3000] [--seed 0] [--csv recipe.csv]

TEACHER is a run, whose best teacher it is, or a student's .onnx, which teaches too. It fills a memory with its play,
and each contestant learns from that in turn. Then each plays 100 games on the validation seeds (never on the evaluation
seeds) at ε 0.01, and is compared with the teacher on frames of the teacher's own play at ε 0.05. Sorted by agreement.
"""

import argparse
import csv
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from contestants import QUESTIONS, Contestant, count_macs
from frozen_teachers import load_teacher
from numpy.typing import NDArray

from edgedistill.atari.blocks import to_blocks, to_input
from edgedistill.atari.emulator import Frames
from edgedistill.atari.games import retention
from edgedistill.atari.protocol import VALIDATION_SEED, Protocol, Scores, evaluate
from edgedistill.atari.training_env import TrainingEnvs
from edgedistill.catalogue import NATURE_DQN
from edgedistill.distill.student_update import update_student
from edgedistill.distill.students import Students, student_learner
from edgedistill.errors import BadRequest
from edgedistill.experience.batch import Batch
from edgedistill.experience.collect import collect
from edgedistill.experience.memory import ReplayMemory
from edgedistill.experience.rollout import Rollout
from edgedistill.exporter.fidelity import HELD_OUT_SEED, play_frames
from edgedistill.exporter.graph import int8_model
from edgedistill.networks.learner import Learner
from edgedistill.networks.network import ActionNetwork, AtariNetwork, GreedyPolicy, native_bf16
from edgedistill.runs.config import TrainConfig
from edgedistill.runs.schedule import student_rate, students_in_integers

HELD_OUT_FRAMES = 4_000


def filled_memory(config: TrainConfig, teacher: ActionNetwork) -> ReplayMemory:
    """A memory of the teacher's play, all games at their ε from the first step on."""
    envs = TrainingEnvs(config.game, config.envs, threads=config.thread_count, sticky=config.sticky)
    memory = ReplayMemory(config.memory_frames, config.envs, config.rollout_length, envs.actions)
    rng = np.random.default_rng([config.seed, 77])
    first, running_return = to_blocks(envs.reset(config.seed)), np.zeros(config.envs)
    while len(memory) < memory.capacity:
        rollout = Rollout.empty(first, config.rollout_length, envs.actions)
        collect(envs, rollout, teacher, config.env_epsilon_floors, rng, running_return)
        first = rollout.blocks[-1]
        memory.add(rollout)
    envs.close()
    return memory


def teach(contestant: Contestant, base: TrainConfig, teacher: ActionNetwork, memory: ReplayMemory) -> Learner:
    """A contestant after `base.steps` batches from the memory."""
    config = replace(base, **contestant.settings)
    torch.manual_seed(config.seed)
    student = student_learner(config, "student", contestant.network(teacher.actions, native_bf16(torch.device("cpu"))))
    students, network = Students(config, [student]), student.network
    if contestant.centred:
        students.centre(memory)
    rng = np.random.default_rng(config.seed)
    for batch in range(config.steps):
        student.set_rate(student_rate(config, batch))
        if students_in_integers(config, batch):
            students.begin_integers(memory)
        sample = memory.sample(config.student_batch, rng, with_next=config.objective.td is not None)
        update_student(student, Batch.of(sample, network.device, network.input_dtype), config)
    return student


@dataclass(frozen=True)
class Judge:
    """What contestants are measured by."""

    game: str
    protocols: list[Protocol]
    held_out: Frames
    """Of the teacher's play"""
    values: NDArray[np.float32]
    """The teacher's, of the held-out frames"""
    scores: list[Scores]
    """The teacher's"""

    @classmethod
    def of(cls, teacher: ActionNetwork, game: str, protocols: list[Protocol]) -> "Judge":
        policy = GreedyPolicy(teacher)
        held_out = play_frames(policy, game, HELD_OUT_FRAMES, seed=HELD_OUT_SEED, epsilon=0.05)
        values = all_values(policy, held_out)
        return cls(game, protocols, held_out, values, [evaluate(policy, game, protocol) for protocol in protocols])

    def row(self, network: AtariNetwork) -> dict[str, float]:
        """A contestant's figures."""
        network = network.eval()
        network.bf16 = False
        policy = GreedyPolicy(network)
        picked = all_values(policy, self.held_out).argmax(axis=1)
        best = self.values.max(axis=1)
        regret = best - self.values[np.arange(len(picked)), picked]
        scores = [evaluate(policy, self.game, protocol) for protocol in self.protocols]
        low, high = scores[0].interval or (float("nan"), float("nan"))
        parameters = sum(parameter.numel() for parameter in network.parameters())
        return {
            "ratio": parameters / NATURE_DQN.parameters(network.actions), "mmac": count_macs(network) / 1e6,
            "dead": dead_share(network, self.held_out),
            "agreement": float((picked == self.values.argmax(axis=1)).mean()),
            "regret": float(regret.mean() / (best - self.values.mean(axis=1)).mean()),
            "score": scores[0].mean, "low": low, "high": high, "teacher": self.scores[0].mean,
            **{
                f"retention_{mine.protocol.epsilon:g}": retention(self.game, mine.mean, theirs.mean) or float("nan")
                for mine, theirs in zip(scores, self.scores, strict=True)
            },
        }  # fmt: skip


def all_values(policy: GreedyPolicy, frames: Frames) -> NDArray[np.float32]:
    """(N, 84, 84, 4) -> (N, A)."""
    return np.concatenate([policy.values(frames[start : start + 500]) for start in range(0, len(frames), 500)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("teacher", type=Path)
    parser.add_argument("--question", choices=sorted(QUESTIONS), default="loss")
    parser.add_argument("--frames", type=int, default=200_000, help="Of the teacher's play.")
    parser.add_argument("--batches", type=int, default=3_000, help="Updates of each contestant.")
    parser.add_argument("--episodes", type=int, default=100)
    parser.add_argument("--epsilon", type=float, action="append", help="Of the games; may repeat. Default: 0.01.")
    parser.add_argument("--floor", type=float, action="append", help="ε of the teacher's play. Default: TrainConfig's.")
    parser.add_argument("--only", action="append", help="These contestants only.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--csv", type=Path, help="Rows are added to it.")
    arguments = parser.parse_args()
    names = [contestant.name for contestant in QUESTIONS[arguments.question]]
    for name in arguments.only or []:
        if name not in names:
            parser.error(f"--only: no contestant is called {name!r}. There are: {', '.join(names)}")

    torch.set_num_threads(arguments.threads)
    game, teacher, emits_q = load_teacher(arguments.teacher)
    base = TrainConfig(
        game, steps=arguments.batches, seed=arguments.seed, teacher_from=str(arguments.teacher),
        teacher_emits_q=emits_q, student_cooldown=0.3, student_integers=0.0, memory_frames=arguments.frames,
        threads=arguments.threads,
    )  # fmt: skip
    if arguments.floor:
        base = replace(base, epsilon_floors=tuple(arguments.floor))
    protocols = [Protocol(arguments.episodes, epsilon, seed=VALIDATION_SEED) for epsilon in arguments.epsilon or [0.01]]
    judge = Judge.of(teacher, game, protocols)
    memory = filled_memory(base, teacher)
    rows = []
    for row in _rows(arguments.question, arguments.only, base, teacher, memory, judge):
        rows.append(row)
        if arguments.csv:
            _write(row, arguments.csv)
    _report(rows)


def _rows(
    question: str, only: list[str] | None, base: TrainConfig, teacher: ActionNetwork, memory: ReplayMemory, judge: Judge
) -> Iterator[dict[str, float | int | str]]:
    for contestant in QUESTIONS[question]:
        if not only or contestant.name in only:
            try:
                replace(base, **contestant.settings)
            except BadRequest as error:
                print(f"{contestant.name} is left out: {error}")
                continue
            began = time.perf_counter()
            student = teach(contestant, base, teacher, memory)
            seconds = time.perf_counter() - began
            yield {
                "game": base.game, "question": question, "seed": base.seed, "batches": base.steps,
                "contestant": contestant.name, "seconds": round(seconds, 1), "bytes": graph_bytes(student.player),
                **judge.row(student.player),
            }  # fmt: skip


def graph_bytes(network: AtariNetwork) -> int:
    """Of its file without a card, which takes some 600 more; 0 where it does not compute in integers."""
    return int8_model(network).ByteSize() if network.is_integer else 0


def dead_share(network: AtariNetwork, held_out: Frames) -> float:
    """The share of a student's channels and units that fire on none of every other held-out frame."""
    x = to_input(np.ascontiguousarray(np.moveaxis(held_out[::2], 3, 1)), torch.device("cpu"), torch.float32)
    dead = []
    with torch.no_grad():
        for layer in network.trunk:
            x = layer(x)
            if isinstance(layer, torch.nn.ReLU):
                dead.append((x <= 0).transpose(0, 1).flatten(1).all(dim=1))
    return float(torch.cat(dead).float().mean())


def _write(row: dict[str, float | int | str], path: Path) -> None:
    is_new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, list(row))
        if is_new:
            writer.writeheader()
        writer.writerow(row)


def _report(rows: list[dict[str, float | int | str]]) -> None:
    rows = sorted(rows, key=lambda row: -float(row["agreement"]))
    first = rows[0]
    print(
        f"{first['game']}, {first['question']}, seed {first['seed']}, {first['batches']} batches, "
        f"teacher {first['teacher']:.1f}"
    )
    retained = [column for column in first if column.startswith("retention_")]
    heads = [column.replace("retention_", "retention, ε ") for column in retained]
    columns = ["contestant", "seconds", "bytes", "ratio", "MMAC", "dead units", "agreement", "regret", "score", *heads]
    print(f"| {' | '.join(columns)} |")
    print(f"| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |{' ---: |' * len(heads)}")
    for row in rows:
        shares = " | ".join(f"{row[column]:.1%}" for column in retained)
        print(
            f"| {row['contestant']} | {row['seconds']} | {row['bytes']:,} | {row['ratio']:.2%} | {row['mmac']:.2f} "
            f"| {row['dead']:.0%} | {row['agreement']:.1%} | {row['regret']:.3f} "
            f"| {row['score']:.1f} [{row['low']:.1f}, {row['high']:.1f}] | {shares} |"
        )


if __name__ == "__main__":
    main()
