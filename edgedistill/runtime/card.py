"""What an exported student says of itself: the metadata of its ONNX file, written and parsed strictly."""

import json
from dataclasses import dataclass, field, fields
from typing import Any

from edgedistill.atari.emulator import FRAME_SKIP, STACK
from edgedistill.atari.resize import SIDE
from edgedistill.errors import BadRequest

FORMAT_VERSION = 1
PREFIX = "edgedistill."
# What every file of this format version was trained on; another value means other pixels.
ENV = {"frame_skip": FRAME_SKIP, "stack": STACK, "side": SIDE, "grayscale": True, "max_of_last_frames": 2}
MAX_ACTIONS = 18
# Returns of single games on a card, for `zoo check` to replay: one wrong logit soon changes one of them, and five games
# take seconds on a board.
FIRST_RETURNS = 5


@dataclass(frozen=True)
class Score:
    """One evaluation in short."""

    mean: float
    low: float
    """Lower end of the 95% interval of the mean"""
    high: float
    episodes: int
    epsilon: float
    sticky: float = 0.0
    seed: int = 0


@dataclass(frozen=True)
class Card:
    """The metadata of an exported student."""

    game: str
    actions: tuple[str, ...]
    """ALE action names, in the order of the logits"""
    student: str
    params: int
    ratio: float
    """Parameters as a share of the plain Nature DQN's"""
    macs: int
    quantisation: str
    agreement: float
    """Share of held-out frames on which the exported student picks the action of the one that was trained"""
    largest_logit_error: float
    disagreement_allowed: bool
    """Exported although the agreement is below the exporter's bound"""
    trained_steps: int
    seed: int
    version: str
    """edgedistill's, with the git commit where it ran from a checkout"""
    scores: dict[str, tuple[Score, ...]] = field(default_factory=dict)
    """By player, one score per ε: `student` (this file), `best_teacher`, `last_teacher`, and `float_student` where it
    was rounded afterwards"""
    first_returns: tuple[float, ...] = ()
    """Of this file in its first games at its first ε; empty in files from before cards had them"""
    trained_minutes: float | None = None
    """Of the whole run by the clock, its evaluations and pauses included; None in files from before cards had them"""

    def score(self, player: str, epsilon: float) -> Score | None:
        return next((score for score in self.scores.get(player, ()) if score.epsilon == epsilon), None)

    def to_metadata(self) -> dict[str, str]:
        """Keys and JSON values for ONNX `metadata_props`."""
        table: dict[str, Any] = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        table["scores"] = {player: [vars(s) for s in scores] for player, scores in self.scores.items()}
        table |= {"format_version": FORMAT_VERSION, "env": ENV}
        return {PREFIX + key: json.dumps(value) for key, value in table.items()}

    @classmethod
    def from_metadata(cls, metadata: dict[str, str], source: str) -> "Card":
        """Parse what `to_metadata` wrote.

        Raises:
            BadRequest: not an exported student, or not of this format version; `source` names the file.
        """
        if PREFIX + "format_version" not in metadata:
            raise BadRequest(
                f"{source}: an ONNX model, but not an edgedistill student (no '{PREFIX}format_version' in its "
                "metadata). Make one: edgedistill export RUN -o student.onnx"
            )
        try:
            table = {key.removeprefix(PREFIX): json.loads(value) for key, value in metadata.items() if PREFIX in key}
            if table.pop("format_version") != FORMAT_VERSION:
                raise BadRequest(
                    f"{source}: format version {metadata[PREFIX + 'format_version']}, this edgedistill reads "
                    f"version {FORMAT_VERSION}. Export it again, or upgrade: pip install -U edgedistill"
                )
            if table.pop("env") != ENV:
                raise BadRequest(f"{source}: made for another preprocessing of frames than this runtime's.")
            table["scores"] = {
                player: tuple(Score(**score) for score in scores) for player, scores in table["scores"].items()
            }
            table["actions"] = tuple(table["actions"])
            table["first_returns"] = tuple(map(float, table.get("first_returns", ())))
            numbers = [
                value for scores in table["scores"].values() for score in scores for value in vars(score).values()
            ]
            if not all(isinstance(number, int | float) for number in numbers):
                raise ValueError("a score that is no number")
            card = cls(**table)
            if not isinstance(card.trained_minutes, int | float | None):
                raise ValueError("minutes that are no number")
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise BadRequest(f"{source}: its metadata is damaged ({error}).") from error
        if not 2 <= len(card.actions) <= MAX_ACTIONS or not all(isinstance(name, str) for name in card.actions):
            raise BadRequest(f"{source}: its metadata is damaged (an action set of {card.actions!r}).")
        return card
