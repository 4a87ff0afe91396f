"""How fast the game goes, and how warm and how busy this machine is, where Linux tells."""

import os
from pathlib import Path
from typing import Any

THERMAL = Path("/sys/class/thermal")
# Between two readings.
SECONDS = 1.0


class Meter:
    """Figures that change once a second."""

    def __init__(self) -> None:
        self._read_at = float("-inf")
        self._decisions = 0
        self._found: dict[str, Any] = {}

    def read(self, decisions: int, now: float) -> dict[str, Any]:
        """`decisions_per_second` since the last reading, and `board_state`.

        Args:
            decisions: made so far.
            now: of `time.monotonic()`.
        """
        seconds = now - self._read_at
        if seconds >= SECONDS:
            rate = (decisions - self._decisions) / seconds
            self._read_at, self._decisions = now, decisions
            self._found = {"decisions_per_second": round(rate, 1), "board": board_state()}
        return self._found


def board_state(thermal: Path = THERMAL) -> dict[str, float | int | None]:
    """Temperature of the processor in °C, processes that want a core (mean of a minute), cores; None: not told."""
    return {
        "temperature_c": _temperature(thermal),
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "cores": os.cpu_count(),
    }


def _temperature(thermal: Path) -> float | None:
    """Of the zone that calls itself the processor's, else of the first."""
    zones = sorted(thermal.glob("thermal_zone*"), key=lambda zone: (not _is_processor(zone), zone.name))
    for zone in zones:
        try:
            return round(int((zone / "temp").read_text()) / 1000, 1)
        except (OSError, ValueError):
            continue
    return None


def _is_processor(zone: Path) -> bool:
    try:
        kind = (zone / "type").read_text()
    except OSError:
        return False
    return kind.startswith(("cpu", "x86_pkg", "soc"))
