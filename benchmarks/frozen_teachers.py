"""Teachers for contests: the best of a run, or an exported student."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from edgedistill.atari.blocks import BLOCK, BLOCKS
from edgedistill.atari.emulator import STACK
from edgedistill.atari.resize import SIDE
from edgedistill.catalogue import NATURE_DQN
from edgedistill.networks.network import ActionNetwork, AtariNetwork
from edgedistill.runs.folder import RunFolder
from edgedistill.runtime.policy import Policy
from edgedistill.teachers.trained import load_trained


class ExportedTeacher(AtariNetwork):
    """An exported student where a teacher's network is expected; its logits are the values."""

    def __init__(self, policy: Policy) -> None:
        super().__init__(NATURE_DQN, len(policy.card.actions), plain=True)
        self._policy = policy

    def forward(self, x: Tensor) -> Tensor:
        """x (N, 64, 21, 21) -> (N, A)."""
        blocks = x.to(torch.uint8).view(len(x), STACK, BLOCK, BLOCK, BLOCKS, BLOCKS)
        frames = blocks.permute(0, 4, 2, 5, 3, 1).reshape(len(x), SIDE, SIDE, STACK)
        return torch.from_numpy(self._policy.logits(np.ascontiguousarray(frames.numpy())))


def load_teacher(path: Path) -> tuple[str, ActionNetwork]:
    """A teacher and its game."""
    if path.suffix == ".onnx":
        policy = Policy.load(path)
        return policy.card.game, ExportedTeacher(policy)
    run = RunFolder.open(path)
    return run.config().game, load_trained(run, ["best_teacher"])[0].network
