from dataclasses import replace

import pytest

from edgedistill import TrainConfig, compare_runs, export_student, load_policy, train
from edgedistill.distill.events import Evaluated, Progress, Resumed
from edgedistill.errors import BadRequest
from edgedistill.runs.folder import RunFolder
from edgedistill.runs.went_on import WentOn
from tests.conftest import TINY

SHORT = replace(TINY, steps=128)


def test_a_run_is_trained_resumed_exported_and_played(tmp_path):
    run, file = tmp_path / "run", tmp_path / "pico.onnx"
    events = list(train(SHORT, run))
    assert [event.step for event in events if isinstance(event, Progress)] == [64, 128]
    assert set(events[-1].scores) == {"teacher", "micro", "pico"}

    longer = list(train(replace(SHORT, steps=192), str(run), resume=True))
    assert longer[0] == Resumed(128)
    assert [event.step for event in longer if isinstance(event, Evaluated)] == [192]
    # Its schedules were those of 128 steps up to there, which its settings keep; it goes on once more all the same.
    assert RunFolder.open(run).config().went_on == (WentOn(128, 128),)
    with pytest.raises(BadRequest, match="has its 192 steps already"):
        list(train(replace(SHORT, steps=192), run, resume=True))

    # A beginner's games are over soonest at such ε.
    exported = export_student(str(run), "pico", str(file), episodes=1, epsilons=[0.05, 0.1], allow_disagreement=True)
    assert (exported.path, exported.bytes) == (file, file.stat().st_size)
    assert load_policy(file).card == exported.card
    assert [(score.epsilon, len(score.returns)) for score in exported.card.scores["student"]] == [(0.05, 1), (0.1, 1)]
    assert [curve.student for curve in compare_runs([run]).curves] == ["micro", "pico"]

    small = export_student(
        run, "pico", tmp_path / "small.onnx", episodes=1, epsilons=[0.05], allow_disagreement=True, returns=False
    )
    card = load_policy(small.path).card
    assert [(score.epsilon, score.returns) for score in card.scores["student"]] == [(0.05, ())]
    assert small.bytes < exported.bytes


def test_students_of_a_short_run_learn_as_they_do_with_the_command(tmp_path):
    config = replace(SHORT, memory_frames=100_000, evaluate_every=10**9)
    run = tmp_path / "run"
    losses = [event.student_loss for event in train(config, run) if isinstance(event, Progress)]
    assert losses[-1]["pico"] > 0
    assert RunFolder.open(run).config().learning_starts == 128 // 5
    # The same settings go on; where they are written before, as `zoo build` does, it is recorded as well.
    longer = replace(config, steps=192)
    RunFolder.open(run).save_config(replace(RunFolder.open(run).config(), steps=192))
    assert next(iter(train(longer, run, resume=True))) == Resumed(128)
    resumed = RunFolder.open(run).config()
    assert (resumed.learning_starts, resumed.went_on) == (128 // 5, (WentOn(128, 128),))


def test_a_run_ends_when_it_is_asked_to(tmp_path):
    events = list(train(SHORT, tmp_path / "run", should_stop=lambda: True))
    assert [event.step for event in events if isinstance(event, Progress)] == [64]


def test_bad_requests_are_refused_before_the_first_event(tmp_path, tiny_run):
    with pytest.raises(BadRequest, match="holds a run already"):
        train(TINY, tiny_run.path)
    with pytest.raises(BadRequest, match="No run at"):
        train(TINY, tmp_path / "none", resume=True)
    with pytest.raises(BadRequest, match="these may change: steps, minutes"):
        train(replace(TINY, seed=1), tiny_run.path, resume=True)
    with pytest.raises(BadRequest, match="train --teacher-from"):
        train(TrainConfig("pong", TINY.students, teacher_from="sb3:x.zip"), tmp_path / "frozen")
    with pytest.raises(BadRequest, match="No run at"):
        export_student(tmp_path / "none", None, tmp_path / "x.onnx")
    assert tiny_run.config() == TINY
    assert list(tmp_path.iterdir()) == []
