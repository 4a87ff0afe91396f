"""The list of what ships, and what notices a changed file."""

import shutil
import subprocess
from importlib import resources
from pathlib import Path

import pytest

from edgedistill.errors import BadRequest
from edgedistill.runtime.checksums import LIST, changed_files, checksums
from edgedistill.runtime.shipped import shipped_student
from tests.hostile import ENDLESS


@pytest.fixture
def trained(tmp_path):
    """A folder of two students and its list."""
    for name in ("pico", "nano"):
        (tmp_path / "pong").mkdir(exist_ok=True)
        shutil.copy(shipped_student("pong", name), tmp_path / "pong" / f"{name}.onnx")
    (tmp_path / LIST).write_text(checksums(tmp_path))
    return tmp_path


def test_what_ships_is_what_the_list_says():
    assert changed_files() == {}
    folder = Path(str(resources.files("edgedistill.student_zoo").joinpath("trained")))
    assert len((folder / LIST).read_text().splitlines()) == len(list(folder.glob("*/*.onnx")))


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="sha256sum not found: apt-get install coreutils")
def test_the_list_is_one_of_sha256sum(trained):
    assert (
        subprocess.run(["sha256sum", "--check", "--strict", "--quiet", LIST], cwd=trained, check=False).returncode == 0
    )


def test_a_changed_a_missing_and_an_added_file_are_named(trained):
    assert changed_files(trained) == {}
    (trained / "pong" / "pico.onnx").rename(trained / "pong" / "micro.onnx")
    nano = trained / "pong" / "nano.onnx"
    nano.write_bytes(nano.read_bytes()[:-1] + b"!")
    changed = changed_files(trained)
    assert list(changed) == ["pong/micro.onnx", "pong/nano.onnx", "pong/pico.onnx"]
    assert "does not stand in SHA256SUMS" in changed["pong/micro.onnx"]
    assert "is not what SHA256SUMS says: SHA-256 " in changed["pong/nano.onnx"]
    assert "is missing" in changed["pong/pico.onnx"]


@pytest.mark.parametrize("kind", ENDLESS)
def test_a_student_that_never_ends_is_a_changed_one(trained, kind):
    pico = trained / "pong" / "pico.onnx"
    pico.unlink()
    ENDLESS[kind](pico)
    problem = (
        "larger than 4,000,000 bytes; no student is" if kind == "sparse" else "cannot be read (not a regular file)"
    )
    assert changed_files(trained) == {"pong/pico.onnx": f"is not what SHA256SUMS says: {pico}: {problem}"}
    with pytest.raises(BadRequest):
        checksums(trained)


def test_a_list_without_end(trained):
    (trained / LIST).unlink()
    ENDLESS["sparse"](trained / LIST)
    with pytest.raises(BadRequest, match="SHA256SUMS: larger than 1,000,000 bytes; no list of SHA-256 sums is"):
        changed_files(trained)


def test_a_folder_without_a_list_has_nothing_to_hold_it_to(trained):
    (trained / LIST).unlink()
    assert changed_files(trained) == {}


@pytest.mark.parametrize("text", [b"hello\n", b"\xff\xfe", b"0" * 64 + b"  ../../etc/passwd\n", b"\x1b[2J\n"])
def test_what_is_no_list(trained, text):
    (trained / LIST).write_bytes(text)
    with pytest.raises(BadRequest, match="not a list of SHA-256 sums"):
        changed_files(trained)


def test_zoo_check_does_not_play_a_changed_file(cli, trained):
    assert cli("zoo", "check", "--in", trained, "--episodes", 1, "--student", "pico").code == 0
    pico = trained / "pong" / "pico.onnx"
    pico.write_bytes(shipped_student("breakout", "pico").read_bytes())
    outcome = cli("zoo", "check", "--in", trained, "--episodes", 1, "--student", "pico")
    assert outcome.code == 1
    assert "is not what SHA256SUMS says" in outcome.out
    assert "1 of 1 files are changed or do not play as their cards say: pong/pico" in outcome.err


def test_the_doctor_sees_a_changed_file(cli, monkeypatch):
    assert cli("doctor").code == 0
    monkeypatch.setattr("edgedistill.runtime.checksums.changed_files", lambda: {"pong/pico.onnx": "is not itself"})
    outcome = cli("doctor")
    assert outcome.code == 1
    assert (
        "1 trained students are not as they were released; pong/pico.onnx is not itself. Install again." in outcome.err
    )
