import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch

from edgedistill.atari.training_env import TrainingEnvs
from edgedistill.distill.learners import Learners
from edgedistill.distill.play import Play, env_groups
from edgedistill.distill.realtime import distil
from edgedistill.experience.memory import ReplayMemory
from edgedistill.profiler import Profile, profiling
from edgedistill.runs.schedule import rollouts
from tests.conftest import DQN, TINY


def events_of(config, threads=2):
    envs = env_groups(config)
    memory = ReplayMemory(192, config.envs, config.rollout_length, envs[0].actions)
    learners = Learners.build(config, envs[0].actions)
    before = {name: tensor.clone() for name, tensor in learners.tensors().items()}
    with ThreadPoolExecutor(threads) as pool:
        events = list(distil(config, learners, memory, Play(config, learners, envs, pool), 0, pool))
    for group in envs:
        group.close()
    changed = {name for name, tensor in learners.tensors().items() if name in before and (tensor != before[name]).any()}
    return events, learners, {name.split(".trunk")[0] for name in changed if ".trunk.0.weight" in name}


def test_students_wait_until_the_memory_is_full_and_the_loop_ends_at_its_steps():
    events, _, _ = events_of(replace(TINY, steps=300))
    assert [event.step for event in events] == [64, 128, 192, 256, 320]
    assert [bool(event.student_loss) for event in events] == [False, False, True, True, True]


@pytest.mark.parametrize("changes", [{}, {**DQN, "learning_starts": 64}])
def test_a_run_does_not_depend_on_the_order_in_which_its_jobs_are_done(changes):
    """On one thread they are done as they come, on four beside each other."""
    config = replace(TINY, steps=320, checkpoint_every=10**9, threads=2, **changes)
    runs = [events_of(config, threads)[:2] for threads in (1, 4)]
    assert runs[0][0] == runs[1][0]
    alone, shared = (learners.tensors() for _, learners in runs)
    assert all(torch.equal(tensor, shared[name]) for name, tensor in alone.items())


def test_a_frozen_teacher_keeps_its_weights_and_teaches_at_the_rate_of_a_learning_one():
    events, learners, changed = events_of(replace(TINY, steps=320, teacher_from="somewhere", frozen_batches=6))
    assert changed == {"student.micro", "student.pico", "learning.student.micro", "learning.student.pico"}
    assert all(event.teacher_loss is None for event in events)
    # Three rollouts of 64 steps, of which PQN makes 2 epochs of half a minibatch of 128, 6 batches each.
    assert {student.updates for student in learners.students.learners} == {18}


def test_who_is_stopped_at_once_does_not_wait_for_a_long_rollout(monkeypatch):
    config = replace(TINY, rollout_length=400)
    steps = []
    step = TrainingEnvs.step

    def interrupt(envs, action):
        steps.append(None)
        if len(steps) == 3:
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        time.sleep(0.02)  # so that the other thread hears of it
        return step(envs, action)

    monkeypatch.setattr(TrainingEnvs, "step", interrupt)
    with pytest.raises(KeyboardInterrupt):
        events_of(config)
    assert 3 <= len(steps) < 400


def test_students_finish_beside_a_teacher_that_is_done():
    events, learners, _ = events_of(
        replace(TINY, steps=640, teacher_cooldown=0.5, student_cooldown=0.3, frozen_batches=3)
    )
    assert [event.teacher_loss is None for event in events] == [False] * 7 + [True] * 3
    assert all(event.student_loss for event in events[3:])
    assert {student.updates for student in learners.students.learners} == {5 * 4 + 3 * 4 * 3}


def test_students_beside_a_dqn_that_is_done_take_a_multiple_of_its_updates():
    config = replace(
        TINY, **DQN, rollout_length=4, student_batch=32, steps=128, teacher_cooldown=0.5, student_cooldown=0.5,
        frozen_batches=3,
    )  # fmt: skip
    # An update per game while it learns, with which students learn; 16 steps a rollout.
    assert [span.memory_batches for span in rollouts(config, 0)] == [0] * 4 + [4 * 3] * 4


def test_dqn_and_its_students_learn_together_once_the_replay_has_enough():
    config = replace(
        TINY, **DQN, rollout_length=4, student_batch=32, learning_starts=64, steps=128, rollouts_per_report=2,
        loss="kl+imitation-q", target_update=12, student_average=0.0,
    )  # fmt: skip
    events, learners, changed = events_of(config)
    assert [event.step for event in events] == [32, 64, 96, 128]
    assert [event.teacher_loss is None for event in events] == [True, False, False, False]
    # An update per environment after each rollout from step 64 on: five rollouts of four.
    assert [learner.updates for learner in (learners.teacher.learner, *learners.students.learners)] == [20, 20, 20]
    # The target networks were copied at update 12, and then fell behind.
    assert changed == {
        name for each in ("teacher", "student.micro", "student.pico") for name in (each, f"target.{each}")
    }
    for learner in (learners.teacher.learner, *learners.students.learners):
        assert not torch.equal(learner.target.head.weight, learner.network.head.weight)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("share", "teacher_from"), [(1.0, "somewhere"), (0.0, "somewhere"), (1.0, None)])
def test_students_act_in_their_share_of_the_games_unless_the_teacher_learns_from_them(share, teacher_from, threads):
    """With all games driven, and exploration over, what is played is what the student prefers."""
    config = replace(
        TINY, students=TINY.students[:1], steps=256, threads=threads, student_driven=share, epsilon_floors=(0.0,),
        epsilon_decay_steps=1, student_learning_rate=1e-9, teacher_from=teacher_from,
    )  # fmt: skip
    envs = env_groups(config)
    assert len(envs) == threads
    memory = ReplayMemory(64, config.envs, config.rollout_length, envs[0].actions)
    learners = Learners.build(config, envs[0].actions)
    with torch.no_grad():
        for network in learners.students.learners[0].networks.values():
            network.head.bias[4] += 1000.0
    with ThreadPoolExecutor(1) as lanes:
        for _ in distil(config, learners, memory, Play(config, learners, envs, lanes), 0, lanes):
            pass
    played = memory.sample(200, np.random.default_rng(0)).action_t
    assert (played == 4).all() == (share == 1.0 and teacher_from is not None)
    for group in envs:
        group.close()


LOOP = {"emulators", "acting", "targets", "teacher", "students", "adding", "sampling"}


@pytest.mark.parametrize(
    ("changes", "unused"),
    [
        ({}, set()),
        ({**DQN, "learning_starts": 64, "loss": "kl+imitation-q"}, set()),
        ({"students": ()}, {"students", "sampling"}),
        ({"teacher_from": "somewhere"}, {"targets", "teacher"}),
    ],
)
def test_every_phase_of_the_loop_is_timed(changes, unused):
    profile = Profile()
    profile.lanes = 2
    with profiling(profile):
        # Without checkpoints, since games restart there.
        events_of(replace(TINY, steps=320, checkpoint_every=10**9, **changes))
    spent = {phase for phase, seconds in profile.seconds.items() if seconds > 0}
    assert spent == LOOP - unused | {"rest", "waiting"}
    assert profile.seconds["rest"] < 0.3 * profile.total


def test_a_finished_teacher_does_not_explore_as_one_that_begins():
    """Its games have their floors of ε from the first step on; those of one that learns fall from 1."""
    greedy = []
    for teacher_from in ("somewhere", None):
        config = replace(
            TINY, steps=TINY.rollout_steps, epsilon_floors=(0.0,), epsilon_decay_steps=10**6, teacher_from=teacher_from,
            student_driven=0.0, teacher_average=0.0,
        )  # fmt: skip
        envs = env_groups(config)
        memory = ReplayMemory(64, config.envs, config.rollout_length, envs[0].actions)
        learners = Learners.build(config, envs[0].actions)
        with ThreadPoolExecutor(1) as lanes:
            list(distil(config, learners, memory, Play(config, learners, envs, lanes), 0, lanes))
        sample = memory.sample(200, np.random.default_rng(0))
        greedy.append((sample.action_t == sample.q_t.argmax(axis=1)).mean())
        for group in envs:
            group.close()
    assert greedy[0] == 1
    assert greedy[1] < 0.5


def test_the_games_of_a_run_are_as_sticky_as_it_says():
    screens = []
    for sticky in (0.0, 0.0, 0.9):
        (group,) = env_groups(replace(TINY, sticky=sticky))
        group.reset(0)
        # Right and left in turn: who repeats them moves otherwise.
        for step in range(30):
            seen = group.step(np.full(TINY.envs, 2 + step // 3 % 2)).obs_tp1
        screens.append(seen)
        group.close()
    assert np.array_equal(screens[0], screens[1])
    assert not np.array_equal(screens[1], screens[2])
