"""Where a run went on with another number of steps, as its settings hold it: its schedules are not those of one that
was asked for as many from the start."""

from dataclasses import dataclass
from typing import Any

from edgedistill.schema import listed, table, whole

# Each stands in the card of every export.
MOST = 1_000


@dataclass(frozen=True)
class WentOn:
    """Once."""

    step: int
    """Agent step at which it went on"""
    steps: int
    """What it had been asked for until then"""


_ALL = listed(table({"step": whole(), "steps": whole(1)}), MOST)


def parse_went_on(value: Any) -> tuple[WentOn, ...]:  # noqa: ANN401, as json
    """What `config.json` has.

    Raises:
        Unfit: it is no such list.
    """
    return tuple(WentOn(**each) for each in _ALL(value))


def with_change(past: tuple[WentOn, ...], step: int, asked: int, steps: int) -> tuple[WentOn, ...]:
    """The record of a run that goes on at `step` with `steps`, where its checkpoint was made with `asked`.

    What was recorded of that step or a later one is of work that is lost or never began.
    """
    before = tuple(each for each in past if each.step < step)
    return before if steps == asked else (*before, WentOn(step, asked))
