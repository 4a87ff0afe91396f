"""The settings of a run as its `config.json` has them, and which of them may change when the run goes on."""

import json
import re
from dataclasses import asdict, fields, replace
from typing import Any

from edgedistill.atari.games import reference_scores
from edgedistill.catalogue import parse_architecture
from edgedistill.errors import BadRequest
from edgedistill.runs.config import TrainConfig
from edgedistill.runs.ensemble import MOST_MEMBERS, parse_members
from edgedistill.runs.setting import settings_of
from edgedistill.runs.went_on import parse_went_on
from edgedistill.schema import short

CONFIG_VERSION = 2
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
# Characters of a path on Linux. The members of an ensemble stand one after the other where the teacher came from.
LONGEST_PATH = 4_096


def config_to_json(config: TrainConfig) -> str:
    """The text of a `config.json`."""
    table = asdict(replace(config, students=()))
    table["students"] = [student.to_dict() for student in config.students]
    return json.dumps({"config_version": CONFIG_VERSION, **table}, indent=2) + "\n"


def config_from_json(text: str, source: str) -> TrainConfig:
    """Read what `config_to_json` wrote.

    Raises:
        BadRequest: not JSON, another version, or an unknown, missing or unusable field; `source` names the file.
    """
    try:
        table: dict[str, Any] = json.loads(text)
        if table.pop("config_version", None) != CONFIG_VERSION:
            raise BadRequest(f"{source}: written by another version of edgedistill.")
        table["students"] = tuple(parse_architecture(student, source) for student in table["students"])
        table["ensemble"] = parse_members(table.get("ensemble", []))
        table["went_on"] = parse_went_on(table.get("went_on", []))
        if isinstance(table.get("epsilon_floors"), list):
            table["epsilon_floors"] = tuple(table["epsilon_floors"])
        unknown = set(table) - {field.name for field in fields(TrainConfig)}
        if unknown:
            raise BadRequest(f"{source}: unknown setting {short(min(unknown))}.")
        _check_texts(table, source)
        _check_facts(table, source)
        return _checked(table, source)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadRequest(f"{source}: not a run's config ({error}).") from error


def _check_texts(table: dict[str, Any], source: str) -> None:
    """Refuse texts that no setting has, before an error or a report tells them."""
    for name, value in table.items():
        most = LONGEST_PATH * (MOST_MEMBERS if name == "teacher_from" else 1)
        if isinstance(value, str) and (len(value) > most or CONTROL.search(value)):
            raise BadRequest(
                f"{source}: {name} must be a text of at most {most:,} characters on one line, got {short(value)}."
            )


def _check_facts(table: dict[str, Any], source: str) -> None:
    """Refuse what is no setting, and so is not checked as one."""
    game = table["game"]
    if not isinstance(game, str) or game not in reference_scores():
        raise BadRequest(f"{source}: no ROM is called {short(game)}.")
    source_of_teacher, emits_q = table.get("teacher_from"), table.get("teacher_emits_q", True)
    if not isinstance(source_of_teacher, str | None) or not isinstance(emits_q, bool):
        raise BadRequest(f"{source}: teacher_from must be a text or null, teacher_emits_q true or false.")


def _checked(table: dict[str, Any], source: str) -> TrainConfig:
    try:
        return TrainConfig(**table)
    except BadRequest as error:
        raise BadRequest(f"{source}: {error}") from error


def resumed_config(config: TrainConfig, changes: dict[str, Any]) -> TrainConfig:
    """The settings with which a run goes on: its own, but for its length, its evaluations and its machine.

    What goes by `steps` follows a new number from there on: learning rates that had fallen rise again, and the finish
    moves to the new end. `minutes` count from now, so they are not kept.

    Raises:
        BadRequest: a change of any other setting.
    """
    declared = {name: setting for name, (setting, _, _) in settings_of(TrainConfig).items()}
    fixed = [name for name in changes if not declared[name].resumable]
    if fixed:
        may = ", ".join(setting.flag(name) for name, setting in declared.items() if setting.resumable)
        raise BadRequest(
            f"--resume goes on with the run's own {declared[fixed[0]].flag(fixed[0])} "
            f"({getattr(config, fixed[0])!r}): leave it out, or train into a new folder. What may change: {may}."
        )
    return replace(config, **{"minutes": None} | changes)
