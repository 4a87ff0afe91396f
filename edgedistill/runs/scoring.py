"""Scores of a run's networks under whole protocols. They are played once, and no finished game is lost.

evaluations.jsonl holds the evaluations that are complete. One that was interrupted has a file of its own until it is
complete, a line per finished game: games do not depend on each other, so the rest can follow at any time.
"""

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgedistill.atari.protocol import Act, OnGames, Protocol, Scores, evaluate
from edgedistill.files import CannotWrite, append_line
from edgedistill.runs.folder import RunFolder
from edgedistill.runs.lines import read_lines
from edgedistill.schema import number, table, whole


@dataclass(frozen=True)
class Player:
    """A network of a run, or a file that was made of one."""

    name: str
    """As evaluations.jsonl calls it: `best_teacher`, `last_teacher`, `pico`, or `pico.onnx` for what was exported"""
    step: int
    """Agent steps after which its weights were saved"""
    digest: str
    """SHA-256 of its weights, or of its graph"""
    act: Act


def score_player(
    run: RunFolder,
    player: Player,
    protocol: Protocol,
    on_games: OnGames = lambda returns, games: None,
    warn: Callable[[str], None] = lambda message: None,
) -> Scores:
    """Evaluate a player of a run, or recall what the same weights did under the same protocol.

    The best teacher and the last one are the same once the teacher is done, and then play once. `warn` hears of a
    folder that cannot be written; the scores stand nevertheless.
    """
    key = {"weights": player.digest, "protocol": asdict(protocol)}
    for record in run.evaluations():
        if len(record.get("returns", ())) == protocol.episodes and record.items() >= key.items():
            return Scores(tuple(record["returns"]), protocol)

    unfinished = _unfinished(run, key)
    game = table({"episode": whole(0, protocol.episodes - 1), "return": number()})
    played = {line["episode"]: line["return"] for line in read_lines(unfinished, game, warn)}

    def keep(number: int, score: float) -> None:
        played[number] = score
        # Told below: where this cannot be written, neither can the whole evaluation.
        with suppress(CannotWrite):
            append_line(unfinished, json.dumps({"episode": number, "return": score}))
        on_games(tuple(played.values()), protocol.episodes)

    on_games(tuple(played.values()), protocol.episodes)
    scores = evaluate(player.act, run.config().game, protocol, played=dict(played), on_episode=keep)
    try:
        run.log_evaluation(
            {"network": player.name, "step": player.step, **key, "mean": scores.mean, "returns": scores.returns}
        )
        with suppress(OSError):  # of a folder that is read-only, while the log in it is not
            unfinished.unlink(missing_ok=True)
    except CannotWrite as error:
        warn(f"{error} The scores stand, but will be played anew next time. The run is as it was.")
    return scores


def _unfinished(run: RunFolder, key: dict[str, Any]) -> Path:
    """The file of an evaluation's finished games."""
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
    return run.path / f"unfinished-evaluation-{digest[:16]}.jsonl"
