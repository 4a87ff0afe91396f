"""The settings of one training run. Every budget is in agent steps; one agent step is 4 emulator frames."""

import os
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from edgedistill.catalogue import Architecture
from edgedistill.errors import BadRequest
from edgedistill.runs.consistency import check_together
from edgedistill.runs.ensemble import Member
from edgedistill.runs.kinds import KINDS, TeacherKind
from edgedistill.runs.objective import Objective
from edgedistill.runs.optimisers import STUDENT_OPTIMISERS, TEACHER_OPTIMISERS, described
from edgedistill.runs.setting import Group, check_settings, setting
from edgedistill.runs.went_on import WentOn

# More agent steps than anybody plays: what stands for "never" in `--evaluate-every` and its like.
MOST_STEPS = 10**15


@dataclass(frozen=True)
class TrainConfig:
    """What a run needs to be repeated. Checked when built; saved as `config.json` in the run."""

    game: str
    """ROM name, as `games.find_game` returns it."""
    students: tuple[Architecture, ...] = ()
    """Students taught in the same loop, each with its own optimisers. None: the teacher alone."""
    teacher_from: str | None = None
    """Where a frozen teacher came from; its weights are in the run. None: the teacher learns in this run."""
    teacher_emits_q: bool = True
    """Whether the teacher's outputs are Q-values; those of a PPO teacher, a student and an ensemble are logits."""
    ensemble: tuple[Member, ...] = ()
    """The members of a frozen teacher that is several; their mean policy is what students learn."""
    went_on: tuple[WentOn, ...] = ()
    """Where the run went on with another number of `steps`, written there; new runs have none."""
    mode: str = setting(
        "realtime", "realtime, or offline: Rusu et al. 2015, where a finished teacher plays and students copy it.",
        words=("realtime", "offline"),
    )  # fmt: skip
    """`realtime`: students learn while the teacher does, or beside a frozen one; `offline` has the settings of Rusu et
    al. 2015 (`presets.py`)."""
    steps: int = setting(
        2_000_000, "Agent steps, 4 frames each. Learning rates, integers and who plays go by this number.",
        least=1, most=MOST_STEPS, resumable=True,
    )  # fmt: skip
    """Pong takes 600,000 to 1.5 million (docs/realtime-vs-offline.md, docs/results.md), most games more."""
    minutes: float | None = setting(
        None, "Stop after so many minutes, if --steps take longer. --resume goes on.",
        above=0, most=1e6, resumable=True,
    )  # fmt: skip
    """Of this invocation, evaluations included. None: no limit."""
    seed: int = setting(0, "All randomness derives from it.", least=0, most=2**31)
    """Weights, no-ops, exploration, minibatches."""
    sticky: float = setting(0.0, "Sticky actions; 0.25 is Machado et al. 2018.", least=0, most=1)
    """Probability that the emulator repeats the last action."""

    teacher: str = setting(
        "pqn",
        " or ".join(f"{name} ({kind.source})" for name, kind in KINDS.items()) + ".",
        Group.TEACHER,
        words=tuple(KINDS),
    )
    """How the teacher learns."""
    teacher_network: str = setting(
        "nature",
        "nature, or a student's name; with --teacher-only, what it makes of the game by itself.",
        Group.TEACHER,
    )
    """The network of Mnih et al. 2015, or one of the catalogue: the baseline of distillation."""
    envs: int = setting(32, "Parallel games.", Group.TEACHER, least=1, most=256)
    """32 fill two cores; more gave no speed on them. Gallici et al. 2024 use 128 on a GPU. No signal is heard while the
    emulators of all are made, a tenth of a second each."""
    rollout_length: int = setting(64, "Steps of each game between updates.", Group.TEACHER, least=1, most=4096)
    """With 32 games, 2,048 samples: half of what Gallici et al. 2024 take, 32 steps of 128 games."""
    epochs: int = setting(2, "Passes of PQN over each rollout.", Group.TEACHER, least=1, most=100)
    """Gallici et al. 2024."""
    minibatch: int = setting(128, "Samples per update of the teacher.", Group.TEACHER, least=1, most=65_536)
    """256 left Pong at −13.8 after 0.8M steps where 128 had reached +10.4."""
    teacher_optimiser: str = setting(
        "muon", described(TEACHER_OPTIMISERS), Group.TEACHER, words=tuple(TEACHER_OPTIMISERS)
    )
    """RAdam is Gallici et al. 2024, RMSProp Mnih et al. 2015. With Muon (Jordan et al. 2024), Breakout's teacher plays
    several times better after as many steps (docs/decisions.md)."""
    learning_rate: float = setting(2.5e-4, "Of RAdam or RMSProp.", Group.TEACHER, above=0, most=1)
    """Gallici et al. 2024; Mnih et al. 2015."""
    muon_learning_rate: float = setting(2e-3, "Of the teacher's Muon.", Group.TEACHER, above=0, most=1)
    """Twice as much did as well in a prototype (docs/decisions.md)."""
    teacher_average: float = setting(
        0.99, "Decay of the average of the teacher's weights that teaches and is evaluated; 0: none.",
        Group.TEACHER, least=0, most=0.99999,
    )  # fmt: skip
    """At each update. Action values change less from rollout to rollout, so that students can follow: in Breakout
    `micro` scored 22.4 after 400,000 steps instead of 7.5 (one seed, docs/decisions.md)."""
    teacher_cooldown: float = setting(
        0.5,
        "Share of the steps over which the teacher's rates fall to 0, before students finish.",
        Group.TEACHER,
        least=0,
        most=1,
    )
    """In a straight line; it gets there when its students' rates begin to fall. 1, without students, is Gallici et
    al. 2024; 0, a constant rate, is Mnih et al. 2015. Half is between them
    (`benchmarks/teacher_recipe.py --question cooldown`)."""
    max_grad_norm: float = setting(10.0, "Gradient clipping of PQN's teacher.", Group.TEACHER, above=0, most=1e9)
    """Gallici et al. 2024."""
    gamma: float = setting(0.99, "Discount per agent step.", Group.TEACHER, least=0, most=1)
    """Mnih et al. 2015."""
    lam: float = setting(0.65, "λ of PQN's Q(λ) targets.", Group.TEACHER, least=0, most=1)
    """Gallici et al. 2024."""
    epsilon_decay_steps: int = setting(
        200_000, "Agent steps over which exploration falls.", Group.TEACHER, least=1, most=MOST_STEPS
    )
    """ε falls from 1 to each environment's floor. With Muon, Pong and Breakout take off before its end."""
    epsilon_floors: tuple[float, ...] = setting(
        (0.01, 0.01, 0.05, 0.15), "Final ε. Repeated, it is dealt out over the games.", Group.TEACHER,
        least=0, most=1, option="--epsilon-floor",
    )  # fmt: skip
    """Dealt out in equal parts. The larger ones show students what follows a slip: a 1.6% Pong student then kept 16.4
    at ε 0.05, against 11.8 when all played at 0.01 (one seed)."""
    target_update: int = setting(
        250, "Updates between copies to a target network (dqn; students with a Q-loss).", Group.TEACHER,
        least=1, most=10**9,
    )  # fmt: skip
    """Mnih et al. 2015 copy every 10,000 updates of DQN, 40,000 agent steps. A PQN teacher has no such network, and its
    students, with a Q-loss, make some 250 updates in as many steps."""

    loss: str = setting(
        "kl", "kl, reverse-kl, nll, mse, imitation-q, self-q, or a sum: kl+imitation-q.", Group.STUDENTS
    )
    """Terms of a student's loss, as `Objective.parse` reads them."""
    temperature: float = setting(0.2, "τ of the teacher's softmax.", Group.STUDENTS, above=0, most=1e9)
    """Of softmax(Q / τ), and of the student's where it emits Q-values; a teacher's logits are taken like Q. In Breakout
    0.5 is no better, in Beam Rider perhaps (docs/recipe.md)."""
    temperature_kind: str = setting(
        "relative", "relative: τ counts in Q spreads (best minus mean); fixed: in Q.", Group.STUDENTS,
        words=("relative", "fixed"),
    )  # fmt: skip
    """The scale of Q differs from game to game and grows in training (`losses.q_spread`); fixed in Rusu et al. 2015."""
    memory_frames: int = setting(100_000, "Frames in the memory, 7 KB each.", Group.STUDENTS, least=1, most=100_000_000)
    """Of the memory that students learn from; with a DQN teacher its own replay memory. 0.7 GB; ten times
    as many (Mnih et al. 2015) would take 7."""
    learning_starts: int = setting(
        0, "Frames in the memory before it is learnt from; 0: all.", Group.STUDENTS, least=0, most=100_000_000
    )
    """Fewer frames, all from one moment, would be learnt by heart. Where no number is asked for, it is at most a fifth
    of the steps, so that students of a short run learn, too."""
    student_batch: int = setting(128, "Samples per student update.", Group.STUDENTS, least=1, most=65_536)
    """As many as PQN's minibatch. As many updates of 32 were no better in Pong (docs/history.md)."""
    student_batches: float = setting(
        0.5, "Student updates per update of a learning teacher.", Group.STUDENTS, above=0, most=1000
    )
    """With four students in floats, a teacher that learns keeps 0.56 of its speed (docs/performance.md). With 0.25, a
    1.6% Pong student was far behind its teacher for most of the run (docs/history.md)."""
    frozen_batches: float = setting(
        4.0, "The same beside a teacher that is frozen or done.", Group.STUDENTS, above=0, most=1000
    )
    """Per update that a learning teacher would have had. Its own updates took the time of some four of theirs;
    docs/history.md has what they gain."""
    student_driven: float = setting(
        0.5, "Share of the games in which students act once the teacher is done, or all along where it came frozen.",
        Group.STUDENTS, least=0, most=1,
    )  # fmt: skip
    """Czarnecki et al. 2019. A 0.44% student of SpaceInvaders then kept 82% of its teacher, without it 56%
    (docs/history.md)."""
    student_optimiser: str = setting(
        "muon", described(STUDENT_OPTIMISERS), Group.STUDENTS, words=tuple(STUDENT_OPTIMISERS)
    )
    """A 1.62% student of a finished Breakout teacher keeps several times as much with Muon (docs/decisions.md)."""
    student_muon_learning_rate: float = setting(0.02, "Of each student's Muon.", Group.STUDENTS, above=0, most=1)
    """0.04 was worse, 0.01 about as good (docs/decisions.md)."""
    student_learning_rate: float = setting(3e-3, "Of each student's Adam.", Group.STUDENTS, above=0, most=1)
    """With 1e-3, a 1.6% student of a fixed Pong teacher was 15 points lower with Adam alone (one seed)."""
    student_cooldown: float = setting(
        0.1, "Share of the steps, at the end, over which students' rates fall to 0; the teacher learns before.",
        Group.STUDENTS, least=0, most=1,
    )  # fmt: skip
    """In a straight line, beside the best teacher. At a constant rate a student keeps jittering between near-equal
    actions. A tenth of the steps has nearly as many batches as all before it (docs/recipe.md has what it brings)."""
    student_average: float = setting(
        0.99, "Decay of the average of a student's weights that acts, is evaluated and exported; 0: none.",
        Group.STUDENTS, least=0, most=0.99999,
    )  # fmt: skip
    """At each update. In one trial beside a frozen teacher, 100 updates did better than none and than 500
    (docs/recipe.md)."""
    student_max_grad_norm: float = setting(
        10.0, "Gradient clipping of each student.", Group.STUDENTS, above=0, most=1e9
    )
    """With Muon, 10 scores more than 0.25 in three of four trials, and 23 of the 29 files that ship learnt with it
    (docs/recipe.md). With Adam alone, a 1.6% student's units died without 0.25 in the noise before the Pong teacher
    knew anything."""
    student_integers: float = setting(
        0.2, "Share of the steps, at the end, in which students compute with the integers of their export.",
        Group.STUDENTS, least=0, most=0.5,
    )  # fmt: skip
    """What learns is then what ships: the export rounds nothing. 0: never. It takes 1.6 times the time while it lasts
    (docs/decisions.md), so it covers the finish, and as much before it. Ranges are measured when it begins, so students
    have to know something by then: at most half of a run."""

    evaluate_every: int = setting(250_000, "Agent steps between evaluations.", least=1, most=MOST_STEPS, resumable=True)
    """Rounded to whole rollouts. In Pong, evaluations of 10 games then take a tenth of the time (docs/history.md)."""
    evaluate_episodes: int = setting(10, "Games per evaluation.", least=1, most=10_000)
    """Of each network. Enough to see it climb; cards come from 30 games or more."""
    checkpoint_every: int = setting(250_000, "Agent steps between checkpoints.", least=1, most=MOST_STEPS)
    """Rounded to whole rollouts. A crash costs what was done since the last one. The emulators cannot be saved, so a
    resumed run plays again what was done since its games began; all begin anew at the first checkpoint after 27,000
    agent steps of each, as many as a game of the evaluation may take (`restart_due` in runs/schedule.py)."""
    rollouts_per_report: int = setting(1, "Rollouts between two reports of progress.", least=1, most=10_000)
    """PQN's take ten seconds or so, which is often enough. DQN's of 64 agent steps are many, so its kind sets more."""
    threads: int = setting(0, "CPU threads; 0 for all.", least=0, most=1024, resumable=True)
    """For torch and for the emulators."""
    tensorboard: bool = setting(False, "Write RUN/tensorboard, for TensorBoard to show.", resumable=True)
    device: str = setting("auto", "auto, cpu or cuda.", words=("auto", "cpu", "cuda"), resumable=True)
    """`auto`: a GPU where there is one."""
    precision: str = setting("auto", "auto, float32 or bf16.", words=("auto", "float32", "bf16"))
    """`auto`: bf16 where the hardware computes it."""

    def __post_init__(self) -> None:
        check_settings(self)
        check_together(self)
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
    def kind(self) -> TeacherKind:
        """What kind of teacher it is, or was before it came frozen."""
        return KINDS[self.teacher]

    @property
    def needs_memory(self) -> bool:
        """Whether anything is learnt from a memory: by students, or by the teacher itself."""
        return bool(self.students) or (self.kind.from_replay and not self.frozen)

    @property
    def rollout_steps(self) -> int:
        """Agent steps in one rollout of all environments."""
        return self.envs * self.rollout_length

    @property
    def report_steps(self) -> int:
        """Agent steps between two reports of progress."""
        return self.rollout_steps * self.rollouts_per_report

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


def available_cores() -> int:
    """Cores that this process may use; only Linux tells, elsewhere it is all of them."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
