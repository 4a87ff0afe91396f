"""The options of `edgedistill train`: their types, bounds and help texts."""

from pathlib import Path
from typing import Annotated

import typer

TEACHER, STUDENTS, RUN = "Teacher", "Students", "Run"

Game = Annotated[str, typer.Option(help="Atari game: pong, MsPacman, ALE/Breakout-v5, …")]
Mode = Annotated[
    str,
    typer.Option(help="realtime, or offline: Rusu et al. 2015, where a finished teacher plays and students copy it."),
]
Steps = Annotated[
    int | None,
    typer.Option(min=1, help="Agent steps, 4 frames each. Default: 2,000,000, or no limit with --minutes."),
]
Minutes = Annotated[float | None, typer.Option(help="Stop after so many minutes.")]
Seed = Annotated[int, typer.Option(min=0, help="All randomness derives from it.")]
Sticky = Annotated[float, typer.Option(help="Sticky actions; 0.25 is Machado et al. 2018.")]
Out = Annotated[Path | None, typer.Option(help="Folder of the run. Default: runs/GAME-DATE-TIME.")]
Resume = Annotated[Path | None, typer.Option(help="Go on with this run; only --steps and --minutes may change.")]
Teacher = Annotated[
    str, typer.Option(help="pqn (Gallici et al. 2024) or dqn (Mnih et al. 2015).", rich_help_panel=TEACHER)
]
TeacherFrom = Annotated[
    str | None,
    typer.Option(
        metavar="RUN|sb3:FILE",
        help="A frozen teacher: the best of a run, or a stable-baselines3 DQN or PPO with the Nature CNN.",
        rich_help_panel=TEACHER,
    ),
]
Envs = Annotated[int | None, typer.Option(help="Parallel games. Default: 32; 16 with dqn.", rich_help_panel=TEACHER)]
LearningRate = Annotated[float | None, typer.Option(help="Default: 2.5e-4.", rich_help_panel=TEACHER)]
Epochs = Annotated[
    int | None, typer.Option(help="Passes of PQN over each rollout. Default: 2.", rich_help_panel=TEACHER)
]
Minibatch = Annotated[
    int | None,
    typer.Option(help="Samples per update of the teacher. Default: 128; 32 with dqn.", rich_help_panel=TEACHER),
]
TeacherCooldown = Annotated[
    float | None,
    typer.Option(
        help="Share of the steps over which its rate falls to 0, before students finish. Default: 0.5; 0 with dqn.",
        rich_help_panel=TEACHER,
    ),
]
EpsilonDecaySteps = Annotated[
    int | None,
    typer.Option(
        help="Agent steps over which exploration falls. Default: 300,000; 250,000 with dqn.",
        rich_help_panel=TEACHER,
    ),
]
EpsilonFloors = Annotated[
    list[float] | None,
    typer.Option(
        "--epsilon-floor",
        help="Final ε. Repeated, it is dealt out over the games. Default: 0.01 0.01 0.05 0.15; 0.1 with dqn.",
        rich_help_panel=TEACHER,
    ),
]
TargetUpdate = Annotated[
    int | None,
    typer.Option(
        help="Updates between copies to a target network (dqn; students with a Q-loss). Default: 10,000.",
        rich_help_panel=TEACHER,
    ),
]
Ratio = Annotated[
    list[float] | None,
    typer.Option(
        help="Largest catalogue student at or below this share of the Nature DQN. May repeat. Default: 0.017.",
        rich_help_panel=STUDENTS,
    ),
]
Student = Annotated[
    list[str] | None,
    typer.Option(help="A student by name, or your own .toml. May repeat.", rich_help_panel=STUDENTS),
]
TeacherOnly = Annotated[
    bool, typer.Option("--teacher-only", help="No students, for comparison.", rich_help_panel=STUDENTS)
]
Keep = Annotated[
    float | None,
    typer.Option(
        help="Train net5, micro, nano and pico (or those you name) together, and say at the end which is the smallest "
        "that keeps this share of the best teacher: 0.95.",
        rich_help_panel=STUDENTS,
    ),
]
Loss = Annotated[
    str | None,
    typer.Option(
        help="kl, reverse-kl, nll, mse, imitation-q, self-q, or a sum: kl+imitation-q. Default: kl.",
        rich_help_panel=STUDENTS,
    ),
]
Temperature = Annotated[
    float | None,
    typer.Option(help="τ of the teacher's softmax. Default: 0.2; 0.01 offline.", rich_help_panel=STUDENTS),
]
TemperatureKind = Annotated[
    str | None,
    typer.Option(
        help="relative: τ counts in Q spreads (best minus mean); fixed: in Q. Default: relative; fixed offline.",
        rich_help_panel=STUDENTS,
    ),
]
MemoryFrames = Annotated[
    int | None,
    typer.Option(
        help="Frames in the memory, 7 KB each. Default: 100,000; 540,000 offline; up to 1,000,000 with dqn.",
        rich_help_panel=STUDENTS,
    ),
]
LearningStarts = Annotated[
    int | None,
    typer.Option(
        help="Frames in the memory before it is learnt from. Default: all; 20,000 beside a frozen teacher; 54,000 "
        "offline; 50,000 with dqn.",
        rich_help_panel=STUDENTS,
    ),
]
StudentBatch = Annotated[
    int | None, typer.Option(help="Samples per student update. Default: 128; 32 offline.", rich_help_panel=STUDENTS)
]
StudentBatches = Annotated[
    float | None,
    typer.Option(
        help="Student updates per update of a learning teacher. Default: 0.5; 1 with dqn.", rich_help_panel=STUDENTS
    ),
]
FrozenBatches = Annotated[
    float | None,
    typer.Option(
        help="The same beside a teacher that is frozen or done. Default: 4; 11.9 offline.", rich_help_panel=STUDENTS
    ),
]
StudentLearningRate = Annotated[
    float | None,
    typer.Option(help="Default: 0.003; 0.001 offline and with dqn.", rich_help_panel=STUDENTS),
]
StudentCooldown = Annotated[
    float | None,
    typer.Option(
        help="Share of the steps, at the end, over which their rate falls to 0. Default: 0.1.",
        rich_help_panel=STUDENTS,
    ),
]
StudentDriven = Annotated[
    float | None,
    typer.Option(
        help="Share of the games in which students act once the teacher is done or where it came frozen. Default: "
        "0.5; offline: 0.",
        rich_help_panel=STUDENTS,
    ),
]
RecycleEvery = Annotated[
    int | None,
    typer.Option(
        help="Updates between looks for a student's dead units, which begin anew (ReDo, Sokar et al. 2023). 0: never. "
        "Default: 250; 0 offline and with dqn.",
        rich_help_panel=STUDENTS,
    ),
]
EvaluateEvery = Annotated[
    int | None, typer.Option(help="Agent steps between evaluations. Default: 250,000.", rich_help_panel=RUN)
]
EvaluateEpisodes = Annotated[int | None, typer.Option(help="Games per evaluation. Default: 10.", rich_help_panel=RUN)]
CheckpointEvery = Annotated[
    int | None, typer.Option(help="Agent steps between checkpoints. Default: 250,000.", rich_help_panel=RUN)
]
Threads = Annotated[int, typer.Option(help="CPU threads; 0 for all.", rich_help_panel=RUN)]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.", rich_help_panel=RUN)]
Precision = Annotated[str, typer.Option(help="auto, float32 or bf16.", rich_help_panel=RUN)]
Profiled = Annotated[
    bool, typer.Option("--profile", help="Tell at the end where the time went, by phase.", rich_help_panel=RUN)
]
AsJson = Annotated[
    bool,
    typer.Option("--json", help="Print a JSON summary at the end, nothing before.", rich_help_panel=RUN),
]
