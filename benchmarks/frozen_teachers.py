"""Teachers for contests: the best of a run, or an exported student."""

from pathlib import Path

from edgedistill.atari.emulator import Emulator
from edgedistill.networks.network import ActionNetwork
from edgedistill.networks.tensors import load_module
from edgedistill.runs.folder import RunFolder
from edgedistill.runtime.policy import Policy
from edgedistill.teachers.build import network_of
from edgedistill.teachers.sources import load_ready_teacher
from edgedistill.teachers.teacher import NAME
from edgedistill.teachers.trained import load_trained


def load_teacher(path: Path) -> tuple[str, ActionNetwork, bool]:
    """A teacher, its game, and whether its outputs are Q-values."""
    if path.suffix == ".onnx":
        game = Policy.load(path).card.game
        ready = load_ready_teacher(str(path), game, len(Emulator(game).actions))
        network = network_of(ready.kind, ready.network, len(Emulator(game).actions), bf16=False)
        load_module(network, ready.tensors, NAME)
        return game, network, ready.emits_q
    run = RunFolder.open(path)
    config = run.config()
    return config.game, load_trained(run, ["best_teacher"])[0].network, config.teacher_emits_q
