"""edgedistill: real-time policy distillation of Atari players into int8 students for small boards.

>>> import numpy as np
>>> from edgedistill import load_policy
>>> actions, _ = load_policy("pong").predict(np.zeros((2, 4, 84, 84), np.uint8))
>>> actions.shape
(2,)

Nothing is imported before its first use, so that `import edgedistill` takes no time on a board. `TrainConfig`, `train`,
`export_student` and `compare_runs` need `pip install 'edgedistill[train]'`. The whole story:
docs/reference/python-api.md.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgedistill.desktop import export_student, train
    from edgedistill.report.comparison import compare_runs
    from edgedistill.runs.config import TrainConfig
    from edgedistill.runtime.api import evaluate, load_policy, play
    from edgedistill.runtime.policy import Policy

__all__ = ["Policy", "TrainConfig", "compare_runs", "evaluate", "export_student", "load_policy", "play", "train"]
__version__: str

_BASE = {
    "Policy": "edgedistill.runtime.policy",
    "load_policy": "edgedistill.runtime.api",
    "evaluate": "edgedistill.runtime.api",
    "play": "edgedistill.runtime.api",
}
_TRAIN = {
    "TrainConfig": "edgedistill.runs.config",
    "train": "edgedistill.desktop",
    "export_student": "edgedistill.desktop",
    "compare_runs": "edgedistill.report.comparison",
}


def _public(name: str) -> object:
    """What a public name stands for, imported now."""
    if name == "__version__":
        from importlib.metadata import version

        return version("edgedistill")
    if name in _BASE:
        return getattr(import_module(_BASE[name]), name)
    if name not in _TRAIN:
        raise AttributeError(f"module 'edgedistill' has no attribute {name!r}")
    try:
        return getattr(import_module(_TRAIN[name]), name)
    except ModuleNotFoundError as error:
        from edgedistill.errors import missing_extra

        told = missing_extra(f"edgedistill.{name}", error.name)
        if told is None:
            raise
        raise ModuleNotFoundError(told, name=error.name) from error


if not TYPE_CHECKING:  # a type checker would take any name for one of ours

    def __getattr__(name: str) -> object:
        """Import a public name when it is first asked for (PEP 562)."""
        value = globals()[name] = _public(name)
        return value


def __dir__() -> list[str]:
    """Without what this install has not, so that `help(edgedistill)` works on a board."""
    return sorted({*globals(), *_BASE, "__version__", *(_TRAIN if find_spec("torch") else ())})
