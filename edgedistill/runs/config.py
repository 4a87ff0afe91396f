"""The settings of one training run. Every budget is in agent steps; one agent step is 4 emulator frames."""

import json
import os
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgedistill.catalogue import Architecture, parse_architecture
from edgedistill.errors import BadRequest
from edgedistill.runs.objective import Objective
from edgedistill.runs.settings import check_settings

CONFIG_VERSION = 2


@dataclass(frozen=True)
class TrainConfig:
    """What a run needs to be repeated. Checked when built; saved as `config.json` in the run."""

    game: str
    """ROM name, as `games.find_game` returns it."""
    students: tuple[Architecture, ...] = ()
    """Students taught in the same loop, each with its own optimiser. None: the teacher alone."""
    mode: str = "realtime"
    """`realtime`: students learn while the teacher does, or beside a frozen one; `offline`: Rusu et al. 2015, whose
    settings `presets.py` gives."""
    teacher: str = "pqn"
    """How the teacher learns, and its network: `pqn` (Gallici et al. 2024) or `dqn` (Mnih et al. 2015)."""
    teacher_from: str | None = None
    """Where a frozen teacher came from; its weights are in the run. None: the teacher learns in this run."""
    teacher_emits_q: bool = True
    """Whether the teacher's outputs are Q-values; a PPO teacher's are logits."""
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
    teacher_optimiser: str = "muon"
    """`muon` for PQN's convolutions beside RAdam for the rest, `radam` for all (Gallici et al. 2024), or `rmsprop`
    (Mnih et al. 2015). With Muon, Breakout's teacher had ten times the score after 300,000 steps (docs/recipe.md)."""
    learning_rate: float = 2.5e-4
    """Of the teacher's RAdam (Gallici et al. 2024) or RMSProp (Mnih et al. 2015)."""
    muon_learning_rate: float = 2e-3
    """Of the teacher's Muon; twice as much did as well (docs/recipe.md)."""
    teacher_average: float = 0.0
    """Decay, at each update, of the average of the teacher's weights that acts, teaches and is evaluated."""
    teacher_cooldown: float = 0.5
    """Share of `steps` over which the teacher's rate falls to 0 in a straight line; it gets there when its students
    begin to cool down. 1 is Gallici et al. 2024; 0, a constant rate, is Mnih et al. 2015."""
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

    loss: str = "kl"
    """Terms of a student's loss, as `Objective.parse` reads them."""
    temperature: float = 0.2
    """τ of the teacher's softmax(Q / τ), and of the student's where it emits Q-values."""
    temperature_kind: str = "relative"
    """`relative`: `temperature` counts in Q spreads (`losses.q_spread`), since the scale of Q differs from game to game
    and grows in training; `fixed`: in units of Q (0.01 in Rusu et al. 2015)."""
    memory_frames: int = 100_000
    """Frames in the memory that students learn from, 7 KB each; with a DQN teacher its own replay memory."""
    learning_starts: int = 0
    """Frames that the memory must hold before anything is learnt from it. 0: until it is full, since fewer frames, all
    from one moment, would be learnt by heart."""
    student_batch: int = 128
    """Samples per student update."""
    student_batches: float = 0.5
    """Student updates per update of a learning teacher. With 1, four students leave it 0.6 of its speed; with 0.25, a
    1.6% Pong student was far behind its teacher for most of the run (docs/recipe.md)."""
    frozen_batches: float = 4.0
    """Student updates per update that a learning teacher would have had, once it is done or where it came frozen. Its
    own updates took the time of some four of theirs; docs/recipe.md has what they gain."""
    student_driven: float = 0.5
    """Share of the environments in which students act once the teacher is done, or where it came frozen (Czarnecki et
    al. 2019). A 0.44% student of SpaceInvaders then kept 82% of its teacher, without it 56% (docs/recipe.md)."""
    target_update: int = 10_000
    """Updates of a network between copies of it to its target network; PQN's teacher has none."""
    student_optimiser: str = "muon"
    """`muon` for the weights of a student's trunk beside Adam for biases and head, or `adam` for all."""
    student_muon_learning_rate: float = 0.02
    """Of each student's Muon. 0.005 and 0.04 were worse (docs/recipe.md)."""
    student_average: float = 0.998
    """Decay, at each update, of the average of a student's weights that plays and is exported; 0: the weights
    themselves. While rates are high, an average is nearly as good as a student whose rate has fallen
    (docs/recipe.md)."""
    student_integers: float = 0.3
    """Share of `steps`, at the end, in which students compute with the integers of their export; 0: never."""
    student_learning_rate: float = 3e-3
    """Of each student's Adam. With 1e-3, a 1.6% student of a fixed Pong teacher was 15 points lower (one seed)."""
    student_cooldown: float = 0.1
    """Share of `steps`, at the end, over which the students' rate falls to 0 in a straight line. At a constant rate a
    student keeps jittering between near-equal actions, and int8 then picks others than float."""
    student_max_grad_norm: float = 0.25
    """Gradient clipping of each student. Without it, a 1.6% student's units died in the noise before the Pong teacher
    knew anything; with 0.25 and 0.5 they did not, and 0.25 followed the teacher a little closer (one seed)."""
    recycle_every: int = 0
    """Updates of a student between two looks for units that never fire, which then begin anew (ReDo: Sokar et al.
    2023, every 1,000); 0: never. A 1.6% student of Breakout kept 57% of its teacher with it, without it 41% (one seed,
    docs/recipe.md)."""

    evaluate_every: int = 250_000
    """Agent steps between evaluations; rounded to whole rollouts."""
    evaluate_episodes: int = 10
    """Games of each network in an evaluation during training."""
    checkpoint_every: int = 250_000
    """Agent steps between checkpoints; rounded to whole rollouts. The emulators cannot be saved, so all games
    restart at each: too often, and a teacher rarely sees the late game."""

    rollouts_per_report: int = 1
    """Rollouts between two reports of progress."""
    threads: int = 0
    """CPU threads for torch and for the emulators. 0: all cores this process may use."""
    device: str = "auto"
    """`cpu`, `cuda`, or `auto`: a GPU where there is one."""
    precision: str = "auto"
    """`float32`, `bf16`, or `auto`: bf16 where the hardware computes it."""

    def __post_init__(self) -> None:
        check_settings(self)
        names = [student.name for student in self.students]
        if len(set(names)) < len(names):
            raise BadRequest(f"Two students share a name: {', '.join(names)}. Rename one in its TOML.")
        taken = {"teacher", "best_teacher", "last_teacher"} & set(names)
        if taken:
            raise BadRequest(
                f"A student cannot be called '{min(taken)}': the run's own teacher is. Rename it in its TOML."
            )

    @cached_property
    def objective(self) -> Objective:
        return Objective.parse(self.loss)

    @property
    def frozen(self) -> bool:
        """Whether the teacher came ready and learns nothing."""
        return self.teacher_from is not None

    @property
    def needs_memory(self) -> bool:
        """Whether anything is learnt from a memory: by students, or by DQN's teacher."""
        return bool(self.students) or (self.teacher == "dqn" and not self.frozen)

    @property
    def rollout_steps(self) -> int:
        """Agent steps in one rollout of all environments."""
        return self.envs * self.rollout_length

    @property
    def report_steps(self) -> int:
        """Agent steps between two reports of progress."""
        return self.rollout_steps * self.rollouts_per_report

    def is_due(self, every: int, step: int) -> bool:
        """Whether `step`, a multiple of `report_steps`, is one at which something due `every` steps happens."""
        reports = max(1, round(every / self.report_steps))
        return step % (reports * self.report_steps) == 0

    def teacher_rate(self, step: int) -> float:
        """The teacher's learning rates at an agent step, as a share of the full ones."""
        if self.teacher_cooldown == 0:
            return 1.0
        # The teacher is done when its students begin to finish: they then copy one that no longer moves.
        end = self.steps * (1 - self.student_cooldown) if self.students else self.steps
        return _line(step, end, self.teacher_cooldown * self.steps)

    def teacher_learns(self, step: int) -> bool:
        """Whether the teacher learns from what is played at an agent step."""
        return not self.frozen and self.teacher_rate(step) > 0

    def student_rate(self, step: int) -> float:
        """The students' learning rates at an agent step, as a share of the full ones."""
        return _line(step, self.steps, self.student_cooldown * self.steps)

    def students_in_integers(self, step: int) -> bool:
        """Whether students compute with the integers of their export at an agent step."""
        return step >= self.steps * (1 - self.student_integers)

    def rollout_seeds(self, step: int) -> list[np.random.SeedSequence]:
        """Of the rollout that begins at `step`: for its play, the teacher's updates on it, and the students'."""
        return np.random.SeedSequence([self.seed, step]).spawn(3)

    @property
    def env_epsilon_floors(self) -> NDArray[np.float64]:
        """Final ε of each environment, (envs,)."""
        return np.array([self.epsilon_floors[i * len(self.epsilon_floors) // self.envs] for i in range(self.envs)])

    @property
    def thread_count(self) -> int:
        return self.threads or available_cores()

    @property
    def lanes(self) -> int:
        """Threads among which each kind of work is dealt out: groups of games, parts of a minibatch, students.

        Two cores of two lanes trained a minibatch in 0.54 to 0.64 of the time of one, with two threads in each
        operation it was 0.57 to 0.76. Of more than four parts each would be small for what an operation costs.
        """
        return min(self.thread_count, 4, self.envs)

    @property
    def lane_threads(self) -> int:
        """Threads of each operation in a lane; more than all cores in total would fight for them."""
        return self.thread_count // self.lanes

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


def available_cores() -> int:
    """Cores that this process may use; only Linux tells, elsewhere it is all of them."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _line(step: int, end: float, length: float) -> float:
    """1, falling in a straight line over the last `length` steps before `end` to 0."""
    return min(1.0, max(0.0, (end - step) / max(length, 1.0)))
