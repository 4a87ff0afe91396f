"""How much memory this machine has to give."""

import os
from pathlib import Path

# Where a container sees its own limits (cgroup v2).
GROUP = Path("/sys/fs/cgroup")


def available_bytes() -> int | None:
    """Memory that can be had without swapping; None where the system does not tell."""
    limits = []
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        lines = dict(line.split(":") for line in meminfo.read_text().splitlines())
        limits.append(int(lines["MemAvailable"].split()[0]) * 1024)
    elif "SC_PHYS_PAGES" in getattr(os, "sysconf_names", {}):
        limits.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    limits += _left_to_container(GROUP)
    return min(limits, default=None)


def _left_to_container(group: Path) -> list[int]:
    """What a container's limit leaves (cgroup v2), where there is one; files that it keeps in memory can go."""
    try:
        limit = (group / "memory.max").read_text().strip()
        used = int((group / "memory.current").read_text())
        statistics = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
    except OSError:
        return []
    return [int(limit) - used + int(statistics["inactive_file"])] if limit.isdigit() else []  # "max" is none
