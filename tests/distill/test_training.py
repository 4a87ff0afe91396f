import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from edgedistill.atari.games import action_count
from edgedistill.catalogue import find_architecture
from edgedistill.distill.events import Evaluated, Evaluating, Interrupted, Progress, Resumed, Saved
from edgedistill.distill.starting import new_run
from edgedistill.distill.students import student_learner
from edgedistill.distill.training import train
from edgedistill.errors import BadRequest, EdgeDistillError
from edgedistill.experience.memory import ReplayMemory
from edgedistill.networks.learner import Learner
from edgedistill.networks.network import AtariNetwork
from edgedistill.runs.folder import RunFolder
from edgedistill.runs.schedule import rollouts
from edgedistill.runs.went_on import WentOn
from edgedistill.teachers.teacher import values_of
from edgedistill.teachers.trained import load_trained
from tests.conftest import DQN, TINY

# A small teacher, since none of this depends on its size.
FEW = replace(TINY, teacher_network="pico", steps=384, evaluate_every=10**9, evaluate_episodes=1)


def final_tensors(run):
    return run.load_checkpoint()[0]


def teacher_of(tensors):
    return {
        name: tensor
        for name, tensor in tensors.items()
        if name.startswith(("teacher", "learning.teacher", "optimiser.teacher"))
    }


def assert_equal_tensors(left, right):
    assert left.keys() == right.keys()
    for name, tensor in left.items():
        assert torch.equal(tensor, right[name]), name


def test_a_run_leaves_curves_a_checkpoint_and_its_best_teacher(tiny_run):
    metrics = tiny_run.metrics()
    assert [record.step for record in metrics.progress] == list(range(64, 513, 64))
    assert set(metrics.progress[-1].student_loss) == {"micro", "pico"}
    (evaluation,) = metrics.evaluations
    assert set(evaluation.scores) == {"teacher", "micro", "pico"}
    assert tiny_run.load_checkpoint()[1]["step"] == 512
    assert tiny_run.load_best_teacher()[1] == {"step": 512, "mean": evaluation.scores["teacher"]}


def test_the_same_seed_gives_the_same_run_and_students_do_not_disturb_the_teacher(tmp_path):
    runs = []
    for name, students in (("a", FEW.students), ("b", FEW.students), ("alone", ())):
        # A teacher alone has no students to wait for at the end.
        config = replace(FEW, students=students, student_cooldown=0.0)
        run = RunFolder.create(tmp_path / name, config)
        list(train(run, config))
        runs.append(final_tensors(run))
    assert_equal_tensors(runs[0], runs[1])
    assert_equal_tensors(teacher_of(runs[0]), teacher_of(runs[2]))


def killed_after(folder, config, event_type, step):
    """A new run in `folder` as a kill leaves it right after such an event at a step."""
    run = RunFolder.create(folder, config)
    for event in train(run, config):
        if isinstance(event, event_type) and event.step == step:
            # A copy, before the loop that is left closes anything.
            return RunFolder.open(shutil.copytree(folder, folder.with_name("killed")))
    raise AssertionError("no such event")


# Between the checkpoints of 128 and 256, when students have learnt, and at the end, where they have played since 192.
@pytest.mark.parametrize("changes", [{"student_cooldown": 0.5}, {**DQN, "learning_starts": 64}], ids=["pqn", "dqn"])
def test_a_resumed_run_is_bit_equal_to_an_uninterrupted_one(tmp_path, changes):
    config = replace(FEW, **changes)
    whole = RunFolder.create(tmp_path / "whole", config)
    list(train(whole, config))
    for step, saved in ((192, 128), (384, 256)):
        parts = killed_after(tmp_path / f"{step}" / "run", config, Progress, step)
        assert Resumed(saved) in list(train(parts, config, resume=True, warn=pytest.fail))
        assert_equal_tensors(final_tensors(whole), final_tensors(parts))
        assert [record.step for record in parts.metrics().progress] == list(range(64, 385, 64))


@pytest.mark.parametrize("damage", [lambda file: file.unlink(), lambda file: file.write_bytes(file.read_bytes()[:-9])])
def test_without_its_memory_a_run_goes_on_and_says_what_that_costs(tmp_path, damage):
    run = killed_after(tmp_path / "run", FEW, Progress, 192)
    damage(run.path / "checkpoints" / "memory-000000128.safetensors")
    said = []
    losses = [event.student_loss for event in train(run, FEW, resume=True, warn=said.append)
              if isinstance(event, Progress)]  # fmt: skip
    (line,) = said
    assert line.startswith("The memory cannot be put back (") and line.endswith(
        "It fills anew, and until then nothing is learnt from it."
    )
    assert [bool(each) for each in losses] == [False, True, True, True]


def test_a_run_that_goes_on_learns_in_floats_until_integers_are_due_again(tmp_path):
    """A better player's activations are larger, so that ranges of before would cut them off."""
    config = replace(FEW, student_integers=0.25)
    run = RunFolder.create(tmp_path / "run", config)
    list(train(run, config))
    ranges = [final_tensors(run)["student.pico.ranges"]]
    longer, seen = replace(config, steps=1024), []
    for event in train(run, longer, resume=True, should_stop=lambda: len(seen) > 2):
        seen.append(event)
    ranges.append(final_tensors(run)["student.pico.ranges"])
    assert run.load_checkpoint()[1]["step"] < 768
    list(train(run, longer, resume=True))
    ranges.append(final_tensors(run)["student.pico.ranges"])
    assert [bool((each > 0).all()) for each in ranges] == [True, False, True]
    assert not torch.equal(ranges[0], ranges[2])


def test_a_run_whose_teacher_learns_again_measures_ranges_anew_where_integers_stay_due(tmp_path):
    config = replace(FEW, student_integers=0.5, student_cooldown=0.25)
    run = RunFolder.create(tmp_path / "run", config)
    list(train(run, config))
    before = final_tensors(run)["student.pico.ranges"]
    list(train(run, replace(config, steps=640), resume=True))
    after = final_tensors(run)["student.pico.ranges"]
    assert bool((after > 0).all()) and not torch.equal(before, after)


def test_a_run_that_goes_on_with_fewer_steps_scores_its_teacher_before_it_hands_over(tmp_path):
    config = replace(FEW, steps=1024, evaluate_every=128, student_cooldown=0.25)
    run = RunFolder.create(tmp_path / "run", config)
    seen = []
    for event in train(run, config, should_stop=lambda: len([e for e in seen if isinstance(e, Progress)]) >= 5):
        seen.append(event)
    step = run.load_checkpoint()[1]["step"]
    assert [step, run.metrics().evaluations[-1].step] == [320, 256]
    list(train(run, replace(config, steps=384), resume=True))
    assert run.metrics().evaluation_at(320) is not None


def test_a_config_with_other_rollouts_than_those_played_is_refused(tmp_path, tiny_run):
    run = RunFolder.open(shutil.copytree(tiny_run.path, tmp_path / "run"))
    with pytest.raises(BadRequest, match="512 steps, which are no whole rollouts of 48"):
        list(train(run, replace(TINY, steps=1024, envs=3), resume=True))


def test_an_average_keeps_no_graph_of_the_updates_before():
    pico = AtariNetwork(find_architecture("pico"), 6)
    learner = student_learner(replace(FEW, student_average=0.9), "student.pico", pico)
    for _ in range(2):
        pico(torch.rand(1, 64, 21, 21)).sum().backward()
        learner.step(None)
    assert all(each.grad_fn is None and not each.requires_grad for each in learner.average.parameters())


def test_a_request_to_stop_ends_with_a_checkpoint(tmp_path):
    run = RunFolder.create(tmp_path / "run", FEW)
    seen = []
    for event in train(run, FEW, should_stop=lambda: len(seen) >= 1):
        seen.append(event)
    assert isinstance(seen[-1], Saved)
    assert run.load_checkpoint()[1]["step"] == seen[-1].step < FEW.steps
    assert not any(isinstance(event, Evaluated) for event in seen)


def test_a_run_stopped_in_its_last_evaluation_makes_up_for_it_when_resumed(tmp_path):
    config = replace(FEW, steps=64)
    run = RunFolder.create(tmp_path, config)
    seen = []
    for event in train(run, config, should_stop=lambda: any(isinstance(each, Evaluating) for each in seen)):
        seen.append(event)
    assert not any(isinstance(event, Evaluated) for event in seen)
    events = list(train(run, config, resume=True))
    assert [type(event) for event in events] == [Resumed, *[Evaluating] * 3, Evaluated]
    assert run.load_best_teacher() is not None
    (logged,) = run.metrics().evaluations
    assert list(logged.returns) == list(logged.scores) == ["teacher", *(entry.name for entry in config.students)]
    assert [sum(returns) / len(returns) for returns in logged.returns.values()] == list(logged.scores.values())
    with pytest.raises(BadRequest, match="has its 64 steps already"):
        list(train(run, config, resume=True))


def test_a_finished_run_says_how_to_go_on_and_keeps_its_settings(tiny_run):
    with pytest.raises(BadRequest, match="--steps 1024"):
        list(train(tiny_run, replace(TINY, steps=10, evaluate_every=77), resume=True))
    assert tiny_run.config() == TINY


def test_students_of_a_frozen_teacher_learn_from_rollouts_smaller_than_a_minibatch():
    config = replace(TINY, envs=1, teacher_from="pong", learning_starts=0)
    batches = [span.memory_batches for span in rollouts(config, 0)]
    assert sum(batches) == config.frozen_batches * 2 * config.steps / 128 == 32


def test_how_a_teacher_learns_does_not_change_what_students_do_beside_a_frozen_one():
    config = replace(TINY, teacher_from="pong")
    for changes in ({"minibatch": 64}, {"epochs": 4}):
        changed = replace(config, **changes)
        assert [s.memory_batches for s in rollouts(changed, 0)] == [s.memory_batches for s in rollouts(config, 0)]


@pytest.mark.parametrize(
    ("network", "value"), [("teacher", float("nan")), ("teacher", 1e6), ("student.pico", float("nan"))]
)
def test_a_diverging_loss_stops_the_run_and_keeps_its_checkpoint(tmp_path, network, value):
    run = RunFolder.create(tmp_path / "run", FEW)
    list(train(run, replace(FEW, steps=128)))
    tensors, state = run.load_checkpoint()
    tensors[f"learning.{network}.head.bias"][0] = value
    run.save_checkpoint(state["step"], tensors, state)
    with pytest.raises(EdgeDistillError, match=f"'{network.removeprefix('student.')}'.* at step 192"):
        list(train(run, FEW, resume=True))
    assert run.load_checkpoint()[1]["step"] == 128


def test_a_small_network_learns_by_itself_and_can_teach(tmp_path):
    config = replace(FEW, students=(), steps=64)
    run = RunFolder.create(tmp_path / "alone", config)
    list(train(run, config))
    (trained,) = load_trained(run, ["best_teacher"])
    assert trained.network.architecture.name == "pico"
    beside, resolved = new_run(
        tmp_path / "beside", "pong", FEW.students[:1], "pqn", "realtime", [str(run.path)],
        {"steps": 64, "envs": 4, "rollout_length": 16, "threads": 1, "evaluate_episodes": 1, "memory_frames": 128},
    )  # fmt: skip
    list(train(beside, resolved))
    assert teacher_of(final_tensors(beside)).keys() == teacher_of(run.load_best_teacher()[0]).keys()


@pytest.mark.parametrize("changes", [{}, {"student_cooldown": 0.5}])
def test_a_run_killed_before_its_first_checkpoint_begins_again_and_says_so(tmp_path, changes):
    config = replace(FEW, **changes)
    whole = RunFolder.create(tmp_path / "whole", config)
    list(train(whole, config))
    killed = killed_after(tmp_path / "run", config, Progress, 64)
    assert not killed.has_checkpoint()
    said = []
    assert Resumed(0) in list(train(killed, config, resume=True, warn=said.append))
    assert said == [f"{killed.path} has no checkpoint yet. It begins again."]
    assert_equal_tensors(final_tensors(whole), final_tensors(killed))
    assert [record.step for record in killed.metrics().progress] == list(range(64, 385, 64))


def stopped_at(path, config, step):
    """A run that somebody stopped after an agent step."""
    run, seen = RunFolder.create(path, config), []
    for event in train(run, config, should_stop=lambda: isinstance(seen[-1], Progress) and seen[-1].step == step):
        seen.append(event)
    assert seen[-1] == Saved(step)
    return run


def test_games_go_on_as_they_were_in_a_run_that_was_killed_or_stopped_while_its_teacher_learnt(tmp_path, monkeypatch):
    monkeypatch.setattr("edgedistill.runs.schedule.GAME_STEPS", 64)  # so that games begin anew at 256 and 512
    config = replace(FEW, steps=576, sticky=0.25)
    whole = RunFolder.create(tmp_path / "whole", config)
    list(train(whole, config))
    stopped = [stopped_at(tmp_path / str(steps), config, steps) for steps in (320, 512)]
    for run in (*stopped, killed_after(tmp_path / "run", config, Progress, 448)):
        list(train(run, config, resume=True))
        assert_equal_tensors(final_tensors(whole), final_tensors(run))
        for each, other in zip(run.metrics().progress, whole.metrics().progress, strict=True):
            assert replace(each, seconds=0) == replace(other, seconds=0)


@pytest.mark.parametrize(
    "damaged",
    [
        {},  # but they were played in two groups, with a seed each, and now it is one
        {"games.began": torch.tensor([128])},
        {"games.began": torch.tensor([float("nan"), 1.0])},
        {"games.began": torch.tensor([-4096, 1]), "games.actions": torch.zeros(1056, 4, dtype=torch.uint8)},
        {"games.began": torch.tensor([0, 1]), "games.actions": torch.zeros(31, 4, dtype=torch.uint8)},
        {"games.began": torch.tensor([0, 1]), "games.actions": torch.zeros(32, 4)},
        {"games.began": torch.tensor([0, 1]), "games.actions": torch.full((32, 4), 6, dtype=torch.uint8)},
    ],
)
def test_games_begin_anew_where_they_cannot_be_played_again(tmp_path, damaged):
    config = replace(FEW, threads=2)
    killed = killed_after(tmp_path / "run", config, Progress, 192)
    tensors, state = killed.load_checkpoint()
    killed.save_checkpoint(128, tensors | damaged, state)
    events = list(train(killed, replace(config, threads=1, steps=192), resume=True))
    assert [event.step for event in events if isinstance(event, Progress)] == [192]
    assert final_tensors(killed)["games.began"].tolist() == [128, 1]


def test_who_stops_a_run_while_its_games_are_played_again_has_its_checkpoint_as_it_was(tmp_path):
    killed = killed_after(tmp_path / "run", FEW, Progress, 192)
    before, asked, said = final_tensors(killed), [], []

    def should_stop():
        asked.append(None)
        return len(asked) > 5

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("edgedistill.distill.play.LONG_REPLAY", 100)
        assert list(train(killed, FEW, resume=True, should_stop=should_stop, warn=said.append)) == [Resumed(128)]
    assert said == ["Its games play their last 128 steps again, to go on where they were."]
    assert len(asked) < 15
    assert_equal_tensors(final_tensors(killed), before)


def test_a_run_that_is_stopped_before_it_has_gone_on_with_other_steps_still_says_where_it_did(tmp_path):
    """In the evaluation that it owed, whose end saves the same step again."""
    config, seen = replace(FEW, steps=128, evaluate_every=128), []
    run = killed_after(tmp_path / "run", config, Evaluating, 128)
    longer = replace(config, steps=256)
    for event in train(run, longer, resume=True, should_stop=lambda: len(seen) > 1):
        seen.append(event)
    assert Interrupted(128) in seen
    list(train(run, replace(longer, went_on=run.config().went_on), resume=True))
    assert run.config().went_on == (WentOn(step=128, steps=128),)


def test_an_evaluation_in_which_a_run_was_killed_is_made_up(tmp_path):
    config = replace(FEW, evaluate_every=128, checkpoint_every=128)
    killed = killed_after(tmp_path / "run", config, Evaluating, 128)
    assert (len(killed.metrics().progress), len(killed.metrics().evaluations)) == (2, 0)
    events = list(train(killed, config, resume=True))
    assert [event.step for event in events if isinstance(event, Evaluated)] == [128, 256, 384]
    assert [record.step for record in killed.metrics().evaluations] == [128, 256, 384]


def test_an_evaluation_that_was_logged_is_not_made_again_and_its_best_teacher_counts(tmp_path):
    config = replace(FEW, evaluate_every=128, checkpoint_every=128)
    killed = killed_after(tmp_path / "run", config, Evaluated, 128)
    assert killed.load_checkpoint()[1]["best_teacher"] is None  # its evaluation is newer
    mean = killed.load_best_teacher()[1]["mean"]
    for event in train(killed, config, resume=True):
        assert not (isinstance(event, Evaluated) and event.step == 128)
        if isinstance(event, Evaluated):
            assert event.best_teacher >= mean
            break


def test_students_finish_beside_the_teacher_in_the_file_where_a_kill_came_between_it_and_the_next_checkpoint(tmp_path):
    killed = killed_after(tmp_path / "run", FEW, Progress, 192)
    weights = {name: each for name, each in final_tensors(killed).items() if name.startswith("teacher.")}
    killed.save_best_teacher(weights, {"step": 192, "mean": 3.0})
    evaluations = [event for event in train(killed, FEW, resume=True) if isinstance(event, Evaluated)]
    assert evaluations[-1].best_teacher == 3.0
    assert killed.load_checkpoint()[1]["best_teacher"] == {"step": 192, "mean": 3.0}


def test_two_processes_do_not_train_in_one_run(tmp_path):
    run = RunFolder.create(tmp_path / "run", FEW)
    first = train(run, FEW)
    next(first)
    with pytest.raises(EdgeDistillError, match=rf"Process \d+ works at {run.path} already\. Wait for it, or end it"):
        next(train(RunFolder.open(run.path), FEW, resume=True))
    with pytest.raises(EdgeDistillError, match="already"):
        RunFolder.open(run.path).save_config(FEW)
    first.close()
    RunFolder.open(run.path).save_config(FEW)


# The teacher learns to 192 of 384 steps; then students finish.
FINISHING = replace(FEW, student_cooldown=0.5)


def test_a_run_killed_where_the_teacher_is_done_goes_on_to_the_same_end(tmp_path):
    whole = RunFolder.create(tmp_path / "whole", FINISHING)
    list(train(whole, FINISHING))
    for event_type in (Evaluating, Evaluated):
        killed = killed_after(tmp_path / event_type.__name__ / "run", FINISHING, event_type, 192)
        assert Resumed(192) in list(train(killed, FINISHING, resume=True))
        assert_equal_tensors(final_tensors(whole), final_tensors(killed))


def test_students_finish_beside_the_best_teacher_which_gives_all_frames_their_values(tmp_path):
    config = replace(FINISHING, memory_frames=384, learning_starts=64, evaluate_every=256)
    killed = killed_after(tmp_path / "run", config, Evaluated, 192)
    best, state = killed.load_best_teacher()
    best["teacher.head.bias"] += 3.0
    killed.save_best_teacher(best, state)  # as if an earlier one had scored so much

    evaluations = [event for event in train(killed, config, resume=True) if isinstance(event, Evaluated)]
    assert [event.step for event in evaluations] == [256, 384]
    assert {event.scores["teacher"] for event in evaluations} == {state["mean"]}
    assert killed.load_best_teacher()[1] == state
    last = final_tensors(killed)
    assert_equal_tensors(best, {name: last[name] for name in best})

    memory = ReplayMemory(384, config.envs, config.rollout_length, action_count("pong"))
    memory.load(killed.load_memory(384))
    sample = memory.sample(500, np.random.default_rng(0))
    (teacher,) = load_trained(killed, ["best_teacher"])
    np.testing.assert_allclose(sample.q_t, values_of(teacher.network, sample.blocks_t[None])[0], atol=1e-4)


def test_students_in_integers_measure_their_ranges_anew_as_they_begin_to_finish(tmp_path):
    """Integers begin with the rollout from 256 on, the finish with that from 384 on."""
    config = replace(
        FINISHING, steps=448, student_cooldown=0.2, student_integers=0.5, checkpoint_every=64, memory_frames=128,
        students=FINISHING.students[1:], student_learning_rate=0.05,
    )  # fmt: skip
    run = RunFolder.create(tmp_path / "run", config)
    ranges = {}
    for event in train(run, config):
        if isinstance(event, Saved):
            ranges[event.step] = final_tensors(run)["student.pico.ranges"]
    assert not ranges[256].any() and ranges[320].all()
    assert torch.equal(ranges[320], ranges[384])
    assert ranges[448].all() and not torch.equal(ranges[384], ranges[448])


def test_a_teacher_that_was_done_learns_again_where_its_run_gets_more_steps(tmp_path):
    run = RunFolder.create(tmp_path / "run", FINISHING)
    list(train(run, FINISHING))
    progress = [
        event for event in train(run, replace(FINISHING, steps=1024), resume=True) if isinstance(event, Progress)
    ]
    assert [event.step for event in progress if event.teacher_loss is not None] == [448, 512]
    assert run.metrics().evaluation_at(512) is not None


def test_a_teacher_that_learns_again_teaches_with_its_own_average_not_with_the_best_teachers(tmp_path):
    killed = killed_after(tmp_path / "run", replace(FINISHING, evaluate_every=256), Evaluated, 192)
    best, state = killed.load_best_teacher()
    best["teacher.head.bias"] += 30.0
    killed.save_best_teacher(best, state)  # as if an earlier one had scored so much
    list(train(killed, replace(FINISHING, evaluate_every=256), resume=True))
    assert torch.equal(final_tensors(killed)["teacher.head.bias"], best["teacher.head.bias"])

    seen = []
    for event in train(
        killed, replace(FINISHING, evaluate_every=256, steps=1024), resume=True, should_stop=lambda: bool(seen)
    ):
        seen.append(event)
    last = final_tensors(killed)
    assert torch.allclose(last["teacher.head.bias"], last["learning.teacher.head.bias"], atol=1.0)


def test_updates_are_counted_whatever_the_optimiser_keeps():
    pico = AtariNetwork(find_architecture("pico"), 6)
    optimiser = torch.optim.SGD(pico.parameters(), lr=0.1)
    learner = Learner.build("student.pico", pico, (optimiser,), with_target=True, decay=0.9)
    for updates in (1, 2, 3):
        pico(torch.rand(1, 64, 21, 21)).sum().backward()
        learner.step(None)
        learner.update_target(3)
        assert learner.updates == updates
        copied = torch.equal(learner.target.head.bias, pico.head.bias)
        assert copied == (updates == 3)
    again = Learner.build("student.pico", pico, (optimiser,), with_target=True, decay=0.9)
    again.load(learner.tensors())
    assert again.updates == 3
