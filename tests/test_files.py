import os
import pickle
import subprocess
from pathlib import Path

import pytest

from edgedistill.children import python_command
from edgedistill.errors import BadRequest, EdgeDistillError
from edgedistill.files import CannotWrite, alone, append_line, check_writable, write_atomically
from tests.small_disk import small_disk


def test_an_interrupted_write_leaves_what_was_there_and_nothing_else(tmp_path, monkeypatch):
    file = tmp_path / "a"
    write_atomically(file, b"before")

    def interrupt(descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("os.fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(file, b"after")
    assert [each.name for each in tmp_path.iterdir()] == ["a"]
    assert file.read_bytes() == b"before"


def test_a_failure_survives_the_way_from_a_worker(tmp_path):
    """As Ray carries what a task raises."""
    with pytest.raises(CannotWrite) as failure:
        write_atomically(tmp_path / "missing" / "a", b"x")
    carried = pickle.loads(pickle.dumps(failure.value))  # noqa: S301 (what it was given just now)
    assert (type(carried), str(carried)) == (CannotWrite, str(failure.value))


def test_a_rename_is_made_to_last(tmp_path, monkeypatch):
    synced = []
    sync = os.fsync
    monkeypatch.setattr(
        "os.fsync",
        lambda descriptor: synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink())) or sync(descriptor),
    )
    write_atomically(tmp_path / "a", b"x")
    assert [each.startswith(str(tmp_path / "a.")) for each in synced] == [True, False]
    assert synced[1] == str(tmp_path)


@pytest.mark.parametrize("write", [check_writable, lambda path: write_atomically(path, b"new")])
def test_a_users_own_files_and_links_beside_it_are_left_alone(tmp_path, write):
    (tmp_path / "target").write_text("mine")
    (tmp_path / "a.partial").symlink_to(tmp_path / "target")
    (tmp_path / "b.partial").write_text("mine")
    write(tmp_path / "a")
    write(tmp_path / "b")
    assert (tmp_path / "target").read_text() == "mine"
    assert (tmp_path / "a.partial").is_symlink()
    assert (tmp_path / "b.partial").read_text() == "mine"


def test_checking_leaves_nothing(tmp_path):
    check_writable(tmp_path / "a")
    assert list(tmp_path.iterdir()) == []
    for path in (tmp_path, tmp_path / "no" / "a", "/proc/a"):
        with pytest.raises(BadRequest):
            check_writable(tmp_path / path)


def test_a_full_disk_leaves_what_was_there(tmp_path):
    file = tmp_path / "a"
    write_atomically(file, b"before")
    with small_disk(1_000), pytest.raises(CannotWrite, match=r"/a: cannot be written \(File too large\)"):
        write_atomically(file, bytes(2_000))
    assert (file.read_bytes(), len(list(tmp_path.iterdir()))) == (b"before", 1)


def test_a_line_is_appended_as_a_whole_or_not_at_all(tmp_path):
    file = tmp_path / "log"
    with small_disk(1_000):
        for _ in range(9):
            append_line(file, "x" * 99)
        with pytest.raises(CannotWrite):
            append_line(file, "y" * 150)
        append_line(file, "z" * 99)
        with pytest.raises(CannotWrite):
            append_line(tmp_path / "new", "y" * 1_500)
    assert not (tmp_path / "new").exists()
    assert file.read_text().splitlines() == ["x" * 99] * 9 + ["z" * 99]


def test_a_torn_line_does_not_swallow_the_next_one(tmp_path):
    file = tmp_path / "log"
    file.write_text("one\ntw")
    append_line(file, "three")
    assert file.read_text() == "one\ntw\nthree\n"


def test_a_link_in_the_place_of_a_log_or_a_lock_is_not_followed(tmp_path):
    (tmp_path / "target").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    with pytest.raises(CannotWrite):
        append_line(tmp_path / "link", "x")
    with pytest.raises(CannotWrite), alone(tmp_path / "link", "it"):
        pass
    assert (tmp_path / "target").read_text() == "mine"


def test_a_lock_is_held_by_one_and_dies_with_it(tmp_path):
    lock = tmp_path / "lock"
    code = "import sys; from pathlib import Path; from edgedistill.files import alone\n"
    code += "with alone(Path(sys.argv[1]), 'it'): print('held', flush=True); sys.stdin.read()"
    holder = subprocess.Popen(
        python_command("-c", code, str(lock)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(EdgeDistillError, match=f"Process {holder.pid} works at it already"), alone(lock, "it"):
        pass
    holder.kill()
    holder.wait()
    with alone(lock, "it"):
        assert lock.read_text() == str(os.getpid())
