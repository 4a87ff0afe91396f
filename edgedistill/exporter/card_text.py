"""The card of an exported student, for people."""

import json
from collections.abc import Sequence
from pathlib import PureWindowsPath

from edgedistill.atari.emulator import FRAME_SKIP
from edgedistill.atari.games import human_normalised, retention
from edgedistill.exporter.options import CARD_EPSILONS
from edgedistill.exporter.templates import template
from edgedistill.runs.config import TrainConfig
from edgedistill.runs.config_file import config_to_json
from edgedistill.runtime.card import Card
from edgedistill.runtime.hub.name import is_hub_name


def card_text(card: Card, file_name: str, size: int, config: TrainConfig | None = None) -> str:
    """In Markdown, from the template `export/card.md`; with the settings of its run where they are known."""
    rows = []
    for player, listed in card.scores.items():
        cells = [
            f"{score.mean:.2f}" + (f" [{score.low:.2f}, {score.high:.2f}]" if score.interval else "")
            for score in listed
        ]
        rows.append(f"| {player.replace('_', ' ')} | {' | '.join(cells)} |")
    epsilons = [score.epsilon for score in card.scores["student"]]
    first = card.scores["student"][0]
    several = f"Mean return over {first.episodes} games with its 95% interval"
    best, last = (
        retention(card.game, first.mean, card.scores[teacher][0].mean) for teacher in ("best_teacher", "last_teacher")
    )
    return template("card.md").format(
        file_name=file_name,
        card=card,
        kilobytes=size / 1000,
        frames=card.trained_steps * FRAME_SKIP,
        header=" | ".join(f"ε {epsilon:g}" for epsilon in epsilons),
        rule=" | ".join("---:" for _ in epsilons),
        rows="\n".join(rows),
        mean=several if first.interval else "Return of one game",
        as_played=_as_played(epsilons, first.sticky),
        minutes=f", {card.trained_minutes:.0f} minutes by the clock" if card.trained_minutes else "",
        frozen=f", beside a finished teacher: `{teacher}`" if config and (teacher := _teacher(config)) else "",
        settings=_settings(config) if config else "",
        first=first,
        normalised=human_normalised(card.game, first.mean),
        of_best=_percent(best),
        of_last=_percent(last),
        disagreement=" **Exported in spite of it (`--allow-disagreement`).**" if card.disagreement_allowed else "",
    )


def _as_played(epsilons: Sequence[float], sticky: float) -> str:
    """Options of `edgedistill evaluate` for the games of a card, where they are not its usual ones."""
    usual = list(epsilons) == list(CARD_EPSILONS)
    options = [] if usual else [f" --epsilon {epsilon:g}" for epsilon in epsilons]
    return "".join(options) + (f" --sticky {sticky:g}" if sticky else "")


def _teacher(config: TrainConfig) -> str | None:
    """Where a frozen teacher came from. Cards go to strangers, who need not know in which folder it lay."""
    if config.teacher_from is None:
        return None
    sources = [member.source for member in config.ensemble] or [config.teacher_from]
    return " + ".join(_without_folder(source) for source in sources)


def _settings(config: TrainConfig) -> str:
    """A run's settings, folded away."""
    table = json.loads(config_to_json(config)) | {"teacher_from": _teacher(config)}
    for member in table["ensemble"]:
        member["source"] = _without_folder(member["source"])
    settings = json.dumps({name: value for name, value in table.items() if name != "students"}, indent=2)
    return f"\n<details><summary>Settings of the run</summary>\n\n```json\n{settings}\n```\n\n</details>\n"


def _without_folder(source: str) -> str:
    """The name of a teacher's file or run; on the hub, where it is for everybody, all of it."""
    return source if is_hub_name(source) else PureWindowsPath(source).name  # knows both slashes


def _percent(share: float | None) -> str:
    return "not defined (the teacher does not beat a random player)" if share is None else f"{share:.1%}"
