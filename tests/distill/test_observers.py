"""What follows from what in a run, and when it is written."""

import shutil
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from edgedistill.atari.protocol import VALIDATION_SEED, Scores
from edgedistill.distill.events import Evaluated, Evaluating, Interrupted, Progress, Resumed, Saved
from edgedistill.distill.observers import evaluations
from edgedistill.distill.training import train
from edgedistill.runs.config import TrainConfig
from edgedistill.runs.folder import RunFolder
from edgedistill.runs.schedule import FIRST_EVALUATION, evaluation_due
from tests.conftest import TINY

# Evaluations at 192 and 384, checkpoints at 128, 256 and 384.
APART = replace(TINY, teacher_network="pico", students=TINY.students[:1], steps=384, evaluate_every=192)


def saved_step(run):
    return run.load_checkpoint()[1]["step"] if run.has_checkpoint() else None


def test_an_event_is_logged_before_it_is_told_and_a_checkpoint_is_saved_after(tmp_path):
    """An evaluation where no checkpoint is due saves none, so that a run killed after it goes on as if it was not."""
    run = RunFolder.create(tmp_path / "run", APART)
    events = []
    for event in train(run, APART):
        events.append(event)
        match event:
            case Progress(step):
                assert run.metrics().progress[-1].step == step
                assert saved_step(run) != step
                if step == 256:
                    killed = RunFolder.open(shutil.copytree(run.path, tmp_path / "killed"))
            case Evaluated(step):
                assert run.metrics().evaluations[-1].step == step
            case Saved(step):
                assert saved_step(run) == step
    assert [event.step for event in events if isinstance(event, Saved)] == [128, 256, 384]
    assert [event.step for event in events if isinstance(event, Evaluated)] == [192, 384]
    evaluating = [event for event in events if isinstance(event, Evaluating) and event.step == 192]
    assert sorted((each.network, each.game, each.games) for each in evaluating) == [("micro", 1, 1), ("teacher", 1, 1)]

    assert saved_step(killed) == 128
    resumed = list(train(killed, APART, resume=True))
    assert resumed[0] == Resumed(128)
    ours, theirs = (each.load_checkpoint()[0] for each in (run, killed))
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in ours.items())
    assert [each.step for each in killed.metrics().evaluations] == [192, 384]


def test_the_best_teacher_of_a_run_is_chosen_by_games_that_no_score_is_reported_of(tmp_path, monkeypatch):
    means, protocols = iter([1.0, 3.0, 2.0]), []

    def scripted(act, game, protocol, on_episode):
        protocols.append(protocol)
        return Scores((next(means),), protocol)

    monkeypatch.setattr(evaluations, "evaluate", scripted)
    config = replace(APART, students=(), evaluate_every=128, sticky=0.1)
    run = RunFolder.create(tmp_path / "run", config)
    told = [event.best_teacher for event in train(run, config) if isinstance(event, Evaluated)]
    assert told == [1.0, 3.0, 3.0]
    assert run.load_best_teacher()[1] == {"step": 256, "mean": 3.0}
    assert {(protocol.seed, protocol.sticky) for protocol in protocols} == {(VALIDATION_SEED, 0.1)}


def test_an_evaluation_stops_between_two_decisions(tmp_path):
    """A game of Pong takes a thousand and more."""
    config = replace(APART, evaluate_every=64)
    run = RunFolder.create(tmp_path / "run", config)
    asked = []

    def should_stop():
        asked.append(None)
        return len(asked) > 50

    events = list(train(run, config, should_stop=should_stop))
    assert [type(event) for event in events if not isinstance(event, Evaluating)] == [Progress, Interrupted, Saved]
    assert saved_step(run) == 64
    again = train(run, config, resume=True)
    assert [next(again), type(next(again))] == [Resumed(64), Evaluating]
    again.close()


def test_the_time_of_an_evaluation_that_is_stopped_is_not_counted(tmp_path, monkeypatch):
    """It is made up for when the run goes on."""
    config = replace(APART, evaluate_every=64)
    run, seen, now = RunFolder.create(tmp_path / "run", config), [], [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    def should_stop():
        now[0] += 100.0 * any(isinstance(event, Evaluating) for event in seen)
        return now[0] > 300

    for event in train(run, config, should_stop=should_stop):
        seen.append(event)
    assert now[0] > 300
    assert run.load_checkpoint()[1]["seconds"] == 0


@pytest.mark.parametrize(
    ("every", "steps"),
    [(250_000, [51_200, 249_856, 499_712]), (100_000, [51_200, 100_352, 200_704]), (50_000, [49_152, 98_304])],
)
def test_the_first_evaluation_comes_early_where_others_are_rare(every, steps):
    config = TrainConfig("pong", evaluate_every=every, envs=64, rollout_length=32)
    assert FIRST_EVALUATION == 50_000
    due = [step for step in range(2048, 600_000, 2048) if evaluation_due(config, step)]
    assert due[: len(steps)] == steps


def scalars(folder):
    """Step and value of each tag in TensorBoard's event files, and its texts, as TensorBoard reads them."""
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    events.Reload()
    tags = events.Tags()
    texts = {tag: events.Tensors(tag)[0].tensor_proto.string_val[0].decode() for tag in tags["tensors"]}
    return {tag: [(each.step, each.value) for each in events.Scalars(tag)] for tag in tags["scalars"]}, texts


def test_tensorboard_reads_what_is_logged_also_of_a_run_that_went_on_after_a_crash(tmp_path):
    config = replace(APART, evaluate_every=384, tensorboard=True)
    run = RunFolder.create(tmp_path / "run", config)
    crashed = train(run, config)
    for event in crashed:
        if isinstance(event, Progress) and event.step == 192:
            crashed.close()
    list(train(run, config, resume=True))
    found, texts = scalars(run.path / "tensorboard")
    metrics = run.metrics()
    logged = {
        "charts/memory_frames": [(each.step, each.memory_frames) for each in metrics.progress],
        "charts/play_return": [(each.step, each.play_return) for each in metrics.progress if each.play_return],
        "losses/teacher": [(each.step, each.teacher_loss) for each in metrics.progress if each.teacher_loss],
        "losses/micro": [(each.step, each.student_loss["micro"]) for each in metrics.progress if each.student_loss],
        "eval/teacher": [(384, metrics.evaluations[0].scores["teacher"])],
        "eval/micro": [(384, metrics.evaluations[0].scores["micro"])],
        "eval/best_teacher": [(384, metrics.evaluations[0].scores["teacher"])],
    }
    speeds = found.pop("charts/steps_per_second")
    assert all(value > 0 for _, value in speeds)
    assert found == {tag: pytest.approx(np.array(values)) for tag, values in logged.items() if values}
    assert "| rollout_length | 16 |" in texts["settings/text_summary"]


def test_a_run_writes_nothing_for_tensorboard_unless_asked(tiny_run):
    assert not (tiny_run.path / "tensorboard").exists()
