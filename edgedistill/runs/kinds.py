"""What sets one kind of teacher apart before anything is built: its settings, its network, what does not fit it.

How it learns is a class in `teachers/`. A new kind is that class and an entry here; nothing else asks which it is.
"""

from dataclasses import dataclass, field
from typing import Any

# Extended Data Table 1 of Mnih et al. 2015; each line names its row. Frames there are agent steps of ours times 4.
NATURE_SETTINGS: dict[str, Any] = {
    "minibatch": 32,  # minibatch size
    "student_batch": 32,  # Sun & Fazli 2019: the same minibatch
    "student_batches": 1.0,  # and each update of the teacher goes with one of every student
    "memory_frames": 1_000_000,  # replay memory size
    "target_update": 10_000,  # target network update frequency, in parameter updates
    "gamma": 0.99,  # discount factor
    # Action repeat 4, agent history length 4 and no-op max 30 are the environment's (`atari/training_env.py`).
    "rollout_length": 4,  # update frequency: N parallel games take 4 steps each, and N updates follow
    "teacher_optimiser": "rmsprop",
    "teacher_average": 0.0,  # not in the table
    "learning_rate": 2.5e-4,  # learning rate; the momenta and the constant are in `networks/optimisers.py`
    "teacher_cooldown": 0.0,  # the rate is constant
    "epsilon_floors": (0.1,),  # final exploration; the initial one is 1
    "epsilon_decay_steps": 250_000,  # final exploration frame, 1,000,000
    "learning_starts": 50_000,  # replay start size
    # Not in the table. Students see 32 samples instead of 128 a batch, so they take smaller steps; not tuned further.
    "student_optimiser": "adam",
    "student_learning_rate": 1e-3,
    "student_average": 0.0,  # these neither, nor in Sun & Fazli 2019
    "student_integers": 0.0,
    "envs": 16,  # 1 in the paper; the network acts for 16 games in little more time than for one
    "rollouts_per_report": 32,  # 2,048 steps, as with PQN
}


@dataclass(frozen=True)
class TeacherKind:
    """One kind of teacher."""

    learns_by: str | None
    """Module and class of its learning; None where it only comes ready"""
    source: str
    """The paper that it is from, or what brings it"""
    settings: dict[str, Any] = field(default_factory=dict)
    """Where they differ from `TrainConfig`'s own defaults"""
    layer_norm: bool = False
    """Whether its network normalises before each ReLU; otherwise it is plain"""
    from_replay: bool = False
    """Whether it learns from minibatches of the memory, which its students share; otherwise from each rollout"""
    integers: bool = False
    """Whether its network is an exported student's, in whole numbers"""


KINDS = {
    "pqn": TeacherKind("edgedistill.teachers.pqn:PQN", "Gallici et al. 2024", layer_norm=True),
    "dqn": TeacherKind("edgedistill.teachers.dqn:DQN", "Mnih et al. 2015", NATURE_SETTINGS, from_replay=True),
    "student": TeacherKind(None, "only with --teacher-from FILE.onnx or GAME", integers=True),
}
