"""How much memory this machine has to give."""

import os
from pathlib import Path

from edgedistill.errors import BadRequest

# The rest of a run beside its memory of frames: torch, the networks, a rollout. Measured at 1.3 GB with four students.
REST_BYTES = 1_500_000_000


def available_bytes() -> int | None:
    """Memory that can be had without swapping; None where the system does not tell."""
    limits = []
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        lines = dict(line.split(":") for line in meminfo.read_text().splitlines())
        limits.append(int(lines["MemAvailable"].split()[0]) * 1024)
    elif "SC_PHYS_PAGES" in getattr(os, "sysconf_names", {}):
        limits.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    # A container may have less than its host (cgroup v2; "max" is no limit).
    group = Path("/sys/fs/cgroup/memory.max")
    if group.exists() and group.read_text().strip().isdigit():
        limits.append(int(group.read_text()))
    return min(limits, default=None)


def fitting_frames(wanted: int, bytes_each: int) -> int:
    """`wanted` frames of memory, or as many as fit beside the rest of a run, in whole ten thousands."""
    available = available_bytes()
    if available is None:
        return wanted
    fitting = (available - REST_BYTES) // bytes_each // 10_000 * 10_000
    return max(min(wanted, fitting), 10_000)


def check_memory(needed: int, frames: int) -> None:
    """
    Raises:
        BadRequest: `needed` bytes, those of `frames` frames, are more than the machine has free.
    """
    available = available_bytes()
    if available is not None and needed > available:
        fitting = fitting_frames(frames, max(needed // frames, 1))
        raise BadRequest(
            f"A memory of {frames:,} frames takes {needed / 1e9:.1f} GB, and this machine has {available / 1e9:.1f} GB "
            f"free. Use --memory-frames {fitting} or less."
        )
