"""Exported students as teachers. Their files get the examination that any stranger's file gets."""

from pathlib import Path

import onnx

from edgedistill.atari.emulator import Emulator
from edgedistill.atari.games import is_game
from edgedistill.catalogue import find_architecture, load_catalogue
from edgedistill.errors import BadRequest
from edgedistill.networks.graph_layers import graph_layers
from edgedistill.networks.integer_layer import UnknownGraph
from edgedistill.networks.integer_network import IntegerNetwork
from edgedistill.networks.tensors import module_tensors
from edgedistill.runtime.from_hub import pull_student
from edgedistill.runtime.hub.name import HubName, is_hub_name
from edgedistill.runtime.policy import Policy, read_student
from edgedistill.runtime.shipped import shipped_student
from edgedistill.teachers.ready import ReadyTeacher
from edgedistill.teachers.teacher import NAME

SUFFIX = ".onnx"


def is_hub_student(source: str) -> bool:
    """Whether `source` names a student's file on the hub."""
    return is_hub_name(source) and source.endswith(SUFFIX)


def find_exported(source: str) -> Path | None:
    """The file of the exported student that `source` names: FILE.onnx, GAME[:STUDENT], hub:USER/REPO:FILE.onnx. None
    where it names a teacher of another kind.

    Raises:
        BadRequest: a student that does not ship, or is not on the hub.
        EdgeDistillError: the hub cannot be reached.
    """
    if is_hub_student(source):
        return pull_student(HubName.parse(source)).path
    if source.endswith(SUFFIX):
        return Path(source)
    game, _, student = source.partition(":")
    if Path(source).exists() or not is_game(game):
        return None
    return shipped_student(game, student or None)


def load_exported(path: Path, source: str, game: str) -> ReadyTeacher:
    """An exported student as a teacher; `source` names it in errors.

    Raises:
        BadRequest: not an exported student, or not in whole numbers, one of another game, or of a design that is not
            in the catalogue.
    """
    model = read_student(path)
    policy = Policy.of_bytes(model, source)
    card = policy.card
    if card.game != game:
        raise BadRequest(f"The teacher of {source} plays {card.game}, not {game}. Use --game {card.game}.")
    policy.require_actions(Emulator(game))
    if card.student not in load_catalogue():
        raise BadRequest(
            f"{source}: '{card.student}' is not in the catalogue (edgedistill zoo), and only students of its designs "
            "can teach. Its run can: --teacher-from RUN"
        )
    network = IntegerNetwork(find_architecture(card.student), len(card.actions))
    try:
        network.take(graph_layers(onnx.load_from_string(model)))
    except UnknownGraph as error:
        raise BadRequest(
            f"{source}: not the catalogue's '{card.student}' in whole numbers ({error}), so it cannot teach. Name "
            "another file, or a run: --teacher-from RUN"
        ) from error
    return ReadyTeacher("student", card.student, False, module_tensors(network, NAME), card.trained_steps)
