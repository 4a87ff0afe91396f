"""What a folder of trained games is to hold, saved in it as `plan.json`."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from edgedistill.atari.games import find_game
from edgedistill.atari.protocol import MAX_EPISODES
from edgedistill.bounded_file import read_bounded
from edgedistill.catalogue import SMALL_STUDENTS, Architecture, load_catalogue
from edgedistill.errors import BadRequest, did_you_mean
from edgedistill.files import CannotWrite, write_atomically
from edgedistill.runs.config import TrainConfig

PLAN_VERSION = 1
PLAN = "plan.json"
MAX_PLAN_BYTES = 1_000_000
# What the plan itself or the build decides for each run, and the build's own option for it; None: it is fixed.
DECIDED = {
    "game": "--games",
    "students": "--students",
    "steps": "--steps",
    "seed": "--seed",
    "threads": "--threads",
    "mode": None,
    "teacher": None,
    "teacher_from": None,
    "teacher_emits_q": None,
    "ensemble": None,
    "minutes": None,
}


@dataclass(frozen=True)
class Plan:
    """One real-time run per game, all students in it. Checked when built."""

    games: tuple[str, ...]
    """ROM names"""
    students: tuple[str, ...] = SMALL_STUDENTS
    """Names in the catalogue: `edgedistill zoo` and `play --student` know no others"""
    steps: int = TrainConfig.steps
    """Agent steps of each run"""
    episodes: int = 100
    """Games of each evaluation on a card. With 30, an interval is often as wide as what int8 could change."""
    seed: int = 0
    """Of each run"""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Further settings of the runs (`runs/config.py`), where they are not the defaults"""

    def __post_init__(self) -> None:
        catalogue, known = load_catalogue(), {entry.name for entry in fields(TrainConfig)} - DECIDED.keys()
        for names, what in ((self.games, "game"), (self.students, "student")):
            if not names or len(set(names)) < len(names):
                raise BadRequest(f"Name at least one {what}, each once, got '{', '.join(names)}'.")
        for name in self.students:
            if name not in catalogue:
                raise BadRequest(f"No student '{name}' in the catalogue. {did_you_mean(name, catalogue)}")
        for name in self.settings:
            if name not in known:
                raise BadRequest(f"--set: no setting '{name}' {_why_not(name, known)}")
        if not 1 <= self.episodes <= MAX_EPISODES:
            raise BadRequest(f"--episodes must be from 1 to {MAX_EPISODES:,}, got {self.episodes:,}.")
        for game in self.games:
            try:
                self.run_config(find_game(game))
            except TypeError as error:
                raise BadRequest(f"--set: a value of the wrong kind ({error}).") from error

    def architectures(self) -> tuple[Architecture, ...]:
        catalogue = load_catalogue()
        return tuple(catalogue[name] for name in self.students)

    def run_settings(self) -> dict[str, Any]:
        """Settings of each run, as `TrainConfig` takes them."""
        further = {name: tuple(value) if isinstance(value, list) else value for name, value in self.settings.items()}
        return {**further, "steps": self.steps, "seed": self.seed}

    def run_config(self, game: str) -> TrainConfig:
        """Of a game's run, by its ROM name."""
        return TrainConfig(game, self.architectures(), **self.run_settings())

    def save(self, folder: Path) -> None:
        """Write `plan.json`.

        Raises:
            BadRequest: the folder cannot be written.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
            text = json.dumps({"plan_version": PLAN_VERSION, **asdict(self)}, indent=2) + "\n"
            write_atomically(folder / PLAN, text.encode())
        except (OSError, CannotWrite) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise BadRequest(f"{folder}: the plan cannot be written there ({reason}).") from error

    @classmethod
    def load(cls, folder: Path) -> "Plan | None":
        """A folder's plan, or None where it has none yet.

        Raises:
            BadRequest: `plan.json` is not a plan.
        """
        file = folder / PLAN
        if not file.exists():
            return None
        try:
            table = json.loads(read_bounded(file, MAX_PLAN_BYTES, "plan"))
            if table.pop("plan_version", None) != PLAN_VERSION:
                raise BadRequest(f"{file}: written by another version of edgedistill.")
            given: dict[str, Any] = {
                name: tuple(value) if isinstance(value, list) else value for name, value in table.items()
            }
            return cls(**given)
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise BadRequest(f"{file}: not a plan ({error}).") from error


def resolve(folder: Path, games: Iterable[str] | None, given: Mapping[str, Any]) -> Plan:
    """The plan that a command asks for: the folder's own, extended where that is allowed, or a new one.

    Games are added to those of the folder, and steps may grow; all else must be as it was once a run has begun, since
    what is trained already was trained with it.

    Args:
        games: as users write them; None for those of the folder.
        given: further fields of `Plan`; None where the user said nothing.

    Raises:
        BadRequest: the folder's plan differs in another field, or a new plan names no game.
    """
    asked = {name: value for name, value in given.items() if value is not None}
    names = tuple(dict.fromkeys(find_game(game) for game in games or ()))
    before = Plan.load(folder)
    if before is None:
        if not names:
            raise BadRequest(f"{folder} has no plan yet. Say which games: --games pong,breakout")
        return Plan(names, **asked)
    games_now = tuple(dict.fromkeys((*before.games, *names)))
    if not (folder / "runs").exists():
        return replace(before, **asked, games=games_now)
    for name, value in asked.items():
        old = getattr(before, name)
        if name == "steps" and value >= old:
            continue
        if value != old:
            more = "may only grow" if name == "steps" else "cannot change"
            option = "set" if name == "settings" else name
            raise BadRequest(
                f"{folder} was begun with {name} {_text(old)}, which {more}; got {_text(value)}. Leave --{option} out "
                "to go on, or name another folder: --out"
            )
    return replace(before, games=games_now, steps=asked.get("steps", before.steps))


def _why_not(name: str, known: Iterable[str]) -> str:
    """What to do instead of setting what is none of the `known` settings, as the end of a sentence."""
    if name not in DECIDED:
        return f"of a run. {did_you_mean(name, known, 'All of them: edgedistill train --help')}"
    if option := DECIDED[name]:
        return f"here: it has an option of its own, {option}."
    return "here: it is fixed. Each run of a build trains a PQN teacher of its own, in real time, for all its steps."


def _text(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={each}" for name, each in value.items()) or "none"
    return ", ".join(value) if isinstance(value, tuple) else str(value)
