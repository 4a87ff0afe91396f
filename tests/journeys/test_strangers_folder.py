"""Commands run in a folder that somebody else filled: none of its Python is run.

`tests/zoo_build/test_build.py` has the same of `zoo build`.
"""

import json

import pytest

from tests.hostile import PlantedFolder


@pytest.fixture
def folder(tmp_path):
    return PlantedFolder(tmp_path / "downloads")


def test_bench(folder, tiny_export):
    finished = folder.edgedistill("bench", tiny_export.path, "--decisions", 100, "--json")
    assert folder.ran == ""
    assert json.loads(finished.stdout)["startup_seconds"] > 0


def test_export_with_wheels(folder, tiny_export):
    """Without a network pip fails, after it was started."""
    finished = folder.edgedistill("export", tiny_export.path, "--target", "x86-64", "--with-wheels", "-o", "board")
    assert folder.ran == ""
    assert "pip says: " in finished.stderr
