"""The options of `edgedistill train`: those of its own, and one for each setting of a run."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from edgedistill.runs.config import MOST_STEPS, TrainConfig
from edgedistill.runs.kinds import KINDS
from edgedistill.runs.optimisers import STUDENT_OPTIMISERS
from edgedistill.runs.presets import FROZEN, preset
from edgedistill.runs.setting import Group, Setting, settings_of

Game = Annotated[
    str | None, typer.Option(help="Atari game: pong, MsPacman, ALE/Breakout-v5, … Default: pong.", show_default=False)
]
Out = Annotated[
    Path | None,
    typer.Option("--out", "--output", "-o", help="Folder of the run. Default: runs/GAME-DATE-TIME."),
]
Resume = Annotated[
    Path | None,
    typer.Option(
        help="Go on with this run. Of its settings, only those of its length, evaluations and machine change."
    ),
]
TeacherFrom = Annotated[
    list[str] | None,
    typer.Option(
        metavar="SOURCE",
        help="A frozen teacher: RUN, the best of a run; FILE.onnx, an exported student; GAME or GAME:STUDENT, one that "
        "ships (pong, pong:micro); sb3:FILE, a stable-baselines3 DQN, QR-DQN or PPO with the Nature CNN; hub:NAME, a "
        "file on the Hugging Face Hub (hub:sb3/dqn-BreakoutNoFrameskip-v4, hub:USER/REPO:FILE.onnx). "
        "Repeated, the mean of their policies teaches (Sun & Fazli 2020).",
        rich_help_panel=Group.TEACHER,
    ),
]
Ratio = Annotated[
    list[float] | None,
    typer.Option(
        help="Largest catalogue student at or below this share of the Nature DQN. May repeat. Default: 0.017.",
        rich_help_panel=Group.STUDENTS,
    ),
]
Student = Annotated[
    list[str] | None,
    typer.Option(help="A student by name, or your own .toml. May repeat.", rich_help_panel=Group.STUDENTS),
]
TeacherOnly = Annotated[
    bool, typer.Option("--teacher-only", help="No students, for comparison.", rich_help_panel=Group.STUDENTS)
]
Keep = Annotated[
    float | None,
    typer.Option(
        help="Train net5, micro, nano and pico (or those you name) together, and say at the end which is the smallest "
        "that keeps this share of the best teacher: 0.95.",
        rich_help_panel=Group.STUDENTS,
    ),
]
Profiled = Annotated[bool, typer.Option("--profile", help="Tell at the end where the time went, by phase.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print a JSON summary at the end, nothing before.")]

# Where a setting's default is another one.
OTHER_DEFAULTS = {
    **{f"with {name}": preset(teacher=name, mode="realtime", frozen=False) for name in KINDS},
    **{f"with --student-optimiser {name}": kind.settings for name, kind in STUDENT_OPTIMISERS.items()},
    "offline": preset(teacher="pqn", mode="offline", frozen=True),
    "beside a frozen teacher": FROZEN,
}


def with_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command that takes `**settings` an option for each setting of `TrainConfig`; None where not given."""
    own = [
        parameter
        for parameter in inspect.signature(command, eval_str=True).parameters.values()
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD
    ]
    settings = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=_option(name, *declared))
        for name, declared in settings_of(TrainConfig).items()
    ]
    command.__signature__ = inspect.Signature(own + settings)  # type: ignore[attr-defined]
    return command


def _option(name: str, setting: Setting, kind: type, default: object) -> object:
    values = list[kind] if isinstance(default, tuple) else kind  # type: ignore[valid-type]
    text = f"{setting.help}{default_text(name, default)}"
    flag = setting.flag(name) + (f"/--no-{setting.flag(name)[2:]}" if kind is bool else "")
    return Annotated[values | None, typer.Option(flag, help=text, rich_help_panel=setting.group)]


def default_text(name: str, default: object) -> str:
    """The default as `--help` has it, with the presets of other teachers and modes; empty where there is none."""
    if default is None:
        return ""
    others: dict[str, str] = {}
    for when, settings in OTHER_DEFAULTS.items():
        if name in settings and settings[name] != default:
            value = _value_text(settings[name])
            others[value] = f"{others[value]} and {when}" if value in others else when
    return f" Default: {'; '.join([_value_text(default), *(f'{value} {when}' for value, when in others.items())])}."


def _value_text(value: object) -> str:
    if isinstance(value, tuple):
        return " ".join(map(_value_text, value))
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, int):
        return "no limit" if value >= MOST_STEPS else f"{value:,}"
    return f"{value:.3g}" if isinstance(value, float) else str(value)
