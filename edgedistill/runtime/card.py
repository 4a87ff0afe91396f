"""What an exported student says of itself: the metadata of its ONNX file, written and parsed strictly."""

import json
import re
from dataclasses import dataclass, field, fields, replace
from math import sqrt
from typing import Any

from edgedistill.atari.emulator import FRAME_SKIP, STACK
from edgedistill.atari.games import find_game
from edgedistill.atari.protocol import MAX_EPISODES, Scores
from edgedistill.atari.resize import SIDE
from edgedistill.bounds import MAX_MACS
from edgedistill.catalogue import MOST_ACTIONS, NAME_PATTERN
from edgedistill.errors import BadRequest
from edgedistill.runtime.packed_card import pack, unpack
from edgedistill.schema import Unfit, flag, listed, number, optional, short, table, whole, word

FORMAT_VERSION = 2
PREFIX = "edgedistill."
# What every file was trained on; in one of format version 1, another value means other pixels.
ENV = {"frame_skip": FRAME_SKIP, "stack": STACK, "side": SIDE, "grayscale": True, "max_of_last_frames": 2}
# Of one evaluation.
MAX_RETURNS = 10_000
# Of a file that is exported without them: enough for `zoo check`.
FIRST_RETURNS = 5
# What cards are compared at everywhere (docs/reference/protocol.md).
COMPARED_EPSILON = 0.01
# A 95% interval reaches so many standard errors to each side.
INTERVAL_DEVIATIONS = 1.96
# Who has scores on a card: `student` is the file's own.
PLAYERS = ("student", "float_student", "best_teacher", "last_teacher")


@dataclass(frozen=True)
class Score:
    """One evaluation in short."""

    mean: float
    low: float
    """Lower end of the 95% interval of the mean; the mean itself where one game was played"""
    high: float
    episodes: int
    epsilon: float
    sticky: float = 0.0
    seed: int = 0
    returns: tuple[float, ...] = ()
    """Of each game, for `zoo check` to replay and for retention to be told of games that both played; empty in files
    that were exported without them, and in those from before cards had them"""

    @classmethod
    def of(cls, scores: Scores) -> "Score":
        """An evaluation as a card gives it."""
        low, high = scores.interval or (scores.mean, scores.mean)
        protocol = scores.protocol
        return cls(
            mean=round(scores.mean, 2),
            low=round(low, 2),
            high=round(high, 2),
            episodes=protocol.episodes,
            epsilon=protocol.epsilon,
            sticky=protocol.sticky,
            seed=protocol.seed,
            returns=scores.returns if len(scores.returns) <= MAX_RETURNS else (),
        )

    @property
    def interval(self) -> tuple[float, float] | None:
        """95% interval of the mean; None of a single game."""
        return None if self.episodes == 1 else (self.low, self.high)

    @property
    def deviation(self) -> float:
        """Standard deviation of a single game, as the interval of the mean tells it."""
        return (self.high - self.low) / (2 * INTERVAL_DEVIATIONS) * sqrt(self.episodes)


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
    """Of this file in its first five games at its first ε; in files whose scores are without their returns"""
    trained_minutes: float | None = None
    """Of the whole run by the clock, its evaluations and pauses included; None in files from before cards had them"""

    def score(self, player: str, epsilon: float) -> Score | None:
        return next((score for score in self.scores.get(player, ()) if score.epsilon == epsilon), None)

    @property
    def replayable(self) -> tuple[float, ...]:
        """Returns of this file's first games at its first ε, as many as the card knows."""
        first = self.scores.get("student", ())[:1]
        return (first[0].returns if first else ()) or self.first_returns

    def without_returns(self) -> "Card":
        """This card, of each game's return keeping this file's first five alone, for a file whose bytes count."""
        scores = {
            player: tuple(replace(score, returns=()) for score in listed) for player, listed in self.scores.items()
        }
        return replace(self, scores=scores, first_returns=self.replayable[:FIRST_RETURNS])

    def to_metadata(self) -> dict[str, str]:
        """Keys and JSON values for ONNX `metadata_props`."""
        table: dict[str, Any] = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        table["scores"] = {player: [vars(s) for s in scores] for player, scores in self.scores.items()}
        return {PREFIX + "format_version": str(FORMAT_VERSION), PREFIX + "card": pack(table)}

    @classmethod
    def from_metadata(cls, metadata: dict[str, str], source: str) -> "Card":
        """Parse what `to_metadata` wrote, or wrote in format version 1.

        Raises:
            BadRequest: not an exported student, or not of a format version that is read; `source` names the file.
        """
        if PREFIX + "format_version" not in metadata:
            raise BadRequest(
                f"{source}: an ONNX model, but not an edgedistill student (no '{PREFIX}format_version' in its "
                "metadata). Make one: edgedistill export RUN -o student.onnx"
            )
        written = metadata[PREFIX + "format_version"]
        readers = {"1": _first_version, str(FORMAT_VERSION): _this_version}
        if written not in readers:
            raise BadRequest(
                f"{source}: format version {written[:20]}, this edgedistill reads versions 1 and {FORMAT_VERSION}. "
                "Export it again, or use a newer edgedistill."
            )
        try:
            values = readers[written]({key: value for key, value in metadata.items() if key.startswith(PREFIX)})
            return cls(**FIELDS(values))
        except _OtherFrames:
            raise BadRequest(f"{source}: made for another preprocessing of frames than this runtime's.") from None
        except (ValueError, RecursionError) as error:
            raise BadRequest(f"{source}: its metadata is damaged ({error}).") from error


class _OtherFrames(Exception):
    """The student was trained on other frames."""


def _this_version(metadata: dict[str, str]) -> dict[str, Any]:
    """The fields of a card that `to_metadata` wrote."""
    surprise = metadata.keys() - {PREFIX + "format_version", PREFIX + "card"}
    if surprise:
        raise Unfit(f"{short(min(surprise))} is not known")
    if PREFIX + "card" not in metadata:
        raise Unfit(f"'{PREFIX}card' is missing")
    return unpack(metadata[PREFIX + "card"])


def _first_version(metadata: dict[str, str]) -> dict[str, Any]:
    """The fields of a card of format version 1, which has an entry for each."""
    values = {key.removeprefix(PREFIX): json.loads(value) for key, value in metadata.items()}
    del values["format_version"]
    if values.pop("env", None) != ENV:
        raise _OtherFrames
    return values


def _game(value: object) -> str:
    """The name of a ROM: it becomes a file name and is loaded by the emulator, which aborts on some that it ships."""
    if not isinstance(value, str):
        raise Unfit("must be the name of a game")
    try:
        game = find_game(value)
    except BadRequest as error:
        raise Unfit(f"is none: {error}") from error
    if game != value:
        raise Unfit(f"must be written '{game}'")
    return game


def _actions(value: object) -> tuple[str, ...]:
    """Names, each once: they become names in C."""
    actions: tuple[str, ...] = listed(word(re.compile("[A-Z]{1,32}")), MOST_ACTIONS, least=2)(value)
    if len(set(actions)) != len(actions):
        raise Unfit("has an action twice")
    return actions


def _scores(value: object) -> dict[str, tuple[Score, ...]]:
    """By player. The exporter writes three values of ε."""
    players: dict[str, Any] = table({}, dict.fromkeys(PLAYERS, listed(SCORE, 20)))(value)
    parsed = {player: tuple(Score(**score) for score in scores) for player, scores in players.items()}
    for score in (score for scores in parsed.values() for score in scores):
        if score.returns and len(score.returns) != score.episodes:
            raise Unfit(f"has {len(score.returns)} returns of {score.episodes} games")
    return parsed


EPISODES, SHARE = whole(1, MAX_EPISODES), number(0, 1)
SEED = whole(0, 2**64)
# Both stand in Markdown that is published: neither can make a cell, a link (`www.` after a space or `_`) or HTML there.
QUANTISATION = word(re.compile("[A-Za-z0-9 ,;'-]{1,300}"))
VERSION = word(re.compile("[0-9][A-Za-z0-9.+-]{0,99}"))
# No game's score comes near.
RETURN = number(-(10**9), 10**9)
SCORE = table(
    {"mean": RETURN, "low": RETURN, "high": RETURN, "episodes": EPISODES, "epsilon": SHARE},
    {"sticky": SHARE, "seed": SEED, "returns": listed(RETURN, MAX_RETURNS)},
)
# The one place that says what a card's fields hold. A field that only newer files have belongs to the second table.
FIELDS = table(
    {
        "game": _game,
        "actions": _actions,
        "student": word(NAME_PATTERN),
        "params": whole(1),
        "ratio": number(0, 1000),
        "macs": whole(1, MAX_MACS),
        "quantisation": QUANTISATION,
        "agreement": SHARE,
        "largest_logit_error": number(0),
        "disagreement_allowed": flag,
        "trained_steps": whole(),
        "seed": SEED,
        "version": VERSION,
        "scores": _scores,
    },
    {"first_returns": listed(RETURN, MAX_RETURNS), "trained_minutes": optional(number(0))},
)
