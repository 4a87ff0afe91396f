"""What a card says of each player, for `zoo list` and `zoo show`."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # it brings onnxruntime, which start-up does without
    from edgedistill.runtime.card import Card


def scores_of(card: "Card") -> list[dict[str, Any]]:
    """One entry per ε, in the card's order: each player's score, and what follows from them."""
    from edgedistill.atari.games import human_normalised, retention

    entries = []
    for score in card.scores.get("student", ()):
        teacher = card.score("best_teacher", score.epsilon)
        players = ("student", "float_student", "best_teacher")
        found = {player: card.score(player, score.epsilon) for player in players}
        entries.append(
            {
                "epsilon": score.epsilon,
                "episodes": score.episodes,
                **{player: vars(each) if each else None for player, each in found.items()},
                "retention": retention(card.game, score.mean, teacher.mean) if teacher else None,
                "human_normalised": human_normalised(card.game, score.mean),
            }
        )
    return entries
