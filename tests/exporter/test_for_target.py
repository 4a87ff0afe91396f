"""A run's student for a board: what cannot be is refused before any game."""

from dataclasses import replace

import pytest

from edgedistill.catalogue import find_architecture
from edgedistill.errors import BadRequest
from edgedistill.exporter.for_target import export_for_target
from edgedistill.exporter.options import ExportOptions
from edgedistill.exporter.targets import find_target
from edgedistill.runs.config import TrainConfig
from edgedistill.runs.folder import RunFolder


@pytest.mark.parametrize(
    ("options", "flash_bytes", "complaint"),
    [
        (ExportOptions(precision="float32"), None, "takes an int8 student; this one is float32. Leave --precision out"),
        (
            ExportOptions(),
            7_417,
            "needs 7,418 bytes of flash for its weights alone, a Cortex-M4F microcontroller has 7,417. Take a smaller",
        ),
    ],
)
def test_what_c_cannot_be_is_refused_before_any_game(tmp_path, options, flash_bytes, complaint):
    """Before its networks are even looked for: this run has none."""
    run = RunFolder.create(tmp_path / "run", TrainConfig("pong", (find_architecture("pico"),)))
    target = replace(find_target("cortex-m4"), flash_bytes=flash_bytes)
    stages = []
    for student in (None, "pico"):
        with pytest.raises(BadRequest, match=complaint):
            export_for_target(str(run.path), student, tmp_path / "m4", target, options, report=stages.append)
    assert stages == []
    assert [each.name for each in tmp_path.iterdir()] == ["run"]
