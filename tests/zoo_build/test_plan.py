import pytest

from edgedistill.catalogue import SMALL_STUDENTS
from edgedistill.errors import BadRequest
from edgedistill.zoo_build.plan import Plan, resolve


def test_a_plan_is_read_as_it_was_saved(tmp_path):
    plan = Plan(("pong",), ("pico", "net5"), steps=9, settings={"epsilon_floors": [0.1, 0.2], "envs": 4})
    plan.save(tmp_path)
    assert Plan.load(tmp_path) == plan
    assert plan.run_settings() == {"epsilon_floors": (0.1, 0.2), "envs": 4, "steps": 9, "seed": 0}


def test_a_new_plan_takes_the_defaults_and_an_old_one_goes_on(tmp_path):
    plan = resolve(tmp_path, ["ALE/MsPacman-v5", "pong"], {"steps": 500, "seed": None})
    assert (plan.games, plan.students, plan.steps, plan.seed) == (("ms_pacman", "pong"), SMALL_STUDENTS, 500, 0)
    plan.save(tmp_path)
    assert resolve(tmp_path, None, {"steps": None}) == plan


def test_games_are_added_and_steps_grow(tmp_path):
    Plan(("pong",), steps=500).save(tmp_path)
    plan = resolve(tmp_path, ["boxing", "pong"], {"steps": 900})
    assert (plan.games, plan.steps) == (("pong", "boxing"), 900)


@pytest.mark.parametrize(
    ("given", "difference"),
    [
        ({"steps": 400}, "begun with steps 500, which may only grow; got 400"),
        ({"seed": 1}, "begun with seed 0, which cannot change; got 1"),
        ({"episodes": 30}, "begun with episodes 100"),
        ({"students": ("pico",)}, "begun with students net5, micro, nano, pico, which cannot change; got pico"),
        ({"settings": {"envs": 8}}, "begun with settings none, which cannot change; got envs=8. Leave --set out"),
    ],
)
def test_other_settings_in_the_same_folder_are_refused(tmp_path, given, difference):
    Plan(("pong",), steps=500).save(tmp_path)
    (tmp_path / "runs").mkdir()
    with pytest.raises(BadRequest, match=difference):
        resolve(tmp_path, None, given)


def test_a_plan_of_which_no_run_has_begun_may_change(tmp_path):
    Plan(("pong",), steps=500, seed=3).save(tmp_path)
    plan = resolve(tmp_path, ["boxing"], {"steps": 400, "students": ("pico",), "settings": {"envs": 8}})
    assert plan == Plan(("pong", "boxing"), ("pico",), steps=400, seed=3, settings={"envs": 8})


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"games": ()}, "at least one game"),
        ({"games": ("pong", "pong")}, "each once"),
        ({"games": ("pnog",)}, "Did you mean 'pong'"),
        ({"students": ("mirco",)}, "Did you mean 'micro'"),
        ({"settings": {"envz": 1}}, "Did you mean 'envs'"),
        ({"settings": {"seed": 1}}, "no setting 'seed'"),
        ({"settings": {"ensemble": ["a"]}}, "no setting 'ensemble'"),
        ({"settings": {"seed": 1}}, "an option of its own, --seed"),
        ({"settings": {"teacher": "dqn"}}, "'teacher' here: it is fixed"),
        ({"settings": {"xyzzy": 1}}, "All of them: edgedistill train --help"),
        ({"settings": {"envs": "four"}}, "--envs must be a whole number, got 'four'"),
        ({"settings": {"envs": 0}}, "--envs must be from 1 to 256"),
        ({"episodes": 0}, "--episodes must be from 1 to 1,000,000, got 0"),
        ({"episodes": 10**15}, "--episodes must be from 1 to 1,000,000"),
    ],
)
def test_a_plan_that_cannot_be_served_is_refused(fields, complaint):
    with pytest.raises(BadRequest, match=complaint):
        Plan(**{"games": ("pong",), **fields})


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "{}", '{"plan_version": 1}', '{"plan_version": 1, "games": 3}'),
        pytest.param("[" * 100_000, id="deep"),
        pytest.param('{"plan_version": 1, "games": ["pong"]}' + " " * 1_000_000, id="large"),
    ],
)
def test_a_damaged_plan_is_refused(tmp_path, text):
    (tmp_path / "plan.json").write_text(text)
    with pytest.raises(BadRequest, match=r"plan\.json"):
        Plan.load(tmp_path)


def test_a_plan_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "plan.json").mkdir()
    for folder in (tmp_path, tmp_path / "plan.json" / "file" / "below"):
        (tmp_path / "plan.json" / "file").touch()
        with pytest.raises(BadRequest, match=f"{folder}: the plan cannot be written there"):
            Plan(("pong",)).save(folder)
