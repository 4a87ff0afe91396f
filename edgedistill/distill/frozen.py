"""Teachers that come ready: from a run of ours, or from a stable-baselines3 file."""

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from edgedistill.errors import BadRequest
from edgedistill.networks.sb3 import read_sb3
from edgedistill.runs.folder import RunFolder

SB3_PREFIX = "sb3:"


@dataclass(frozen=True)
class FrozenTeacher:
    """A teacher that learns nothing more."""

    kind: str
    """How it learnt, as `teacher_network` names it"""
    network: str
    """`nature`, or the name of a catalogue entry"""
    emits_q: bool
    """Whether its outputs are Q-values; otherwise logits"""
    tensors: dict[str, Tensor]
    """Its weights, as `Learners.load_teacher` takes them"""
    step: int
    """Agent steps that it was trained for; 0 where its file does not say"""


def load_frozen_teacher(source: str, game: str, actions: int) -> FrozenTeacher:
    """The best teacher of a run, finished or interrupted (the last one where none was evaluated), or of `sb3:FILE`.

    Raises:
        BadRequest: no run or SB3 file there, or its teacher plays another game or has another number of actions.
        EdgeDistillError: the run has no readable checkpoint.
    """
    if source.startswith(SB3_PREFIX):
        sb3 = read_sb3(Path(source.removeprefix(SB3_PREFIX)))
        if sb3.actions != actions:
            raise BadRequest(
                f"{source}: a teacher with {sb3.actions} actions, and {game} has {actions} (its minimal set). "
                "Name its game with --game."
            )
        return FrozenTeacher("dqn", "nature", sb3.emits_q, {f"teacher.{k}": v for k, v in sb3.weights.items()}, 0)
    run = RunFolder.open(Path(source))
    config = run.config()
    if config.game != game:
        raise BadRequest(f"The teacher of {source} plays {config.game}, not {game}. Use --game {config.game}.")
    tensors, state = run.load_best_teacher() or run.load_checkpoint()
    weights = {name: tensor for name, tensor in tensors.items() if name.startswith("teacher.")}
    return FrozenTeacher(config.teacher, config.teacher_network, config.teacher_emits_q, weights, state["step"])
