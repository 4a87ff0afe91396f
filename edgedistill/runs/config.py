"""The settings of one training run. Every budget is in agent steps; one agent step is 4 emulator frames."""

import json
import os
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgedistill.catalogue import Architecture, parse_architecture
from edgedistill.errors import BadRequest

CONFIG_VERSION = 1


@dataclass(frozen=True)
class TrainConfig:
    """What a run needs to be repeated. Checked when built; saved as `config.json` in the run."""

    game: str
    """ROM name, as `games.find_game` returns it."""
    students: tuple[Architecture, ...] = ()
    """Students taught in the same loop, each with its own optimiser. None: the teacher alone."""
    seed: int = 0
    """All randomness derives from it: weights, no-ops, exploration, minibatches."""
    steps: int = 2_000_000
    """Agent steps. Pong is solved at about half of this (docs/performance.md)."""
    minutes: float | None = None
    """Stop after this many minutes of this invocation, evaluations included. None: no limit."""

    envs: int = 32
    """Parallel games. 32 fill two cores; more gave no speed on them. Gallici et al. 2024 use 128 on a GPU."""
    rollout_length: int = 64
    """Steps of each game between updates. 64 × 32 keeps the 2,048 samples that 32 × 128 would be half of."""
    epochs: int = 2
    """Passes over each rollout (Gallici et al. 2024)."""
    minibatch: int = 128
    """Samples per teacher update. 256 left Pong at −13.8 after 0.8M steps where 128 had reached +10.4."""
    learning_rate: float = 2.5e-4
    """Of the teacher's RAdam (Gallici et al. 2024)."""
    max_grad_norm: float = 10.0
    """Gradient clipping of the teacher (Gallici et al. 2024)."""
    gamma: float = 0.99
    """Discount per agent step (Mnih et al. 2015)."""
    lam: float = 0.65
    """λ of the Q(λ) targets (Gallici et al. 2024)."""
    epsilon_decay_steps: int = 300_000
    """Agent steps over which ε falls from 1 to each environment's floor; Pong's teacher takes off at its end."""
    epsilon_floors: tuple[float, ...] = (0.01, 0.01, 0.05, 0.15)
    """Final ε, dealt out over the environments in equal parts. The larger ones show students what follows a slip:
    a 1.6% Pong student then kept 16.4 at ε 0.05, against 11.8 when all played at 0.01 (one seed)."""
    sticky: float = 0.0
    """Probability that the emulator repeats the last action; 0.25 in Machado et al. 2018."""

    memory_frames: int = 100_000
    """Frames in the distillation memory, 7 KB each."""
    student_batch: int = 128
    """Samples per student update; one update goes with each of the teacher's."""
    student_learning_rate: float = 3e-3
    """Of each student's Adam. With 1e-3, a 1.6% student of a fixed Pong teacher was 15 points lower (one seed)."""
    student_cooldown: float = 0.1
    """Share of `steps`, at the end, over which the students' rate falls to 0 in a straight line. At a constant rate a
    student keeps jittering between near-equal actions, and int8 then picks others than float."""
    student_max_grad_norm: float = 0.25
    """Gradient clipping of each student. Without it, a 1.6% student's units died in the noise before the Pong teacher
    knew anything; with 0.25 and 0.5 they did not, and 0.25 followed the teacher a little closer (one seed)."""
    temperature: float = 0.2
    """Of the teacher's softmax, as a share of its Q spread (`losses.q_spread`)."""

    evaluate_every: int = 250_000
    """Agent steps between evaluations; rounded to whole rollouts."""
    evaluate_episodes: int = 10
    """Games of each network in an evaluation during training."""
    checkpoint_every: int = 250_000
    """Agent steps between checkpoints; rounded to whole rollouts. The emulators cannot be saved, so all games
    restart at each: too often, and a teacher rarely sees the late game."""

    threads: int = 0
    """CPU threads for torch and for the emulators. 0: all cores this process may use."""
    device: str = "auto"
    """`cpu`, `cuda`, or `auto`: a GPU where there is one."""
    precision: str = "auto"
    """`float32`, `bf16`, or `auto`: bf16 where the hardware computes it."""

    def __post_init__(self) -> None:
        def refuse(name: str, accepted: str) -> BadRequest:
            option = "--" + name.replace("_", "-")
            return BadRequest(f"{option} must be {accepted}, got {getattr(self, name)!r}.")

        for name in (
            "steps", "envs", "rollout_length", "epochs", "minibatch", "epsilon_decay_steps", "memory_frames",
            "student_batch", "evaluate_every", "evaluate_episodes", "checkpoint_every",
        ):  # fmt: skip
            if getattr(self, name) < 1:
                raise refuse(name, "at least 1")
        for name in (
            "learning_rate", "max_grad_norm", "student_learning_rate", "student_max_grad_norm", "temperature",
        ):  # fmt: skip
            if not getattr(self, name) > 0:
                raise refuse(name, "above 0")
        for name in ("gamma", "lam", "sticky", "student_cooldown"):
            if not 0 <= getattr(self, name) <= 1:
                raise refuse(name, "from 0 to 1")
        if self.minutes is not None and not self.minutes > 0:
            raise refuse("minutes", "above 0")
        if self.seed < 0 or self.threads < 0:
            raise refuse("seed" if self.seed < 0 else "threads", "0 or above")
        if self.device not in ("auto", "cpu", "cuda"):
            raise refuse("device", "auto, cpu or cuda")
        if self.precision not in ("auto", "float32", "bf16"):
            raise refuse("precision", "auto, float32 or bf16")
        if self.minibatch > self.rollout_steps:
            raise refuse("minibatch", f"at most envs × rollout length = {self.rollout_steps}")
        names = [student.name for student in self.students]
        if len(set(names)) < len(names):
            raise BadRequest(f"Two students share a name: {', '.join(names)}. Rename one in its TOML.")

    @property
    def rollout_steps(self) -> int:
        """Agent steps in one rollout of all environments."""
        return self.envs * self.rollout_length

    def is_due(self, every: int, step: int) -> bool:
        """Whether `step`, a multiple of `rollout_steps`, is one at which something due `every` steps happens."""
        rollouts = max(1, round(every / self.rollout_steps))
        return step % (rollouts * self.rollout_steps) == 0

    def student_rate(self, step: int) -> float:
        """The students' learning rate at an agent step."""
        cooldown = max(self.student_cooldown * self.steps, 1.0)
        return self.student_learning_rate * min(1.0, (self.steps - step) / cooldown)

    @property
    def env_epsilon_floors(self) -> NDArray[np.float64]:
        """Final ε of each environment, (envs,)."""
        return np.array([self.epsilon_floors[i * len(self.epsilon_floors) // self.envs] for i in range(self.envs)])

    @property
    def thread_count(self) -> int:
        # Only Linux tells which cores this process may use.
        available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        return self.threads or available or 1

    def to_json(self) -> str:
        table = asdict(replace(self, students=()))
        table["students"] = [student.to_dict() for student in self.students]
        return json.dumps({"config_version": CONFIG_VERSION, **table}, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str, source: str) -> "TrainConfig":
        """Read what `to_json` wrote.

        Raises:
            BadRequest: not JSON, another version, or an unknown, missing or unusable field; `source` names the file.
        """
        try:
            table: dict[str, Any] = json.loads(text)
            if table.pop("config_version", None) != CONFIG_VERSION:
                raise BadRequest(f"{source}: written by another version of edgedistill.")
            table["students"] = tuple(parse_architecture(student, source) for student in table["students"])
            table["epsilon_floors"] = tuple(table["epsilon_floors"])
            unknown = set(table) - {field.name for field in fields(cls)}
            if unknown:
                raise BadRequest(f"{source}: unknown setting '{min(unknown)}'.")
            return cls(**table)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise BadRequest(f"{source}: not a run's config ({error}).") from error
