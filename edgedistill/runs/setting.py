"""One declaration per setting: its default, help text, bounds and group stand in the field of `TrainConfig`.

The options of `edgedistill train`, their checks and `docs/reference/settings.md` come from it.
"""

from dataclasses import dataclass, field, fields
from enum import StrEnum
from math import isfinite
from typing import Any, get_args, get_type_hints

from edgedistill.errors import BadRequest, did_you_mean


class Group(StrEnum):
    """Headings of `--help`."""

    RUN = "Run"
    TEACHER = "Teacher"
    STUDENTS = "Students"


@dataclass(frozen=True)
class Setting:
    """What a setting accepts, and what it is for."""

    help: str
    group: Group
    least: float | None = None
    above: float | None = None
    most: float | None = None
    words: tuple[str, ...] = ()
    option: str | None = None
    """Where it is not the field's name"""
    resumable: bool = False
    """Whether it may change when a run is resumed"""

    def check(self, name: str, value: object, kind: type) -> None:
        """Refuse a value of another type, or out of bounds.

        Raises:
            BadRequest: with the option, what it accepts and what it got.
        """
        if kind is bool:
            if not isinstance(value, bool):
                self.refuse(name, "true or false", value)
            return
        values = value if isinstance(value, tuple) else (value,)
        wanted = (int, float) if kind is float else kind
        if not values or not all(isinstance(each, wanted) and not isinstance(each, bool) for each in values):
            self.refuse(
                name, f"{'a whole number' if kind is int else 'a number' if kind is float else 'a word'}", value
            )
        if self.words and value not in self.words:
            hint = f" {did_you_mean(str(value), self.words)}" if len(self.words) > 3 else ""
            self.refuse(name, self.accepted(), value, hint)
        if kind in (int, float) and not all(self._fits(each) and (kind is int or isfinite(each)) for each in values):
            self.refuse(name, self.accepted(), value)

    def refuse(self, name: str, accepted: str, value: object, hint: str = "") -> None:
        """Raise a BadRequest that says what is accepted."""
        raise BadRequest(f"{self.flag(name)} must be {accepted}, got {value!r}.{hint}")

    def flag(self, name: str) -> str:
        """Its option on the command line."""
        return self.option or f"--{name.replace('_', '-')}"

    def _fits(self, value: float) -> bool:
        return (
            (self.least is None or value >= self.least)
            and (self.above is None or value > self.above)
            and (self.most is None or value <= self.most)
        )

    def accepted(self) -> str:
        """Its words, or the bounds of its number; empty where any value of its type is accepted."""
        if self.words:
            return f"{', '.join(self.words[:-1])} or {self.words[-1]}"
        low = f"above {self.above:g}" if self.above is not None else ""
        if self.least is not None and self.most is not None:
            return f"from {self.least:g} to {_number(self.most)}"
        if self.least is not None:
            low = f"at least {self.least:g}" if self.least else "0 or above"
        return f"{low} and at most {_number(self.most)}" if self.most is not None else low


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def setting(default: object, help: str, group: Group = Group.RUN, **accepted: object) -> Any:  # noqa: ANN401, as field
    """A dataclass field that is a setting; `accepted` are fields of `Setting`."""
    return field(default=default, metadata={"setting": Setting(help, group, **accepted)})  # type: ignore[arg-type]


def settings_of(config: type) -> dict[str, tuple[Setting, type, object]]:
    """The settings of a dataclass by field name: the declaration, the type of its value or values, the default."""
    hints = get_type_hints(config)
    found = {}
    for entry in fields(config):
        if "setting" in entry.metadata:
            kinds = [kind for kind in get_args(hints[entry.name]) if kind not in (type(None), Ellipsis)]
            kind = kinds[0] if kinds else hints[entry.name]
            found[entry.name] = (entry.metadata["setting"], kind, entry.default)
    return found


def check_settings(config: object) -> None:
    """Refuse values that a setting does not accept; None passes where it is the default.

    Raises:
        BadRequest: with the option, what it accepts and what it got.
    """
    for name, (declared, kind, default) in settings_of(type(config)).items():
        value = getattr(config, name)
        if not (value is None and default is None):
            if isinstance(value, tuple) is not isinstance(default, tuple):
                declared.refuse(name, "a list" if isinstance(default, tuple) else "one value", value)
            declared.check(name, value, kind)
