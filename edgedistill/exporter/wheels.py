"""Downloads the packages of a board that needs no network."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from edgedistill.children import python_command
from edgedistill.errors import EdgeDistillError
from edgedistill.exporter.targets import Target


def download_wheels(requirements: str, target: Target, folder: Path, report: Callable[[str], None]) -> None:
    """Have pip put the wheels for all of a target's Pythons into `folder`, from the index that pip is set to use here.

    Args:
        requirements: a requirements file with hashes, which pip checks.

    Raises:
        EdgeDistillError: pip is missing, or could not get them.
    """
    with TemporaryDirectory() as scratch:
        file = Path(scratch) / "requirements.txt"
        file.write_text(requirements, encoding="utf-8")
        for python in target.pythons:
            report(f"downloading the packages for Python {python}")
            # Dependencies are in the file already: pip would resolve them by the markers of the Python that runs here.
            command = [
                *python_command("-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input"),
                *("--only-binary", ":all:", "--no-deps", "--require-hashes", "--implementation", "cp"),
                *("--python-version", python, *(part for tag in target.platforms for part in ("--platform", tag))),
                *("--dest", str(folder), "--requirement", str(file)),
            ]
            finished = subprocess.run(command, capture_output=True, text=True, check=False)
            if finished.returncode:
                errors = [line for line in finished.stderr.splitlines() if line.startswith("ERROR:")]
                said = (errors or finished.stderr.splitlines() or ["nothing"])[-1].removeprefix("ERROR: ")
                raise EdgeDistillError(
                    f"The packages for {target.title} could not be downloaded; pip says: {said} Look at the network, "
                    "or leave --with-wheels out: the board then downloads them itself."
                )
