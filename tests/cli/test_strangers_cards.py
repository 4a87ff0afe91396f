"""Students whose card, or file name, was made to break what reads or prints it."""

import json
import re

import onnx
import pytest

from edgedistill.errors import BadRequest
from edgedistill.runtime.card import PREFIX
from edgedistill.runtime.policy import Policy
from edgedistill.runtime.shipped import shipped_student

STEERS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]")
SCORE = {"mean": 1.0, "low": 0.0, "high": 2.0, "episodes": 1, "epsilon": 0.01, "sticky": 0.0, "seed": 0}
ESCAPE = "\x1b]0;owned\x07"
# A file of version 1, whose metadata has an entry for each field of the card.
STUDENT = "micro"
ODD = [
    *(("game", value) for value in (None, 7, [], "", "nope", "combat", "Pong", "../../etc/passwd", "[/x]", ESCAPE)),
    *(("student", value) for value in (None, 3, "", "[/x]", "a" * 33, "../x", "micro\x9b31m", ESCAPE)),
    *(("actions", value) for value in (None, 6, "NOOPFIRE", [1] * 6, ["NOOP"] * 6, ["[/x]", *"BCDEF"], [ESCAPE] * 6)),
    *((key, value) for key in ("params", "macs", "trained_steps") for value in (None, -1, 1.5, "9", [], 10**30)),
    *((key, 10**400) for key in ("params", "macs", "trained_steps")),
    *(("seed", value) for value in (None, -1, 1.5, True, 10**30)),
    *((key, value) for key in ("ratio", "agreement", "largest_logit_error") for value in (None, -1, "x", [], 1e400)),
    *((key, value) for key in ("quantisation", "version") for value in (None, 3, ESCAPE, "x" * 1000, "a\nb", "\x9b2J")),
    *(("disagreement_allowed", value) for value in (None, 1, "yes")),
    *(("first_returns", value) for value in (None, 3, "12345", [None], [1e400], ["1"], [0.0] * 100_000)),
    *(("trained_minutes", value) for value in ("3", [], -1, 1e400, 10**400)),
    *(("scores", value) for value in (None, [], {"student": 3}, {ESCAPE: []}, {"student": [[]]}, {"student": [{}]})),
    *(
        ("scores", {"student": [SCORE | {key: value}]})
        for key in SCORE
        for value in (None, "1", [], True, 1e400, -1 if key in ("episodes", "epsilon", "sticky", "seed") else 1e30)
    ),
    *(("scores", {"student": [SCORE | {key: value}]}) for key, value in (("episodes", 0), ("epsilon", 2), ("x", 1))),
    ("surprise", 1),
]  # fmt: skip


def crafted(folder, **fields):
    """A shipped student under another card."""
    model = onnx.load(shipped_student("pong", STUDENT))
    props = {prop.key: prop.value for prop in model.metadata_props}
    onnx.helper.set_model_props(model, props | {PREFIX + key: json.dumps(value) for key, value in fields.items()})
    file = folder / "pong" / f"{STUDENT}.onnx"
    file.parent.mkdir()
    file.write_bytes(model.SerializeToString())
    return file


def harmless(outcome):
    assert not STEERS.search(outcome.out + outcome.err)
    assert "owned" not in outcome.err or "]0;owned" in outcome.err


@pytest.mark.parametrize(("key", "value"), ODD)
def test_an_odd_field_is_refused(tmp_path, key, value):
    file = crafted(tmp_path, **{key: value})
    with pytest.raises(BadRequest, match=rf"{file}: its metadata is damaged \('{key}'"):
        Policy.load(file)


# One value of each: all commands load a file in the same way.
@pytest.mark.parametrize(("key", "value"), dict(ODD).items())
def test_one_odd_field_is_refused_by_every_command(cli, tmp_path, key, value):
    file = crafted(tmp_path, **{key: value})
    for command in (
        ["play", file, "--headless", "--max-steps", 1],
        ["evaluate", file, "--episodes", 1],
        ["bench", file, "--decisions", 100],
        ["zoo", "results", "--in", tmp_path],
        ["export", file, "--target", "cortex-m4", "-o", tmp_path / "c"],
    ):
        outcome = cli(*command)
        assert outcome.code == 2, outcome
        assert f"{file}: its metadata is damaged ('{key}'" in outcome.err
        harmless(outcome)
    outcome = cli("zoo", "check", "--in", tmp_path)
    assert outcome.code == 1
    assert "DIFFERS" in outcome.out
    harmless(outcome)


def test_a_card_of_the_plainest_values_is_served(cli, tmp_path):
    file = crafted(tmp_path, scores={"student": [SCORE]}, first_returns=[], trained_minutes=None)
    assert cli("play", file, "--headless", "--max-steps", 1).code == 0
    assert cli("zoo", "results", "--in", tmp_path).code == 2  # no teacher on it


@pytest.mark.parametrize(
    "name", ["[/x].onnx", "[bold]x[/bold].onnx", "a\x1b]0;owned\x07.onnx", "b\x9b31m.onnx", "c\udc80.onnx"]
)
def test_file_names_are_shown_and_not_obeyed(cli, tmp_path, name):
    missing = cli("play", tmp_path / name)
    assert missing.code == 2
    assert "cannot be read" in missing.err
    harmless(missing)
    file = tmp_path / "pong" / name
    file.parent.mkdir(parents=True)
    file.write_bytes(shipped_student("pong", STUDENT).read_bytes())
    for command in (
        ["play", file, "--headless", "--max-steps", 1, "--json"],
        ["play", file, "--headless", "--max-steps", 1, "--gif", file.with_suffix(".gif")],
        ["evaluate", file, "--episodes", 1, "--epsilon", 1],
        ["zoo", "check", "--in", tmp_path, "--episodes", 1],
        ["zoo", "results", "--in", tmp_path, "--png", file.with_suffix(".png")],
    ):
        if command[0] != "zoo" or file.parent == tmp_path / "pong":
            outcome = cli(*command)
            assert outcome.code == 0, outcome
            harmless(outcome)
            if "\x1b" not in name and name.isprintable():
                assert name.removesuffix(".onnx") in outcome.out


def test_a_games_name_in_the_arguments(cli):
    for name in ("[/x]", ESCAPE, "c\udc80"):
        outcome = cli("play", name)
        assert outcome.code == 2
        harmless(outcome)


def test_a_card_reads_back_what_it_was(tmp_path):
    policy = Policy.load(shipped_student("pong", STUDENT))
    assert Policy.load(crafted(tmp_path)).card == policy.card
