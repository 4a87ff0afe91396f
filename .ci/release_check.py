"""Build the packages, look into them, and use them as a stranger would: `make release-check`.

The wheel is built from the source distribution, as PyPI's users do. Each check names what it found; the first that
fails ends it. dist/ then holds what a release uploads.
"""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from pathlib import Path

from edgedistill.exporter.bill import bill_of_materials
from edgedistill.exporter.requirements import locked_requirements
from edgedistill.exporter.targets import find_target

ROOT = Path(__file__).parent.parent
DIST = ROOT / "dist"
BILL = ROOT / "build" / "bom.cdx.json"
# The trained students take 3 MB at most, and less than 1 MB so far. A larger wheel has something in it that does not
# belong there.
MOST_MEGABYTES = 2.0
TIMEOUT_S = 900
IN_WHEEL = (
    "edgedistill/py.typed",
    "edgedistill/atari/scores.csv",
    "edgedistill/report/page.html.jinja",
    "edgedistill/student_zoo/micro.toml",
    "edgedistill/student_zoo/trained/pong/micro.onnx",
    "edgedistill/student_zoo/trained/pong/micro.md",
    "edgedistill/export/install.sh",
    "edgedistill/export/student.c",
    "edgedistill/export/arduino.cpp",
    "edgedistill/export/platformio.ini",
    "edgedistill/export/esp-idf.cmake",
    "edgedistill/export/lock/pylock.toml",
    "edgedistill/export/lock/licences.json",
    "edgedistill/student_zoo/trained/SHA256SUMS",
)
# Top-level folders of a wheel, and what a source distribution has beside the package.
WHEEL_FOLDERS = {"edgedistill"}
IN_SDIST = ("pyproject.toml", "README.md", "LICENSE", "student_zoo/micro.toml", "export/install.sh")
BINARY_ENDINGS = (".so", ".pyc", ".gif", ".png", ".safetensors", ".pt", ".bin")


def main() -> None:
    shutil.rmtree(DIST, ignore_errors=True)
    with tempfile.TemporaryDirectory() as scratch:
        tools = _venv(Path(scratch) / "tools", "build", "twine")
        _run(tools, "-m", "build", "--outdir", DIST, ROOT)
        wheel, sdist = _only("*.whl"), _only("*.tar.gz")
        _run(tools, "-m", "twine", "--no-color", "check", "--strict", wheel, sdist)
        _look_into(wheel, sdist)
        _write_bill(wheel)
        base = _venv(Path(scratch) / "base", str(wheel))
        _play(base, Path(scratch))
        train = _venv(Path(scratch) / "train", f"{wheel}[train]")
        _train(train, Path(scratch))
    print(f"release check: all well; {DIST}/ holds what a release uploads")


def _look_into(wheel: Path, sdist: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        metadata = archive.read(next(name for name in names if name.endswith(".dist-info/METADATA"))).decode()
    with tarfile.open(sdist) as archive_of_sources:
        in_sdist = {name.partition("/")[2] for name in archive_of_sources.getnames()}
    folders = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    students = [name for name in names if name.endswith(".onnx")]
    shipped = sorted(ROOT.glob("student_zoo/trained/*/*.onnx"))
    version = re.search(r'(?m)^version = "(.+)"$', (ROOT / "pyproject.toml").read_text())[1]  # type: ignore[index]
    changes = (ROOT / "CHANGELOG.md").read_text()
    for package, found in ((wheel, set(names)), (sdist, in_sdist)):
        megabytes = package.stat().st_size / 1e6
        _demand(megabytes <= MOST_MEGABYTES, f"{package.name}: {megabytes:.2f} MB of {MOST_MEGABYTES:g}")
        wanted = IN_WHEEL if package is wheel else IN_SDIST
        missing = [name for name in wanted if name not in found]
        _demand(not missing, f"{package.name}: {len(found)} files; missing: {', '.join(missing) or 'none'}")
    strange = [name for name in names if name.endswith(BINARY_ENDINGS)]
    _demand(not strange, f"built or drawn files in the wheel: {', '.join(strange) or 'none'}")
    _demand(folders == WHEEL_FOLDERS, f"top level of the wheel: {', '.join(sorted(folders))}")
    _demand(len(students) == len(shipped), f"students in the wheel: {len(students)} of {len(shipped)}")
    _demand(f"\nVersion: {version}\n" in metadata, f"version {version}")
    _demand(f"## {version} " in changes, f"the changelog has a heading of {version}")
    _demand("License-Expression: MIT" in metadata, "licence MIT")


def _write_bill(wheel: Path) -> None:
    """What the wheel needs at the versions that a board installs, beside `dist/`: PyPI takes packages alone."""
    BILL.parent.mkdir(exist_ok=True)
    requirements = locked_requirements(find_target("x86-64"))
    BILL.write_text(bill_of_materials(wheel.name, wheel.read_bytes(), requirements), encoding="utf-8")
    _demand(len(requirements) > 5, f"{BILL.relative_to(ROOT)}: a bill of {len(requirements)} materials")


def _play(python: Path, scratch: Path) -> None:
    """What a board does, with the base install."""
    _run(python, "-m", "edgedistill", "--version", cwd=scratch)
    _run(python, "-m", "edgedistill", "doctor", cwd=scratch)
    _run(python, "-m", "edgedistill", "play", "pong", "--headless", "--max-steps", "300", cwd=scratch)
    packages = _run(python, "-m", "pip", "list", "--format", "freeze", quiet=True)
    _demand("torch" not in packages, f"base install: {len(packages.split())} packages, no torch")


def _train(python: Path, scratch: Path) -> None:
    """The whole way in small, with the `[train]` extra."""
    small = [
        "--steps", "512", "--envs", "4", "--rollout-length", "16", "--minibatch", "32", "--memory-frames", "128",
        "--student-batch", "32", "--evaluate-every", "512", "--evaluate-episodes", "1", "--threads", "1",
    ]  # fmt: skip
    _run(python, "-m", "edgedistill", "train", *small, "--student", "pico", "--out", "run", cwd=scratch)
    # At ε 0, a beginner's game may take minutes.
    scored = ["--episodes", "1", "--epsilon", "0.05"]
    _run(python, "-m", "edgedistill", "export", "run", *scored, "-o", "pong.onnx", cwd=scratch)
    _run(python, "-m", "edgedistill", "play", "pong.onnx", "--headless", "--max-steps", "300", cwd=scratch)


def _venv(folder: Path, *packages: str) -> Path:
    """A new environment's Python, with packages as constraints.txt pins them."""
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-c", ROOT / "constraints.txt"]
    _run(python, *install, *packages, quiet=True)
    return python


def _run(python: Path, *arguments: object, cwd: Path = ROOT, quiet: bool = False) -> str:
    """What the command printed; the end of the check where it fails."""
    words = [str(argument) for argument in arguments]
    # Not this checkout, whatever the caller's environment says.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    shown = " ".join(Path(word).name if word.startswith("/") else word for word in words)
    print(f"$ {shown}", flush=True)
    try:
        outcome = subprocess.run(
            [python, *words], cwd=cwd, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S
        )
    except subprocess.TimeoutExpired:
        sys.exit(f"FAILED: not done after {TIMEOUT_S} s")
    if outcome.returncode != 0:
        sys.exit(f"FAILED with {outcome.returncode}:\n{outcome.stdout}{outcome.stderr}")
    if not quiet:
        print("".join(f"  {line}\n" for line in outcome.stdout.splitlines()[-3:]), end="", flush=True)
    return outcome.stdout


def _demand(holds: bool, what: str) -> None:
    print(f"{'ok' if holds else 'FAILED'}: {what}", flush=True)
    if not holds:
        sys.exit(1)


def _only(pattern: str) -> Path:
    found = list(DIST.glob(pattern))
    _demand(len(found) == 1, f"built {', '.join(path.name for path in found)}")
    return found[0]


if __name__ == "__main__":
    main()
