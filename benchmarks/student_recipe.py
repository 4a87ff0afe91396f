"""Which settings and architectures serve small students: contestants taught side by side by one frozen teacher.

    python benchmarks/student_recipe.py RUN --question loss [--rollouts 40] [--batches 4] [--seed 0] [--csv recipe.csv]

All contestants of a question learn in one loop, from the same play of the run's best teacher, each with its own
optimiser. Then each plays 30 games on the validation seeds (never on the evaluation seeds) at ε 0.01, and is
compared with the teacher on frames of the teacher's own play at ε 0.05. The table is sorted by agreement.
"""

import argparse
import csv
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from contestants import QUESTIONS, Contestant, count_macs, round_network, unround_network
from numpy.typing import NDArray

from edgedistill.atari.emulator import Frames
from edgedistill.atari.games import retention
from edgedistill.atari.protocol import VALIDATION_SEED, Protocol, evaluate
from edgedistill.atari.training_env import TrainingEnvs
from edgedistill.catalogue import NATURE_DQN
from edgedistill.distill.dead_units import dead_units
from edgedistill.distill.learners import Learner, Learners
from edgedistill.distill.students import Batch, update_student
from edgedistill.distill.updates import recycle, recycling_is_due
from edgedistill.exporter.export import (
    CALIBRATION_EPSILONS,
    CALIBRATION_FRAMES,
    CALIBRATION_SEED,
    HELD_OUT_SEED,
    play_frames,
)
from edgedistill.exporter.graph import int8_model
from edgedistill.networks.network import AtariNetwork, GreedyPolicy, to_input
from edgedistill.runs.config import TrainConfig
from edgedistill.runs.folder import RunFolder
from edgedistill.runs.trained import load_trained
from edgedistill.teachers.acting import Rollout, collect
from edgedistill.teachers.replay import ReplayMemory

HELD_OUT_FRAMES = 4_000


@dataclass(frozen=True)
class Student:
    """A contestant at work."""

    contestant: Contestant
    learner: Learner
    config: TrainConfig
    memory: ReplayMemory


def teach(
    contestants: Iterable[Contestant], base: TrainConfig, teacher: torch.nn.Module, rollouts: int
) -> list[Student]:
    """Let the frozen teacher play `rollouts` rollouts, and the contestants learn from each."""
    envs = TrainingEnvs(base.game, base.envs, threads=base.thread_count, sticky=base.sticky)
    learners = Learners.build(base, envs.actions)
    learners.teacher.network.load_state_dict(teacher.state_dict())
    memories: dict[int, ReplayMemory] = {}
    students = []
    for contestant in contestants:
        config = replace(base, **contestant.settings)
        torch.manual_seed(config.seed)
        network = contestant.network(envs.actions, learners.teacher.network.bf16)
        optimiser = torch.optim.Adam(network.parameters(), config.student_learning_rate, fused=True)
        learner = Learner.build(contestant.name, network, optimiser, with_target=config.objective.td is not None)
        frames = config.memory_frames
        if frames not in memories:
            memories[frames] = ReplayMemory(frames, config.envs, config.rollout_length, envs.actions)
        students.append(Student(contestant, learner, config, memories[frames]))
    rng = np.random.default_rng([base.seed, 77])
    obs = envs.reset(base.seed)
    running_return = np.zeros(base.envs)
    for rollout_number in range(rollouts):
        step = rollout_number * base.rollout_steps
        rollout = Rollout.empty(obs, base.rollout_length, envs.actions)
        collect(envs, rollout, learners.teacher.network, base.env_epsilon_floors, rng, running_return)
        obs = rollout.obs[-1]
        for memory in memories.values():
            memory.add(rollout)
        for student in students:
            if rollout_number == int(student.contestant.rounded_from * rollouts):
                round_network(student.learner.network)
        _learn(students, learners, rollout_number, step)
    envs.close()
    return students


def _learn(students: list[Student], learners: Learners, rollout_number: int, step: int) -> None:
    """What the contestants learn after one rollout; those that ask for the same batches get the same ones."""
    updates = {}
    for student in students:
        config, learner = student.config, student.learner
        if len(student.memory) >= min(config.learning_starts, student.memory.capacity):
            updates[student.contestant.name] = round(
                config.epochs * config.rollout_steps / config.minibatch * config.student_batches
            )
            if not learner.network.is_centred:
                learner.network.centre(student.memory.mean_brightness())
            learner.set_rate(config.student_rate(step))
    for number in range(max(updates.values(), default=0)):
        batches: dict[tuple[int, int, bool], Batch] = {}
        for student in students:
            config = student.config
            if number < updates.get(student.contestant.name, 0):
                wanted = (config.memory_frames, config.student_batch, config.objective.td is not None)
                if wanted not in batches:
                    rng = np.random.default_rng([config.seed, rollout_number, number])
                    sample = student.memory.sample(config.student_batch, rng, next_frames=wanted[2])
                    batches[wanted] = Batch.of(sample, learners)
                update_student(student.learner, batches[wanted], config)
    for student in students:
        config, learner = student.config, student.learner
        count = updates.get(student.contestant.name, 0)
        if count and recycling_is_due(config, learner, count):
            recycle([learner], learners, student.memory, np.random.default_rng([config.seed, rollout_number]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--question", choices=sorted(QUESTIONS), default="loss")
    parser.add_argument("--rollouts", type=int, default=40)
    parser.add_argument("--batches", type=float, default=4.0, help="Student updates per update a teacher would have.")
    parser.add_argument("--episodes", type=int, default=30)
    parser.add_argument("--epsilon", type=float, action="append", help="Of the games; may repeat. Default: 0.01.")
    parser.add_argument("--floor", type=float, action="append", help="ε of the teacher's play. Default: TrainConfig's.")
    parser.add_argument("--int8", action="store_true", help="Export each, and compare the int8 student as well.")
    parser.add_argument("--only", action="append", help="These contestants only.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--csv", type=Path, help="Rows are added to it.")
    arguments = parser.parse_args()

    run = RunFolder.open(arguments.run)
    source = run.config()
    teacher = load_trained(run, ["best_teacher"])[0].network
    base = TrainConfig(
        source.game, steps=arguments.rollouts * 2048, seed=arguments.seed, teacher=source.teacher,
        teacher_from=str(run.path), learning_starts=10_000, student_batches=arguments.batches, sticky=source.sticky,
        threads=arguments.threads,
        recycle_every=0,  # contestants' layers may be others than the catalogue's
    )  # fmt: skip
    if arguments.floor:
        base = replace(base, epsilon_floors=tuple(arguments.floor))
    contestants = [each for each in QUESTIONS[arguments.question] if not arguments.only or each.name in arguments.only]
    torch.set_num_threads(base.thread_count)
    policy = GreedyPolicy(teacher)
    held_out = play_frames(lambda frames: policy(frames), base.game, HELD_OUT_FRAMES, seed=HELD_OUT_SEED, epsilon=0.05)
    wanted = np.concatenate([policy(held_out[i : i + 500]) for i in range(0, len(held_out), 500)])
    epsilons = arguments.epsilon or [0.01]
    protocols = [Protocol(arguments.episodes, epsilon, seed=VALIDATION_SEED) for epsilon in epsilons]
    teacher_means = [evaluate(policy, base.game, protocol).mean for protocol in protocols]

    rows = []
    for student in teach(contestants, base, teacher, arguments.rollouts):
        network = student.learner.network.eval()
        network.bf16 = False
        unround_network(network)
        student_policy = GreedyPolicy(network)
        picked = np.concatenate([student_policy(held_out[i : i + 500]) for i in range(0, len(held_out), 500)])
        scores = [evaluate(student_policy, base.game, protocol) for protocol in protocols]
        retained = [
            retention(base.game, score.mean, mean) or float("nan")
            for score, mean in zip(scores, teacher_means, strict=True)
        ]
        parameters = sum(parameter.numel() for parameter in network.parameters())
        low, high = scores[0].interval
        rows.append({
            "game": base.game, "question": arguments.question, "seed": base.seed, "contestant": student.contestant.name,
            "ratio": parameters / NATURE_DQN.parameters(network.actions), "mmac": count_macs(network) / 1e6,
            "dead": dead_share(network, held_out),
            "agreement": float((picked == wanted).mean()), "score": scores[0].mean, "low": low, "high": high,
            "teacher": teacher_means[0], "floors": " ".join(str(floor) for floor in base.epsilon_floors),
            **(int8_agreement(student_policy, base.game, held_out, wanted, picked) if arguments.int8 else {}),
            **{f"retention_{epsilon:g}": share for epsilon, share in zip(epsilons, retained, strict=True)},
        })  # fmt: skip
    _report(rows, arguments.csv)


def dead_share(network: AtariNetwork, held_out: Frames) -> float:
    """The share of a student's units that fire on none of every other held-out frame."""
    x = to_input(held_out[::2], torch.device("cpu"), torch.float32)
    return float(torch.cat(dead_units(network, x)).float().mean())


def int8_agreement(
    policy: GreedyPolicy, game: str, held_out: Frames, wanted: NDArray[np.int64], picked: NDArray[np.int64]
) -> dict[str, float]:
    """Shares of held-out frames on which the int8 student does what the teacher does, and what its float self does."""
    play = [
        play_frames(policy, game, CALIBRATION_FRAMES, seed=CALIBRATION_SEED, epsilon=epsilon)
        for epsilon in CALIBRATION_EPSILONS
    ]
    model = int8_model(policy.network, np.concatenate(play))
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    chunks = [held_out[start : start + 500] for start in range(0, len(held_out), 500)]
    actions = np.concatenate([session.run(None, {"frames": chunk})[0].argmax(axis=1) for chunk in chunks])
    return {"int8_as_teacher": float((actions == wanted).mean()), "int8_as_float": float((actions == picked).mean())}


def _report(rows: list[dict[str, float | int | str]], path: Path | None) -> None:
    rows = sorted(rows, key=lambda row: -float(row["agreement"]))
    first = rows[0]
    print(
        f"{first['game']}, {first['question']}, seed {first['seed']}, teacher {first['teacher']:.1f} "
        f"playing at ε {first['floors']}"
    )
    retained = [column for column in first if column.startswith("retention_")]
    retained += [column for column in first if column.startswith("int8_")]
    heads = [column.replace("retention_", "retention, ε ").replace("_", " ") for column in retained]
    print(f"| contestant | ratio | MMAC | dead units | agreement | score | {' | '.join(heads)} |")
    print(f"| --- | ---: | ---: | ---: | ---: | ---: |{' ---: |' * len(heads)}")
    for row in rows:
        shares = " | ".join(f"{row[column]:.1%}" for column in retained)
        print(
            f"| {row['contestant']} | {row['ratio']:.2%} | {row['mmac']:.2f} | {row['dead']:.0%} "
            f"| {row['agreement']:.1%} | {row['score']:.1f} [{row['low']:.1f}, {row['high']:.1f}] | {shares} |"
        )
    if path:
        is_new = not path.exists()
        with path.open("a", newline="") as file:
            writer = csv.DictWriter(file, list(first))
            if is_new:
                writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
