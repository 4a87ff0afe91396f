import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from edgedistill.atari.games import action_count
from edgedistill.distill.events import Resumed
from edgedistill.distill.training import train
from edgedistill.experience.memory import ReplayMemory
from edgedistill.experience.packing import pack_frames
from edgedistill.runs.checkpoint import save_tensors
from edgedistill.runs.folder import RunFolder
from tests.conftest import TINY

LONGER = replace(TINY, steps=1024)


@pytest.fixture
def run(tiny_run, tmp_path):
    """A run of 512 steps."""
    return RunFolder.open(shutil.copytree(tiny_run.path, tmp_path / "run"))


def resume(run):
    """Resume it with more steps and stop as soon as it goes on: what was said."""
    said, seen = [], []
    for event in train(run, LONGER, resume=True, should_stop=lambda: bool(seen), warn=said.append):
        seen.append(event)
    assert Resumed(512) in seen
    return said


def test_a_best_teacher_without_a_score_is_none(run):
    weights, _ = run.load_best_teacher()
    before = run.load_checkpoint()[1]["best_teacher"]
    run.save_best_teacher(weights, {"step": 64})
    assert resume(run) == []
    assert run.load_checkpoint()[1]["best_teacher"] == before


def test_a_memory_of_frames_that_nothing_packs_is_read_again(run, monkeypatch):
    memory = ReplayMemory(TINY.memory_frames, TINY.envs, TINY.rollout_length, action_count("pong"))
    memory.load(run.load_memory(512))
    noise = np.random.default_rng(0).integers(0, 256, (memory.capacity // TINY.envs, TINY.envs, 21, 21, 16), np.uint8)
    file = run.path / "checkpoints" / "memory-000000512.safetensors"
    tensors = {**memory.tensors(), "packed_frames": torch.from_numpy(pack_frames(noise).copy())}
    save_tensors(file, tensors, {"step": 512})
    assert file.stat().st_size > noise.nbytes
    # As if checkpoints were bounded far below.
    monkeypatch.setattr(RunFolder.load_memory, "__defaults__", (1_000,))
    assert resume(run) == []
