"""Which runs are seeds of one setting, which settings stand side by side, and which runs cannot be compared."""

import json
from collections.abc import Callable, Hashable, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from edgedistill.errors import BadRequest
from edgedistill.report.curves import EvaluatedRun
from edgedistill.runs.config import TrainConfig

# What seeds of one setting may differ in beside the seed: how long and on what they ran.
NOT_PART_OF_A_SETTING = ("game", "seed", "minutes", "threads", "device", "tensorboard")
# Scores compare only where the validation games were played alike.
PROTOCOL_FIELDS = ("evaluate_episodes", "sticky")
LONGEST_LABEL = 40


def group_by_setting(runs: Sequence[EvaluatedRun]) -> dict[str, list[EvaluatedRun]]:
    """Runs by the label of their setting, both in the order given.

    Settings differ in the fields that vary among the runs of a game. What varies from game to game alone, such as a
    longer budget for a harder game, belongs to the game (`fields_of_games`).

    A label names the fields in which the settings differ, as in `gamma=0.9`. Where there is only one setting, or the
    fields do not make short and different labels, it names the runs' folders.
    """
    varying = _varying(runs)
    groups: dict[tuple[str, ...], list[EvaluatedRun]] = {}
    for run in runs:
        setting = _setting(run.config)
        groups.setdefault(tuple(json.dumps(setting[name]) for name in varying), []).append(run)
    by_setting = list(groups.values())
    labels = _field_labels(by_setting, varying) or _folder_labels(by_setting)
    return dict(zip(labels, by_setting, strict=True))


def fields_of_games(runs: Sequence[EvaluatedRun]) -> list[str]:
    """The fields that differ between runs of different games, but not between those of any one game."""
    settings = [_setting(run.config) for run in runs]
    differing = [name for name in settings[0] if any(setting[name] != settings[0][name] for setting in settings)]
    return [name for name in differing if name not in _varying(runs)]


def refuse_unlike(runs: Sequence[EvaluatedRun], over_games: bool) -> None:
    """Refuse runs whose scores do not compare.

    Raises:
        BadRequest: one run is given twice; two runs share settings and seed; games differ although not `over_games`;
            evaluation protocols differ. It names the field, the values and the runs.
    """
    for paths in _by_value(runs, lambda run: run.path.resolve()).values():
        if len(paths) > 1:
            raise BadRequest(f"{paths[0]} is given {len(paths)} times. Name each run once.")
    if not over_games:
        _refuse_difference(
            runs, "game", "Compare runs of one game, or aggregate their retention over the games: --over-games"
        )
    for field in PROTOCOL_FIELDS:
        _refuse_difference(runs, field, "Scores compare only under one evaluation protocol.")
    for paths in _by_value(runs, _identity).values():
        if len(paths) > 1:
            raise BadRequest(
                f"{_listed(paths)} have the same settings and the same seed, so they are not two seeds of one setting. "
                "Leave one out."
            )


def _setting(config: TrainConfig) -> dict[str, Any]:
    """The fields that make a setting, as JSON-able values."""
    table = {entry.name: getattr(config, entry.name) for entry in fields(config)}
    # The summary is a text about the student and trains nothing.
    table["students"] = [student.to_dict() | {"summary": ""} for student in config.students]
    table["ensemble"] = [asdict(member) for member in config.ensemble]
    table["went_on"] = [asdict(each) for each in config.went_on]
    return {name: value for name, value in table.items() if name not in NOT_PART_OF_A_SETTING}


def _varying(runs: Sequence[EvaluatedRun]) -> list[str]:
    """The fields that differ between runs of one game, for any of the games."""
    first = {run.config.game: _setting(run.config) for run in reversed(runs)}
    settings = [(run.config.game, _setting(run.config)) for run in runs]
    return [name for name in settings[0][1] if any(setting[name] != first[game][name] for game, setting in settings)]


def _identity(run: EvaluatedRun) -> Hashable:
    return json.dumps(_setting(run.config), sort_keys=True), run.config.game, run.config.seed


def _by_value(runs: Sequence[EvaluatedRun], value: Callable[[EvaluatedRun], Hashable]) -> dict[Hashable, list[Path]]:
    """Paths of the runs by a value of theirs, in order."""
    paths: dict[Hashable, list[Path]] = {}
    for run in runs:
        paths.setdefault(value(run), []).append(run.path)
    return paths


def _refuse_difference(runs: Sequence[EvaluatedRun], field: str, advice: str) -> None:
    paths = _by_value(runs, lambda run: getattr(run.config, field))
    if len(paths) == 1:
        return
    values = "; ".join(f"{_short(value)} in {_listed(where)}" for value, where in paths.items())
    raise BadRequest(f"The runs differ in '{field}': {values}. {advice}")


def _listed(paths: list[Path]) -> str:
    return " and ".join(map(str, paths)) if len(paths) < 3 else f"{', '.join(map(str, paths[:-1]))} and {paths[-1]}"


def _field_labels(groups: list[list[EvaluatedRun]], names: list[str]) -> list[str] | None:
    """Labels out of these fields, or None where those make no short and different labels."""
    settings = [_setting(group[0].config) for group in groups]
    labels = [", ".join(f"{name}={_short(setting[name])}" for name in names) for setting in settings]
    usable = len(groups) > 1 and len(set(labels)) == len(labels) and max(map(len, labels)) <= LONGEST_LABEL
    return labels if usable else None


def _folder_labels(groups: list[list[EvaluatedRun]]) -> list[str]:
    """The name of each setting's first folder, or its path where names repeat, and how many more it has."""
    names = [group[0].path.resolve().name for group in groups]
    if len(set(names)) < len(names):
        names = [str(group[0].path) for group in groups]
    more = [f" and {len(group) - 1} more" if len(group) > 1 else "" for group in groups]
    return [name + rest for name, rest in zip(names, more, strict=True)]


def _short(value: object) -> str:
    """A setting's value in a few characters; of students only the names, of an ensemble's members their sources, of a
    run that went on the steps where it did."""
    if isinstance(value, dict):
        return str(value.get("name") or value.get("source") or value["step"])
    if isinstance(value, list | tuple):
        return "+".join(map(_short, value)) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)
