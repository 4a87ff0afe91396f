"""What a student can be exported for: `export/*.toml`, one target each, or a file of that form. No torch."""

import re
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from edgedistill.bounded_file import read_toml
from edgedistill.errors import BadRequest, did_you_mean
from edgedistill.exporter.templates import FOLDER
from edgedistill.schema import short

# Each key with its type, by kind; a kind's optional keys apart.
TEXTS = {"title", "cpu", "advice"}
REQUIRED: dict[str, dict[str, type]] = {
    "onnx": {"ram_bytes": int, "system": str, "host": str, "machine": str, "pythons": list, "platforms": list},
    "c": {},
}
OPTIONAL: dict[str, dict[str, type]] = {"onnx": {}, "c": {"flash_bytes": int, "ram_bytes": int}}
TYPE_NAMES = {str: "text", int: "a whole number above 0", list: "a list of texts"}
PYTHON = re.compile(r"3\.[0-9]{1,3}")
# These go into a script that runs on the board, between double quotes, and into commands to type.
WORD = re.compile(r"[A-Za-z0-9._-]+")
LINE = re.compile(r"[^\W_][^\"$`\\\x00-\x1f\x7f-\x9f\u2028\u2029]*")
FORMS = {
    "title": (LINE, "one line"),
    "cpu": (LINE, "one line"),
    "system": (LINE, "one line"),
    "machine": (WORD, "a word"),
    "host": (WORD, "a word"),
}


@dataclass(frozen=True)
class Target:
    """A board, or a kind of machine."""

    name: str
    """That of its file, `raspberry-pi-4`"""
    kind: str
    """`onnx`: plays with Python and onnxruntime; `c`: C source"""
    title: str
    cpu: str
    advice: str
    """A paragraph of Markdown"""
    ram_bytes: int | None = None
    """Of the smallest model; None where nothing is known of it"""
    flash_bytes: int | None = None
    """Room for code and weights; None where nothing is known of it"""
    # Of kind `onnx` alone:
    system: str = ""
    """The operating system to install"""
    host: str = ""
    """Its name on the network, for the command that copies the folder"""
    machine: str = ""
    """The processor as `uname -m` says it"""
    pythons: tuple[str, ...] = ()
    """Versions that its systems bring, `3.11`"""
    platforms: tuple[str, ...] = ()
    """Platform tags of wheels that it takes, the newest first"""


def target_names() -> list[str]:
    """All targets, by name."""
    return sorted(entry.name.removesuffix(".toml") for entry in FOLDER.iterdir() if entry.name.endswith(".toml"))


def find_target(name: str) -> Target:
    """A target by name, or by the path of its TOML file.

    Raises:
        BadRequest: there is no such target (the nearest name is suggested), or its file is not of the form.
    """
    names = target_names()
    if name.endswith(".toml"):
        file: Path | Traversable = Path(name)
        name = file.name.removesuffix(".toml")
    elif name in names:
        file = FOLDER.joinpath(f"{name}.toml")
    else:
        raise BadRequest(f"No target {short(name)}. {did_you_mean(name, names)} A target of your own is a .toml file.")
    return parse_target(name, read_toml(file, "target"), str(file))


def parse_target(name: str, data: dict[str, Any], source: str) -> Target:
    """Build a target from a parsed TOML table.

    Raises:
        BadRequest: a key is missing, unknown or of the wrong type; `source` names the file.
    """

    def refuse(problem: str) -> BadRequest:
        return BadRequest(f"{source}: {problem}. See export/raspberry-pi-4.toml and export/c.toml for the form.")

    kind = data.get("kind")
    if not isinstance(kind, str) or kind not in REQUIRED:
        raise refuse(f"'kind' must be onnx or c, got {short(kind)}")
    required: dict[str, type] = dict.fromkeys(TEXTS, str) | REQUIRED[kind]
    allowed = required | OPTIONAL[kind]
    unknown = set(data) - set(allowed) - {"kind"}
    if unknown:
        raise refuse(f"unknown key {short(min(unknown))} for kind '{kind}'. {did_you_mean(min(unknown), allowed)}")
    missing = set(required) - set(data)
    if missing:
        raise refuse(f"'{min(missing)}' is missing")
    for key, wanted in allowed.items():
        if key in data and not _fits(data[key], wanted):
            raise refuse(f"'{key}' must be {TYPE_NAMES[wanted]}, got {short(data[key])}")
    for key, (form, form_name) in FORMS.items():
        if key in data and not form.fullmatch(data[key]):
            raise refuse(f"'{key}' must be {form_name} without quotes, $, ` and \\, got {short(data[key])}")
    for python in data.get("pythons", []):
        if not PYTHON.fullmatch(python):
            raise refuse(f"'pythons' must be versions such as 3.11, got {short(python)}")
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in data.items()}
    values["advice"] = data["advice"].strip()
    return Target(name, **values)


def _fits(value: object, wanted: type) -> bool:
    if wanted is int:
        return isinstance(value, int) and not isinstance(value, bool) and value > 0
    if wanted is list:
        return isinstance(value, list) and bool(value) and all(isinstance(each, str) for each in value)
    return isinstance(value, str) and bool(value.strip())
