"""What this machine is: processor, memory, operating system, Python and what is installed of ours."""

import importlib.metadata
import os
import platform
import struct
from dataclasses import dataclass
from pathlib import Path

from edgedistill.free_memory import available_bytes

# What onnxruntime's integer kernels choose between: dot products and vector widths.
NOTABLE_FEATURES = ("asimd", "asimddp", "i8mm", "bf16", "sse4_1", "avx2", "avx512f", "avx512_vnni", "avx_vnni")
BASE_PACKAGES = ("edgedistill", "numpy", "onnxruntime", "ale-py", "typer", "rich", "pillow", "packaging")


@dataclass(frozen=True)
class Machine:
    """Facts, or None where the system does not tell."""

    system: str
    python: str
    bits: int
    """Of the Python that runs: a 64-bit kernel may carry a 32-bit system"""
    architecture: str
    cpu: str
    features: tuple[str, ...]
    """Of `NOTABLE_FEATURES`"""
    cores: int | None
    memory_bytes: int | None
    available_bytes: int | None
    glibc: str | None
    packages: dict[str, str | None]
    """Version of each of `BASE_PACKAGES`; None where it is missing"""


def this_machine() -> Machine:
    """Read it from /proc where there is one, else from Python."""
    cpuinfo = _table(Path("/proc/cpuinfo"))
    meminfo = _table(Path("/proc/meminfo"))
    flags = set((cpuinfo.get("flags") or cpuinfo.get("Features") or "").split())
    board = Path("/proc/device-tree/model")
    model = board.read_text().rstrip("\0") if board.exists() else cpuinfo.get("model name")
    release = platform.freedesktop_os_release() if Path("/etc/os-release").exists() else {}
    libc, libc_version = platform.libc_ver()
    return Machine(
        system=release.get("PRETTY_NAME", platform.platform(terse=True)),
        python=platform.python_version(),
        bits=8 * struct.calcsize("P"),
        architecture=platform.machine(),
        cpu=model or platform.processor() or platform.machine(),
        features=tuple(feature for feature in NOTABLE_FEATURES if feature in flags),
        cores=os.cpu_count(),
        memory_bytes=_kilobytes(meminfo.get("MemTotal")),
        available_bytes=available_bytes(),
        glibc=libc_version if libc == "glibc" else None,
        packages={name: _version(name) for name in BASE_PACKAGES},
    )


def installed_bytes(packages: tuple[str, ...] = BASE_PACKAGES) -> int:
    """Size on disk of the packages that play needs, as their installers recorded them."""
    total = 0
    for name in packages:
        try:
            files = importlib.metadata.files(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue
        for file in files:
            path = Path(str(file.locate()))
            total += path.stat().st_size if path.is_file() else 0
    return total


def problems(machine: Machine) -> list[str]:
    """What keeps a student from playing here, and what to do; empty where all is well."""
    found = []
    if machine.bits == 32:
        found.append(
            "This Python is 32-bit, for which there are no onnxruntime or ale-py wheels. Install a 64-bit system "
            "(Raspberry Pi OS 64-bit), or export with --target c."
        )
    if machine.glibc and tuple(map(int, machine.glibc.split(".")[:2])) < (2, 28):
        found.append(f"glibc {machine.glibc}: onnxruntime's wheels need 2.28 or newer. Upgrade the system.")
    missing = [name for name, version in machine.packages.items() if version is None]
    if missing:
        found.append(f"Not installed: {', '.join(missing)}. Type: pip install edgedistill")
    if machine.available_bytes is not None and machine.available_bytes < 150_000_000:
        found.append(
            f"{machine.available_bytes / 1e6:.0f} MB of memory are free; playing takes some 90 MB. Close something."
        )
    return found


def _table(path: Path) -> dict[str, str]:
    """`name : value` lines, the first of each name."""
    table: dict[str, str] = {}
    for line in path.read_text().splitlines() if path.exists() else []:
        name, colon, value = line.partition(":")
        if colon:
            table.setdefault(name.strip(), value.strip())
    return table


def _kilobytes(text: str | None) -> int | None:
    return int(text.split()[0]) * 1024 if text else None


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
