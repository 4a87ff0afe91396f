import pytest

from edgedistill.files import write_atomically


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
