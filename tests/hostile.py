"""Files as an accident or an attacker leaves them."""

import os
import subprocess
import sys
from pathlib import Path

from hypothesis import strategies as st

# What edgedistill and its children import at their start, or soon after it.
PLANTED = ("typer", "pip", "argparse", "json", "numpy", "subprocess", "onnxruntime", "torch", "edgedistill", "rich")


class PlantedFolder:
    """A folder that somebody filled with Python modules; those that run leave their names."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._marks = path.with_name(path.name + " ran")
        path.mkdir()
        for name in PLANTED:
            trap = f"open({str(self._marks)!r}, 'a').write('{name} ')\nraise SystemExit(7)\n"
            (path / f"{name}.py").write_text(trap)

    def edgedistill(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        """Run the program in the folder, as a user would, without a package index."""
        offline = {"PIP_INDEX_URL": "http://127.0.0.1:9/", "PIP_RETRIES": "0", "PIP_CONFIG_FILE": os.devnull}
        return subprocess.run(
            [Path(sys.executable).with_name("edgedistill"), *map(str, arguments)],
            cwd=self.path, env=os.environ | offline, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip

    @property
    def ran(self) -> str:
        return self._marks.read_text() if self._marks.exists() else ""


@st.composite
def damaged(draw, original: bytes) -> bytes:
    """Bytes replaced, removed, inserted or repeated, at one to four places."""
    data = original
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = start + draw(st.integers(0, 20))
        replacement = draw(st.one_of(st.just(data[start:end] * 2), st.binary(max_size=20), st.just(b"")))
        data = data[:start] + replacement + data[draw(st.sampled_from([start, start + 1, end, len(data)])) :]
    return data


class MakesFolder:
    """Whoever unpickles it makes a folder."""

    def __init__(self, folder):
        self.folder = str(folder)

    def __reduce__(self):
        return os.mkdir, (self.folder,)


def _endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _sparse(path: Path) -> None:
    """Eight gigabytes that take no room."""
    with path.open("wb") as file:
        file.truncate(8 * 10**9)


# What makes, under a path, something that must not be read to its end.
ENDLESS = {"pipe": os.mkfifo, "device": _endless, "sparse": _sparse}
