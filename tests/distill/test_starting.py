from dataclasses import replace

import pytest
import torch

from edgedistill.catalogue import find_architecture
from edgedistill.distill.events import Evaluated, Evaluating, Progress
from edgedistill.distill.starting import new_run
from edgedistill.distill.training import train
from edgedistill.errors import BadRequest
from edgedistill.runs.config import TrainConfig
from edgedistill.runs.folder import RunFolder
from edgedistill.teachers.trained import load_trained
from tests.conftest import TINY
from tests.torch_files import DqnPolicy, PpoPolicy, torch_bytes, zipped

MICRO = (find_architecture("micro"),)


def start(path, *, teacher="pqn", mode="realtime", teacher_from=(), **given):
    return new_run(
        path, "pong", MICRO, teacher, mode, [teacher_from] if isinstance(teacher_from, str) else teacher_from, given
    )


def test_defaults_are_those_of_the_teacher_and_mode(tmp_path, tiny_run):
    assert start(tmp_path / "pqn")[1] == TrainConfig("pong", MICRO)
    _, dqn = start(tmp_path / "dqn", teacher="dqn", memory_frames=60_000)
    assert (dqn.minibatch, dqn.epsilon_floors, dqn.learning_starts, dqn.memory_frames) == (32, (0.1,), 50_000, 60_000)
    _, offline = start(tmp_path / "offline", mode="offline", teacher_from=str(tiny_run.path), memory_frames=54_000)
    assert (offline.temperature_kind, offline.temperature, offline.epsilon_floors) == ("fixed", 0.01, (0.05,))
    # Rusu et al. learn 10,000 minibatches for each 54,000 steps.
    updates = offline.epochs * 54_000 / offline.minibatch * offline.frozen_batches
    assert updates == pytest.approx(10_000)


def test_gradients_of_students_are_clipped_as_their_optimiser_needs(tmp_path, tiny_run):
    assert TrainConfig.student_max_grad_norm == 10.0
    assert start(tmp_path / "muon")[1].student_max_grad_norm == 10.0
    assert start(tmp_path / "adam", student_optimiser="adam")[1].student_max_grad_norm == 0.25
    assert start(tmp_path / "dqn", teacher="dqn", memory_frames=60_000)[1].student_max_grad_norm == 0.25
    source = {"mode": "offline", "teacher_from": str(tiny_run.path), "memory_frames": 54_000}
    assert start(tmp_path / "offline", **source)[1].student_max_grad_norm == 0.25
    asked = start(tmp_path / "asked", student_optimiser="adam", student_max_grad_norm=3.0)[1]
    assert asked.student_max_grad_norm == 3.0


def test_learning_starts_with_a_memory_that_is_smaller_than_the_usual_start(tmp_path, tiny_run):
    assert start(tmp_path / "run", teacher_from=str(tiny_run.path), memory_frames=500)[1].learning_starts == 500


@pytest.mark.parametrize(
    ("given", "starts"),
    [
        ({"steps": 50_000}, 10_000),
        ({"steps": 500_000}, 0),  # the whole memory
        ({"steps": 50_000, "memory_frames": 1_000}, 0),
        ({"steps": 50_000, "learning_starts": 40_000}, 40_000),
        ({"steps": 50_000, "teacher": "dqn"}, 10_000),
    ],
)
def test_students_of_a_short_run_learn_too(tmp_path, given, starts):
    assert start(tmp_path / "run", **given)[1].learning_starts == starts


def test_offline_students_of_a_teacher_without_q_values_do_not_take_rusus_temperature(tmp_path):
    _, config = start(tmp_path / "run", mode="offline", teacher_from="pong:pico", memory_frames=54_000)
    assert (config.temperature_kind, config.temperature) == ("relative", 0.2)
    given = {"temperature": 1.0, "temperature_kind": "fixed", "memory_frames": 54_000}
    _, config = start(tmp_path / "own", mode="offline", teacher_from="pong:pico", **given)
    assert (config.temperature_kind, config.temperature) == ("fixed", 1.0)


def test_students_of_a_dqn_teacher_take_its_minibatch_as_it_is(tmp_path):
    _, config = start(tmp_path / "run", teacher="dqn", minibatch=64, memory_frames=500)
    assert (config.minibatch, config.student_batch) == (64, 64)
    with pytest.raises(BadRequest, match="out, got 1 and 16 of its 64"):
        start(tmp_path / "other", teacher="dqn", minibatch=64, student_batch=16, memory_frames=500)


@pytest.mark.parametrize("mode", ["realtime", "offline"])
def test_a_frozen_teacher_goes_into_the_run_and_stays_as_it_was(tmp_path, tiny_run, mode):
    small = {
        name: getattr(TINY, name)
        for name in ("envs", "rollout_length", "minibatch", "memory_frames", "student_batch", "threads")
    }
    run, config = start(
        tmp_path / "run", mode=mode, teacher_from=str(tiny_run.path), **small, steps=256, evaluate_every=128,
        evaluate_episodes=1, checkpoint_every=128,
    )  # fmt: skip
    events = list(train(run, config))
    original = load_trained(tiny_run, ["best_teacher"])[0].network
    for name in ("best_teacher", "last_teacher"):
        assert torch.equal(load_trained(run, [name])[0].network.head.weight, original.head.weight)
    # It is played once; its score counts for all evaluations.
    assert sum(isinstance(event, Evaluating) and event.network == "teacher" for event in events) == 1
    assert len({event.scores["teacher"] for event in events if isinstance(event, Evaluated)}) == 1
    # It has the step of its own run, and its games are still its own when students go on.
    for network, step in (("best_teacher", 10**6), ("pico", 10**6), ("pico", 128)):
        run.log_evaluation({"network": network, "step": step})

    config = replace(config, steps=320)
    assert [event.step for event in train(run, config, resume=True) if isinstance(event, Evaluated)] == [320]
    kept = [(record["network"], record["step"]) for record in run.evaluations()]
    assert kept == [("best_teacher", 10**6), ("pico", 128)]


def test_the_teacher_of_an_unevaluated_run_is_its_last(tmp_path, tiny_run):
    source = RunFolder.create(tmp_path / "source", tiny_run.config())
    source.save_checkpoint(64, *tiny_run.load_checkpoint())
    run, _ = start(tmp_path / "run", teacher_from=str(source.path), memory_frames=500)
    expected = load_trained(tiny_run, ["last_teacher"])[0].network.head.weight
    assert torch.equal(run.load_best_teacher()[0]["teacher.head.weight"], expected)


def sb3_file(path, policy):
    path.write_bytes(zipped({"data": "{}", "policy.pth": torch_bytes(policy.state_dict())}))
    return f"sb3:{path}"


@pytest.mark.parametrize(("policy", "emits_q"), [(DqnPolicy, True), (PpoPolicy, False)])
def test_a_stable_baselines3_file_teaches(tmp_path, policy, emits_q):
    theirs = policy(6)
    run, config = start(
        tmp_path / "run", teacher_from=sb3_file(tmp_path / "teacher.zip", theirs), envs=4, rollout_length=16,
        minibatch=32, memory_frames=128, student_batch=32, steps=192, threads=1, evaluate_episodes=1,
    )  # fmt: skip
    assert (config.teacher, config.teacher_emits_q) == ("dqn", emits_q)
    *_, last = (event for event in train(run, config) if isinstance(event, Progress))
    assert last.student_loss["micro"] > 0
    head = theirs.q_net.q_net[0] if emits_q else theirs.action_net
    assert torch.equal(load_trained(run, ["last_teacher"])[0].network.head.weight, head.weight)
    if not emits_q:
        with pytest.raises(BadRequest, match="PPO teacher has none"):
            start(tmp_path / "mse", teacher_from=f"sb3:{tmp_path / 'teacher.zip'}", loss="mse")


def test_a_stable_baselines3_file_for_another_action_set(tmp_path):
    with pytest.raises(BadRequest, match="9 actions, and pong has 6"):
        start(tmp_path / "run", teacher_from=sb3_file(tmp_path / "teacher.zip", DqnPolicy(9)))
    assert not (tmp_path / "run").exists()


def test_mse_is_refused_where_the_teacher_has_no_q_values():
    with pytest.raises(BadRequest, match="PPO teacher has none"):
        TrainConfig("pong", MICRO, loss="mse", teacher_from="sb3:x", teacher_emits_q=False)
