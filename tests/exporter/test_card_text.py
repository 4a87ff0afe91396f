"""The card of an exported student, for people."""

from dataclasses import replace

import pytest

from edgedistill.exporter.card_text import card_text
from edgedistill.runtime.policy import Policy
from edgedistill.runtime.shipped import shipped_student


def of_scores(*, epsilons=(0.01, 0.0, 0.05), **fields):
    """Breakout's `nano`, with scores at these values of ε and otherwise as given."""
    card = Policy.load(shipped_student("breakout", "nano")).card
    scores = {
        player: tuple(replace(listed[0], epsilon=epsilon, **fields) for epsilon in epsilons)
        for player, listed in card.scores.items()
    }
    return replace(card, scores=scores)


@pytest.mark.parametrize(
    ("fields", "options"),
    [
        ({}, ""),
        ({"sticky": 0.25}, " --sticky 0.25"),
        ({"epsilons": (0.1,)}, " --epsilon 0.1"),
        ({"epsilons": (0.05, 0.01), "sticky": 0.25}, " --epsilon 0.05 --epsilon 0.01 --sticky 0.25"),
    ],
)
def test_a_card_says_how_to_play_its_games_again(fields, options):
    text = card_text(of_scores(episodes=30, returns=(), **fields), "nano.onnx", 20_000)
    assert f"\nReproduce: `edgedistill evaluate nano.onnx --episodes 30{options}`\n" in text


def test_one_game_has_no_interval():
    text = card_text(of_scores(episodes=1, mean=21.0, low=21.0, high=21.0, returns=()), "nano.onnx", 20_000)
    assert "\nReturn of one game; up to 30 no-ops" in text
    assert "| student | 21.00 | 21.00 | 21.00 |" in text
    assert "interval" not in text
