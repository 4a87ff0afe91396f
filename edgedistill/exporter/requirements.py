"""What a board installs, from the lock file: each dependency's version and the hashes of its wheels for one target.

`export/lock/pylock.toml` (PEP 751) is written by `make lock`, so that a folder needs no network to be made, and comes
out the same next year.
"""

import tomllib
from dataclasses import dataclass
from typing import Any

from packaging.markers import Marker, default_environment
from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import parse_wheel_filename

from edgedistill.errors import EdgeDistillError
from edgedistill.exporter.targets import Target
from edgedistill.exporter.templates import template


@dataclass(frozen=True)
class Wheel:
    """A file that pip may install."""

    name: str
    sha256: str
    bytes: int
    pythons: frozenset[str]
    """Those of the target's Pythons that take it, `3.11`"""


@dataclass(frozen=True)
class Requirement:
    """One dependency at one version."""

    name: str
    version: str
    marker: str
    """The condition on which it is installed; empty where that is always"""
    wheels: tuple[Wheel, ...]

    def __str__(self) -> str:
        """As pip reads it in a requirements file."""
        condition = f" ; {self.marker}" if self.marker else ""
        hashes = "".join(f" \\\n    --hash=sha256:{wheel.sha256}" for wheel in self.wheels)
        return f"{self.name}=={self.version}{condition}{hashes}"


def locked_requirements(target: Target) -> list[Requirement]:
    """All that a target installs beside edgedistill itself, dependencies of dependencies included.

    Raises:
        EdgeDistillError: the lock file has no wheel for one of the target's Pythons.
    """
    packages = tomllib.loads(template("lock/pylock.toml"))["packages"]
    found = (_requirement(package, target) for package in packages)
    return [requirement for requirement in found if requirement]


def download_bytes(requirements: list[Requirement], python: str) -> int:
    """What one Python downloads."""
    return sum(wheel.bytes for each in requirements for wheel in each.wheels if python in wheel.pythons)


def _requirement(package: dict[str, Any], target: Target) -> Requirement | None:
    """A package of the lock file; None where no Python of the target needs it."""
    marker = package.get("marker", "")
    needed = [
        python for python in target.pythons if not marker or Marker(marker).evaluate(_environment(target, python))
    ]
    takes: dict[str, set[str]] = {}
    for python in needed:
        file = _best_wheel(package["wheels"], target, python)
        if file is None:
            raise EdgeDistillError(
                f"{package['name']} {package['version']} has no wheel for {target.title} with Python {python}. Take "
                f"that out of 'pythons' in export/{target.name}.toml, or lock other versions: make lock"
            )
        takes.setdefault(file, set()).add(python)
    if not needed:
        return None
    wheels = tuple(
        Wheel(file, wheel["hashes"]["sha256"], wheel["size"], frozenset(takes[file]))
        for wheel in package["wheels"]
        if (file := _file_name(wheel)) in takes
    )
    return Requirement(package["name"], package["version"], marker if len(needed) < len(target.pythons) else "", wheels)


def _best_wheel(wheels: list[dict[str, Any]], target: Target, python: str) -> str | None:
    """The file that pip would choose: the first tag of its order that a wheel carries."""
    names = [(_file_name(wheel), parse_wheel_filename(_file_name(wheel))[3]) for wheel in wheels]
    for tag in _tags(target, python):
        for name, tags in names:
            if tag in tags:
                return name
    return None


def _file_name(wheel: dict[str, Any]) -> str:
    """The lock gives a wheel's name, or only an address that ends in it."""
    name: str = wheel.get("name") or wheel["url"].rsplit("/", 1)[1]
    return name


def _tags(target: Target, python: str) -> list[Tag]:
    version = tuple(int(part) for part in python.split("."))
    interpreter = f"cp{version[0]}{version[1]}"
    return [
        *cpython_tags(version, [interpreter], target.platforms),
        *compatible_tags(version, interpreter, target.platforms),
    ]


def _environment(target: Target, python: str) -> dict[str, str]:
    """What markers are evaluated in: CPython on Linux on the target, wherever this runs."""
    return {
        **{key: str(value) for key, value in default_environment().items()},
        "implementation_name": "cpython",
        "implementation_version": f"{python}.0",
        "os_name": "posix",
        "platform_machine": target.machine,
        "platform_python_implementation": "CPython",
        "platform_system": "Linux",
        "python_full_version": f"{python}.0",
        "python_version": python,
        "sys_platform": "linux",
    }
