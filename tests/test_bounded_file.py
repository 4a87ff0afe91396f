import tracemalloc
import zipfile

import pytest

from edgedistill.bounded_file import read_bounded
from edgedistill.errors import BadRequest
from tests.hostile import ENDLESS


@pytest.mark.parametrize("most", [10, 10**9])
def test_a_small_file_comes_whole_and_takes_no_buffer_for_a_large_one(tmp_path, most):
    (tmp_path / "a").write_bytes(b"0123456789")
    tracemalloc.start()
    try:
        assert read_bounded(tmp_path / "a", most, "file") == b"0123456789"
        assert tracemalloc.get_traced_memory()[1] < 10**6
    finally:
        tracemalloc.stop()


def test_a_larger_file_is_refused(tmp_path):
    (tmp_path / "a").write_bytes(b"0123456789")
    with pytest.raises(BadRequest, match="a: larger than 9 bytes; no student is"):
        read_bounded(tmp_path / "a", 9, "student")


@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_what_is_no_file_is_refused_at_once(tmp_path, kind):
    ENDLESS[kind](tmp_path / "a")
    with pytest.raises(BadRequest, match=r"a: cannot be read \(not a regular file\)\."):
        read_bounded(tmp_path / "a", 10**6, "student")


def test_a_folder_and_nothing_at_all(tmp_path):
    with pytest.raises(BadRequest, match=r"cannot be read \(Is a directory\)\."):
        read_bounded(tmp_path, 10, "student")
    with pytest.raises(BadRequest, match=r"a: cannot be read \(No such file or directory\)\."):
        read_bounded(tmp_path / "a", 10, "student")


def test_a_resource_in_an_archive_is_bounded_too(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", bytes(10_000))
    resource = zipfile.Path(tmp_path / "a.zip", "a")
    assert read_bounded(resource, 10_000, "design") == bytes(10_000)
    with pytest.raises(BadRequest, match="larger than 9,999 bytes; no design is"):
        read_bounded(resource, 9_999, "design")
