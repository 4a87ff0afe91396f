"""edgedistill's own wheel, put together from the files that run here.

A board needs the version that made its student, which no package index may have: this one may be a checkout with
changes. `pip wheel` would need the network (build isolation) and the sources of an installed edgedistill, which nobody
has. A wheel is a zip of the package, its metadata and a list of hashes: all at hand, in a checkout as in an install.
"""

import base64
import hashlib
from collections.abc import Iterator
from importlib import resources
from importlib.metadata import Distribution, distributions
from importlib.resources.abc import Traversable
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from edgedistill.errors import EdgeDistillError

# In a checkout these two lie beside the package (pyproject.toml, package-dir).
DATA_PACKAGES = ("export", "student_zoo")
# What a release leaves out as well (pyproject.toml, package-data): pictures, and what caches and interrupted writes
# leave.
LEFT_OUT = (".gif", ".png", ".pyc", ".partial")
# Of the metadata directory; what else is in there speaks of this machine's installation.
METADATA_FILES = ("METADATA", "entry_points.txt", "licenses/LICENSE")
TAG = "py3-none-any"


def own_wheel() -> tuple[str, bytes]:
    """File name and content; equal files here give an equal wheel.

    Raises:
        EdgeDistillError: edgedistill runs here without having been installed.
    """
    installed = _installed()
    folder = f"edgedistill-{installed.version}.dist-info"
    files = dict(sorted(_package_files()))
    files |= {f"{folder}/{name}": text.encode() for name, text in _metadata(installed).items()}
    files[f"{folder}/WHEEL"] = (
        f"Wheel-Version: 1.0\nGenerator: edgedistill\nRoot-Is-Purelib: true\nTag: {TAG}\n".encode()
    )
    record = f"{folder}/RECORD"
    lines = [f"{name},sha256={_digest(data)},{len(data)}\n" for name, data in files.items()]
    files[record] = "".join([*lines, f"{record},,\n"]).encode()
    content = BytesIO()
    with ZipFile(content, "w", ZIP_DEFLATED) as archive:
        for name, data in files.items():
            info = ZipInfo(name)  # of 1980, so that the same files give the same wheel
            info.compress_type = ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            archive.writestr(info, data)
    return f"edgedistill-{installed.version}-{TAG}.whl", content.getvalue()


def _package_files() -> Iterator[tuple[str, bytes]]:
    """Every file of the package with its path in the wheel."""
    yield from _files(resources.files("edgedistill"), "edgedistill")
    for name in DATA_PACKAGES:
        yield from _files(resources.files(f"edgedistill.{name}"), f"edgedistill/{name}")


def _files(folder: Traversable, path: str) -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        if entry.name.startswith("."):
            continue
        if entry.is_dir() and entry.name != "__pycache__":
            yield from _files(entry, f"{path}/{entry.name}")
        elif entry.is_file() and not entry.name.endswith(LEFT_OUT):
            yield f"{path}/{entry.name}", entry.read_bytes()


def _installed() -> Distribution:
    """The installation's record. In a checkout, what a build left there is found too, and lacks half of it."""
    for found in distributions(name="edgedistill"):
        if found.read_text("METADATA") and found.read_text("entry_points.txt"):
            return found
    raise EdgeDistillError(
        "edgedistill runs here from a folder without having been installed, so that its wheel cannot be made. "
        "Type, in its checkout: pip install -e ."
    )


def _metadata(installed: Distribution) -> dict[str, str]:
    found = {name: installed.read_text(name) for name in METADATA_FILES}
    return {name: text for name, text in found.items() if text is not None}


def _digest(data: bytes) -> str:
    """As RECORD has it (PEP 376): base64 without padding."""
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
