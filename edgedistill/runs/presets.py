"""Settings that go with a teacher or a mode, where they differ from `TrainConfig`'s own defaults."""

from typing import Any

from edgedistill.runs.config import TrainConfig

# Extended Data Table 1 of Mnih et al. 2015; each line names its row. Frames there are agent steps of ours times 4.
NATURE_DQN: dict[str, Any] = {
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
    "learning_rate": 2.5e-4,  # learning rate; the momenta and the constant are in `dqn.nature_rmsprop`
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

# Rusu et al. 2015, appendix: the teacher plays an hour (54,000 steps) at ε 0.05 into a buffer of ten hours, then
# 10,000 minibatches are learnt from it; KL at τ = 0.01 was their best loss.
RUSU_OFFLINE: dict[str, Any] = {
    "memory_frames": 540_000,
    "learning_starts": 54_000,
    "epsilon_floors": (0.05,),
    "loss": "kl",
    "temperature": 0.01,
    "temperature_kind": "fixed",
    # The paper gives no size; 32 is its teachers' (Mnih et al. 2015).
    "student_batch": 32,
    # Of 10,000 per 54,000 steps, counted per batch that a PQN teacher would have had from as many.
    "frozen_batches": 10_000 / 54_000 * TrainConfig.minibatch / TrainConfig.epochs,
    "student_optimiser": "adam",
    "student_learning_rate": 1e-3,  # Adam's usual rate, for batches of 32
    "student_average": 0.0,  # not in the paper
    "student_integers": 0.0,
    "student_driven": 0.0,  # the teacher plays
}

# A finished teacher's values are no noise from the start, so students need not wait for a whole memory of them.
FROZEN: dict[str, Any] = {"learning_starts": 20_000}


def preset(*, teacher: str, mode: str, frozen: bool) -> dict[str, Any]:
    """The settings for a combination; what the user gives goes over them."""
    if mode == "offline":
        return RUSU_OFFLINE
    if frozen:
        return FROZEN
    return NATURE_DQN if teacher == "dqn" else {}
