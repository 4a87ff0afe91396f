from dataclasses import replace

import numpy as np
import torch

from edgedistill.distill.learners import Learners
from edgedistill.experience.rollout import Rollout
from edgedistill.teachers.pqn import minibatches, samples
from tests.conftest import TINY


def test_minibatches_cover_each_sample_once_an_epoch():
    config = replace(TINY, envs=2, rollout_length=32, minibatch=16, epochs=3)
    count = config.rollout_steps
    blocks = np.zeros((33, 2, 21, 21, 64), np.uint8)
    blocks[:-1] = np.arange(count, dtype=np.uint8).reshape(32, 2, 1, 1, 1)
    action = np.arange(count).reshape(32, 2)
    rollout = Rollout(blocks, action, action, action > 0, action > 0, np.zeros((33, 2, 6), np.float32))
    learners = Learners.build(replace(config, students=(), precision="float32"), 6)
    target = action.astype(np.float32)
    seen = []
    for picks in minibatches(config, np.random.default_rng(0)):
        x, picked, value = samples(rollout, target, picks, learners.teacher.network)
        assert x.shape == (16, 64, 21, 21)
        assert torch.equal(x[:, 0, 0, 0].long(), picked)
        assert torch.equal(value, picked.float())
        seen.append(picked)
    epochs = torch.cat(seen).reshape(3, count)
    assert all(torch.equal(epoch.sort().values, torch.arange(count)) for epoch in epochs)
    assert not torch.equal(epochs[0], epochs[1])
