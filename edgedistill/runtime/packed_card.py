"""A card in few bytes: nothing that follows from something else, and nothing twice.

Beside the smallest students a card would otherwise take as many bytes as their weights.
"""

import json
from typing import Any

from edgedistill.catalogue import NATURE_DQN
from edgedistill.schema import LARGEST, Unfit, listed, number, optional, short, table

# What a card says of how numbers are written.
QUANTISATIONS = {
    # The promise is kept by 7-bit weights (see exporter/quantise.py) and held by `make test-arm`; it is onnxruntime's
    # alone.
    "int8": "int8; 7-bit weights per channel, uint8 activations, float32 logits; on onnxruntime the same logits, bit "
    "for bit, on x86 with and without VNNI and on ARM with and without dot products",
    "float32": "float32 weights and activations; the logits' last bits differ from one kind of CPU to another",
}
PROTOCOL_KEYS = ("episodes", "epsilon", "sticky", "seed")
SCORE_KEYS = ("mean", "low", "high")
# Beyond these a card's own schema says what each number may be.
_PROTOCOLS = listed(listed(number(), len(PROTOCOL_KEYS), least=len(PROTOCOL_KEYS)), 20)
_SCORE = listed(number(), len(SCORE_KEYS), least=len(SCORE_KEYS))
_RETURNS = listed(number(), 10_000)
_PACKED = table({"protocols": _PROTOCOLS}, {"first_returns": _RETURNS}, open_=True)
# What is left out where it says nothing.
_USUAL: dict[str, Any] = {
    "agreement": 1.0, "largest_logit_error": 0.0, "disagreement_allowed": False, "trained_minutes": None,
    "first_returns": [],
}  # fmt: skip


def ratio_of(params: int, actions: int) -> float:
    """Parameters as a share of the plain Nature DQN's for as many actions, as cards give it."""
    return round(params / NATURE_DQN.parameters(actions), 6)


def pack(card: dict[str, Any]) -> str:
    """The fields of a card, its scores as tables, in JSON."""
    packed = {key: value for key, value in card.items() if key not in ("ratio", "scores")}
    kinds = {text: kind for kind, text in QUANTISATIONS.items()}
    packed["quantisation"] = kinds.get(card["quantisation"], card["quantisation"])
    protocols: list[list[float]] = []
    for scores in card["scores"].values():
        protocols += [row for score in scores if (row := _row(score, PROTOCOL_KEYS)) not in protocols]
    players: dict[str, Any] = {}
    for player, scores in card["scores"].items():
        rows = {tuple(_row(score, PROTOCOL_KEYS)): _packed_score(score) for score in scores}
        table = [rows.get(tuple(protocol)) for protocol in protocols]
        # The last teacher is often the best one.
        players[player] = next((other for other, known in players.items() if known == table), table)
    packed |= {"protocols": protocols, "scores": players}
    packed["first_returns"] = [_short(value) for value in card["first_returns"]]
    kept = {key: value for key, value in packed.items() if key not in _USUAL or value != _USUAL[key]}
    return json.dumps(kept, separators=(",", ":"))


def unpack(text: str) -> dict[str, Any]:
    """The fields that `pack` was given, for a card's schema to check.

    Raises:
        ValueError: not JSON, or not of this form.
    """
    card: dict[str, Any] = _USUAL | _PACKED(json.loads(text))
    if "ratio" in card:
        raise Unfit("'ratio' is not known")
    protocols = card.pop("protocols")
    params, actions, kind = card.get("params"), card.get("actions"), card.get("quantisation")
    if isinstance(params, int) and abs(params) <= LARGEST and isinstance(actions, list):
        card["ratio"] = ratio_of(params, len(actions))
    card["quantisation"] = QUANTISATIONS.get(kind, kind) if isinstance(kind, str) else kind
    card["first_returns"] = [float(value) for value in card["first_returns"]]
    card["scores"] = _unpacked_scores(card.get("scores"), protocols)
    return card


def _unpacked_scores(scores: object, protocols: tuple[tuple[float, ...], ...]) -> dict[str, Any]:
    if not isinstance(scores, dict):
        raise Unfit("'scores' must be a table by player")
    players: dict[str, Any] = {}
    for player, rows in scores.items():
        if isinstance(rows, str):
            if rows not in players:
                raise Unfit("'scores' of a player are those of another that is missing")
            players[player] = players[rows]
            continue
        rows = _SCORES(rows)
        if len(rows) != len(protocols):
            raise Unfit("'scores' must have one entry a protocol")
        players[player] = [
            score | dict(zip(PROTOCOL_KEYS, protocol, strict=True))
            for score, protocol in zip(rows, protocols, strict=True)
            if score is not None
        ]
    return players


def _packed_score(score: dict[str, Any]) -> list[Any]:
    """Mean and interval, and behind them the return of each game where the card keeps those."""
    returns = [_short(value) for value in score["returns"]]
    return [*_row(score, SCORE_KEYS), *([returns] if returns else [])]


def _unpacked_score(value: object) -> dict[str, Any]:
    """What `_packed_score` gave.

    Raises:
        Unfit: it is not of that form.
    """
    if not isinstance(value, list):
        raise Unfit(f"a score must be a list, got {short(value)}")
    score = dict(zip(SCORE_KEYS, map(float, _SCORE(value[: len(SCORE_KEYS)])), strict=True))
    more = value[len(SCORE_KEYS) :]
    if len(more) > 1:
        raise Unfit(f"a score has {len(value)} entries")
    return score | ({"returns": [float(each) for each in _RETURNS(more[0])]} if more else {})


_SCORES = listed(optional(_unpacked_score), 20)


def _row(score: dict[str, Any], keys: tuple[str, ...]) -> list[float]:
    return [_short(score[key]) for key in keys]


def _short(value: float) -> float:
    """20 for 20.0: two bytes less, and the same number."""
    return int(value) if value == int(value) else value
