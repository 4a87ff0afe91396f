from dataclasses import replace

import onnx
import pytest

from edgedistill.errors import BadRequest
from edgedistill.runtime.card import Score
from edgedistill.runtime.check import check_student, mean_tolerance
from edgedistill.runtime.policy import Policy


def with_card(path, card):
    """The policy of a file with another card."""
    model = onnx.load(path)
    onnx.helper.set_model_props(model, card.to_metadata())
    return Policy(model.SerializeToString(), "changed.onnx")


def with_returns(card, *returns):
    """A card on which the student's first evaluation went otherwise."""
    first, *others = card.scores["student"]
    first = replace(first, returns=returns, episodes=len(returns))
    return replace(card, scores=card.scores | {"student": (first, *others)})


def test_the_exporter_notes_the_first_games_and_they_are_played_again(tiny_export):
    card = tiny_export.card
    assert card.score("student", 0.01).returns == (card.score("student", 0.01).mean,)
    checked = check_student(Policy.load(tiny_export.path), episodes=3)
    assert checked.exact
    assert checked.agrees
    assert checked.returns == card.replayable


def test_one_other_return_is_noticed(tiny_export):
    other = with_returns(tiny_export.card, tiny_export.card.replayable[0] + 1)
    assert not check_student(with_card(tiny_export.path, other)).agrees


def test_a_card_of_before_has_its_first_five_games_elsewhere(tiny_export):
    old = with_returns(tiny_export.card)
    (played,) = tiny_export.card.replayable
    old = replace(old, scores={"student": (replace(old.scores["student"][0], episodes=30),)})
    assert check_student(with_card(tiny_export.path, replace(old, first_returns=(played,)))).agrees
    assert not check_student(with_card(tiny_export.path, replace(old, first_returns=(played + 1,)))).agrees


def test_a_card_without_single_games_is_held_to_its_interval(tiny_export):
    (played,) = tiny_export.card.replayable
    score = replace(
        tiny_export.card.scores["student"][0], mean=played + 3, low=played + 2, high=played + 4, episodes=30,
        returns=(),
    )  # fmt: skip
    old = replace(tiny_export.card, scores={"student": (score,)})
    near = check_student(with_card(tiny_export.path, old), episodes=1)
    assert (near.exact, near.agrees) == (False, True)
    far = replace(score, mean=played + 30)
    assert not check_student(with_card(tiny_export.path, replace(old, scores={"student": (far,)})), episodes=1).agrees


def test_a_card_without_scores_is_refused(tiny_export):
    with pytest.raises(BadRequest, match="no score of the student"):
        check_student(with_card(tiny_export.path, replace(tiny_export.card, scores={})))


def test_all_games_of_a_card_leave_no_tolerance_but_rounding():
    score = Score(19.3, 18.93, 19.6, 30, 0.01)
    assert mean_tolerance(score, 30) < 0.01 < mean_tolerance(score, 29)
