"""The networks of a run, ready to play, and their scores."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from edgedistill.atari.games import action_count
from edgedistill.errors import BadRequest, EdgeDistillError, did_you_mean, typed
from edgedistill.networks.network import ActionNetwork, AtariNetwork, GreedyPolicy
from edgedistill.networks.tensors import load_module, module_tensors
from edgedistill.runs.folder import RunFolder
from edgedistill.runs.scoring import Player
from edgedistill.teachers.build import teacher_network


@dataclass(frozen=True)
class Trained:
    """A network of a run, in float32 on the CPU."""

    name: str
    """`best_teacher`, `last_teacher` or a student's name"""
    network: ActionNetwork
    step: int
    """Agent steps after which these weights were saved"""

    def player(self) -> Player:
        """It, ready to be scored."""
        digest = hashlib.sha256()
        for tensor in module_tensors(self.network, "").values():
            digest.update(tensor.numpy().tobytes())
        return Player(self.name, self.step, digest.hexdigest(), GreedyPolicy(self.network))


def check_student(run: RunFolder, name: str) -> None:
    """Refuse a name that none of a run's students has.

    Raises:
        BadRequest: with the nearest one.
    """
    names = [student.name for student in run.config().students]
    if name not in names:
        has = did_you_mean(name, names) if names else "It trained a teacher alone."
        raise BadRequest(f"{run.path} has no student '{name}'. {has}")


def load_trained(run: RunFolder, names: list[str], warn: Callable[[str], None] = lambda message: None) -> list[Trained]:
    """Networks of a run's newest readable checkpoint, and `best_teacher` where that is asked for.

    Raises:
        BadRequest: the run has no student of that name.
        EdgeDistillError: there is no checkpoint, or no evaluation has chosen a best teacher yet.
    """
    config = run.config()
    students = {student.name: student for student in config.students}
    actions = action_count(config.game)
    tensors, state = run.load_checkpoint(warn)
    trained = []
    network: ActionNetwork
    for name in names:
        if name == "best_teacher":
            best = run.load_best_teacher()
            if best is None:
                raise EdgeDistillError(
                    f"{run.path}: no evaluation has chosen a best teacher. "
                    f"Go on: edgedistill train --resume {typed(run.path)}"
                )
            weights, best_state = best
            network = teacher_network(config, actions, bf16=False)
            prefix, step = "teacher", best_state["step"]
        elif name == "last_teacher":
            network = teacher_network(config, actions, bf16=False)
            weights, prefix, step = tensors, "teacher", state["step"]
        else:
            check_student(run, name)
            network = AtariNetwork(students[name], actions)
            weights, prefix, step = tensors, f"student.{name}", state["step"]
        load_module(network, weights, prefix)
        trained.append(Trained(name, network.eval(), step))
    return trained
