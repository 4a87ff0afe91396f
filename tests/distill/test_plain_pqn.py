"""The loop's teacher against PQN written out plainly: play a rollout, then learn from it, in one thread."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch

from edgedistill.atari.blocks import to_input
from edgedistill.atari.training_env import TrainingEnvs
from edgedistill.distill.learners import Learners
from edgedistill.distill.play import Play, env_groups
from edgedistill.distill.realtime import distil
from edgedistill.experience.memory import ReplayMemory
from edgedistill.networks.muon import Muon
from edgedistill.runs.schedule import rollout_seeds
from tests.conftest import TINY

ROLLOUTS = 3


def plain_pqn(config, network, actions):
    """Algorithm 2 of Gallici et al. 2024 with the random numbers of `distil`; `network` learns. Returns the losses."""
    matrices = [layer.weight for layer in network.trunk if isinstance(layer, torch.nn.Conv2d)]
    others = [each for each in network.parameters() if all(each is not matrix for matrix in matrices)]
    optimisers = [torch.optim.RAdam(others, config.learning_rate), Muon(matrices, config.muon_learning_rate)]
    if config.teacher_optimiser == "radam":
        optimisers = [torch.optim.RAdam(network.parameters(), config.learning_rate)]
    sizes = [config.envs // config.lanes] * config.lanes
    groups = [TrainingEnvs(config.game, size, threads=1) for size in sizes]
    losses = []
    for step in range(0, ROLLOUTS * config.rollout_steps, config.rollout_steps):
        play_seed, teacher_seed, _ = rollout_seeds(config, step)
        seeds = play_seed.spawn(config.lanes)
        if step == 0:
            obs = np.concatenate(
                [group.reset(int(seed.generate_state(1)[0])) for group, seed in zip(groups, seeds, strict=True)]
            )
        rngs = [np.random.default_rng(seed) for seed in seeds]
        epsilon = float(step == 0)  # the test's schedule
        frames, q, action, reward, done = [], [], [], [], []
        for _ in range(config.rollout_length):
            with torch.no_grad():
                q.append(network(to_input(obs, torch.device("cpu"), torch.float32)).numpy())
            parts = np.split(q[-1].argmax(axis=1), config.lanes)
            for part, rng in zip(parts, rngs, strict=True):
                random_action, explores = rng.integers(actions, size=len(part)), rng.random(len(part)) < epsilon
                part[explores] = random_action[explores]
            steps = [group.step(part) for group, part in zip(groups, parts, strict=True)]
            frames.append(obs)
            action.append(np.concatenate(parts))
            reward.append(np.concatenate([step.reward_t for step in steps]).clip(-1, 1))
            done.append(np.concatenate([step.done_t for step in steps]))
            obs = np.concatenate([step.obs_tp1 for step in steps])
        with torch.no_grad():
            following = network(to_input(obs, torch.device("cpu"), torch.float32)).numpy().max(axis=1)
        best = [values.max(axis=1) for values in q[1:]] + [following]
        target = [np.zeros(0)] * config.rollout_length
        for t in reversed(range(config.rollout_length)):
            bootstrap = config.lam * following + (1 - config.lam) * best[t]
            following = target[t] = reward[t] + config.gamma * ~done[t] * bootstrap
        order = np.random.default_rng(teacher_seed).permutation(config.rollout_steps)
        for picks in order.reshape(-1, config.minibatch):
            x = to_input(np.concatenate(frames)[picks], torch.device("cpu"), torch.float32)
            value = network(x)[range(config.minibatch), np.concatenate(action)[picks]]
            loss = 0.5 * (value - torch.from_numpy(np.concatenate(target)[picks]).float()).square().mean()
            network.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), config.max_grad_norm)
            for optimiser in optimisers:
                optimiser.step()
            losses.append(loss.item())
    for group in groups:
        group.close()
    return losses


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("optimiser", "average"), [("radam", 0.0), ("muon", 0.0), ("muon", 0.6)])
def test_the_teacher_of_a_run_is_that_of_plain_pqn(threads, optimiser, average):
    config = replace(
        TINY, precision="float32", threads=threads, epochs=1, learning_rate=1e-3, teacher_cooldown=0.0,
        teacher_optimiser=optimiser, teacher_average=average,
        epsilon_floors=(0.0,), epsilon_decay_steps=1, checkpoint_every=10**9, steps=10**6,
    )  # fmt: skip
    envs = env_groups(config)
    actions = envs[0].actions
    learners, plain = (Learners.build(config, actions) for _ in range(2))
    memory = ReplayMemory(10_000, config.envs, config.rollout_length, actions)  # too large to fill: students wait
    with ThreadPoolExecutor(config.lanes) as lanes:
        loop = distil(config, learners, memory, Play(config, learners, envs, lanes), 0, lanes)
        losses = [next(loop).teacher_loss for _ in range(ROLLOUTS)]
    for group in envs:
        group.close()
    expected = np.reshape(plain_pqn(config, plain.teacher.network, actions), (ROLLOUTS, -1)).mean(axis=1)
    # Muon's iteration enlarges what two halves of a minibatch round otherwise than a whole one.
    np.testing.assert_allclose(losses, expected, rtol=1e-5 if optimiser == "radam" else 1e-4)
