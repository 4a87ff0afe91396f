import os
import subprocess

from edgedistill.children import python_command
from edgedistill.exporter.templates import template


def test_a_template_is_utf_8():
    assert "ε" in template("card.md")


def test_an_export_is_the_same_in_every_locale(cli, tmp_path):
    """In C's, Python reads ASCII where nobody says what else."""
    assert cli("export", "pong", "--target", "c", "-o", tmp_path / "a").code == 0
    command = python_command("-m", "edgedistill", "export", "pong", "--target", "c", "-o", str(tmp_path / "b"))
    ascii_alone = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    subprocess.run(command, env=os.environ | ascii_alone, check=True, capture_output=True, timeout=120)
    for name in ("pong.md", "student.c", "student.h", "student_selftest.c", "README.md"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
