"""The settings of a run in words: which differ from the defaults, and the command that repeats it."""

import shlex
from dataclasses import dataclass, replace
from pathlib import Path

from edgedistill.catalogue import load_catalogue
from edgedistill.runs.config import TrainConfig
from edgedistill.runs.presets import preset
from edgedistill.runs.setting import settings_of


@dataclass(frozen=True)
class SettingLine:
    """One setting of a run."""

    flag: str
    value: str
    default: str
    """Of a run with this teacher, mode and optimiser of students"""
    help: str
    changed: bool
    words: tuple[str, ...]
    """That give it on the command line; empty where there is nothing to give"""


def setting_lines(config: TrainConfig) -> list[SettingLine]:
    """Every setting, those that differ from the defaults first."""
    usual = preset(
        teacher=config.teacher, mode=config.mode, frozen=config.frozen, student_optimiser=config.student_optimiser
    )
    lines = []
    for name, (setting, _, declared) in settings_of(TrainConfig).items():
        value, default = getattr(config, name), usual.get(name, declared)
        words = _words(setting.flag(name), value)
        lines.append(
            SettingLine(setting.flag(name), _text(value), _text(default), setting.help, value != default, words)
        )
    return sorted(lines, key=lambda line: not line.changed)


def _words(flag: str, value: object) -> tuple[str, ...]:
    """An option and its value as they are typed; a switch has none, and a list repeats its option."""
    if isinstance(value, bool):
        return (flag if value else flag.replace("--", "--no-", 1),)
    values = value if isinstance(value, tuple) else (value,)
    return tuple(word for each in values if each is not None for word in (flag, str(each)))


def train_command(config: TrainConfig) -> str:
    """The command that trains such a run anew, up to where it first went on with other steps (`go_on_commands`).

    A student that is not the catalogue's is named as the file of its design would be, a frozen teacher as it was given.
    """
    catalogue = load_catalogue()
    words = ["edgedistill", "train", "--game", config.game]
    for source in config.teacher_from.split(" + ") if config.teacher_from else ():
        words += ["--teacher-from", source]
    for student in config.students:
        known = catalogue.get(student.name) == student
        words += ["--student", student.name if known else f"{student.name}.toml"]
    if not config.students:
        words.append("--teacher-only")
    asked = config.went_on[0].steps if config.went_on else config.steps
    for line in setting_lines(replace(config, steps=asked)):
        # A frozen teacher brings its own kind and network.
        if line.changed and not (config.frozen and line.flag in ("--teacher", "--teacher-network")):
            words += line.words
    return shlex.join(words)


def go_on_commands(path: Path, config: TrainConfig) -> list[str]:
    """How the run went on with other steps, each time."""
    steps = [*(each.steps for each in config.went_on[1:]), config.steps]
    return [
        f"edgedistill train --resume {shlex.quote(str(path))} --steps {now}   # at {each.step:,} agent steps"
        for each, now in zip(config.went_on, steps, strict=bool(config.went_on))
    ]


def next_commands(path: Path, config: TrainConfig) -> list[str]:
    """What scores and exports the run."""
    run = shlex.quote(str(path))
    exports = [
        f"edgedistill export {run} --student {student.name} -o {config.game}-{student.name}.onnx"
        for student in config.students
    ]
    return [f"edgedistill evaluate {run} --episodes 100", *exports]


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return " ".join(map(_text, value))
    if isinstance(value, bool) or value is None:
        return "none" if value is None else str(value).lower()
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:g}" if isinstance(value, float) else str(value)
