"""Exported students act the same on processors that this machine does not have: `make test-arm`.

qemu emulates each processor and stops at an instruction that it lacks. Not part of the suite, since it takes minutes
and Debian's fakeroot, mmdebstrap, proot and qemu-user-static.
"""

import json
import os
import platform
import shutil
import struct
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from onnx import helper

from edgedistill.catalogue import Architecture, Conv
from edgedistill.exporter.graph import int8_model
from edgedistill.networks.network import AtariNetwork
from edgedistill.runtime.policy import Policy
from tests import golden

HERE = Path(__file__).parent
# CPU -> what `edgedistill doctor` says of it. The first two are those of Raspberry Pi 3 and 4, the last of Pi 5.
ARM = {"cortex-a53": ["asimd"], "cortex-a72": ["asimd"], "cortex-a76": ["asimd", "asimddp"]}
# CPU -> the best vector instructions that it has. AVX2 without VNNI: there, sums of uint8 × int8 products saturate in
# 16 bits. AVX alone: onnxruntime takes its kernels for SSE4.1. (qemu's older ones do not get past `import numpy`.)
X86 = {"Haswell": "AVX2", "SandyBridge": "AVX"}
VECTORS = ("AVX", "AVX2", "AVX512F", "AVX512VNNI", "AVX512_ICL")  # numpy's names, from the oldest to the newest
RECORD = golden.recorded()

on_x86 = pytest.mark.skipif(platform.machine() != "x86_64", reason="runs this machine's own Python")


# What a file gives for noise, on whose inputs and sums nothing is small.
HASHED_LOGITS = """
import hashlib, numpy as np
from edgedistill.runtime.policy import Policy
frames = np.random.default_rng(0).integers(0, 256, (40, 84, 84, 4), dtype=np.uint8)
print(hashlib.sha256(Policy.load("written-today.onnx").logits(frames).tobytes()).hexdigest())
"""


def written_today() -> bytes:
    """A student in the present format version, with layers of all kinds; the golden one has an older."""
    design = Architecture("today", (Conv(16, 8, 4), Conv(16, 4, 2, depthwise=True), Conv(24, 1, 1)), (20,))
    torch.manual_seed(0)
    card = Policy.load(golden.student_file(golden.STUDENT)).card
    student = AtariNetwork(design, len(card.actions)).eval()
    student.begin_integers(torch.full_like(student.ranges, 4.0))
    model = int8_model(student)
    helper.set_model_props(model, card.to_metadata())
    return model.SerializeToString()


@pytest.fixture(scope="session")
def board(tmp_path_factory):
    """Builds the ARM board and runs a command on one of its CPUs, or Python of this machine on another x86."""
    build = subprocess.run([HERE / "build", sys.executable], capture_output=True, text=True, check=False)
    if build.returncode:
        pytest.exit(build.stderr, returncode=1)
    home = tmp_path_factory.mktemp("home")
    students = [golden.student_file(student) for student in (golden.STUDENT, golden.NOT_SHIPPED)]
    for file in (golden.__file__, golden.RECORD, *students):
        shutil.copy(file, home)
    (home / "written-today.onnx").write_bytes(written_today())

    def run(cpu, *python):
        if cpu in ARM:
            command = [HERE / "run", cpu, "env", "PYTHONPATH=/opt/site", "python3"]
        else:
            command = ["qemu-x86_64-static", "-cpu", cpu, sys.executable]
        return subprocess.run(
            [*command, *map(str, python)],
            cwd=home,
            env=os.environ | {"BOARD_HOME": str(home)},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def observed(board):
    """What `golden.py` prints on each CPU; they run side by side."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield {cpu: pool.submit(board, cpu, "golden.py") for cpu in (*ARM, *X86)}


def edgedistill(cpu):
    """The console script, for Python to run."""
    return "/opt/site/bin/edgedistill" if cpu in ARM else Path(sys.executable).with_name("edgedistill")


def answer(outcome):
    assert outcome.returncode == 0, outcome.stderr
    return json.loads(outcome.stdout)


@pytest.mark.parametrize("cpu", ARM)
def test_an_instruction_that_the_cpu_lacks_kills(board, cpu):
    """Else nothing below would mean anything."""
    sdot_and_return = struct.pack("<II", 0x4E829420, 0xD65F03C0)
    code = (
        "import ctypes, mmap; page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC); "
        f"page.write({sdot_and_return!r}); "
        "ctypes.CFUNCTYPE(None)(ctypes.addressof(ctypes.c_char.from_buffer(page)))(); print('lives')"
    )
    outcome = board(cpu, "-c", code)
    if "asimddp" in ARM[cpu]:
        assert outcome.stdout == "lives\n"
    else:
        assert outcome.returncode != 0
        assert "Illegal instruction" in outcome.stderr


@pytest.mark.parametrize("cpu", ARM)
def test_the_base_install_is_well_there(board, cpu):
    doctor = answer(board(cpu, edgedistill(cpu), "doctor", "--json"))
    assert doctor["problems"] == []
    assert doctor["machine"]["architecture"] == "aarch64"
    assert doctor["machine"]["features"] == ARM[cpu]
    for package in golden.DECISIVE_PACKAGES:
        assert doctor["machine"]["packages"][package] == RECORD["recorded_with"][package]


@on_x86
@pytest.mark.parametrize("cpu", X86)
def test_the_other_x86_is_what_it_says(board, cpu):
    """By CPUID, which is what onnxruntime asks, too."""
    features = answer(board(cpu, "-c", "import json, golden; print(json.dumps(golden.cpu_features()))"))
    assert [name for name in VECTORS if name in features][-1] == X86[cpu]


@pytest.mark.parametrize("cpu", [*ARM, *(pytest.param(cpu, marks=on_x86) for cpu in X86)])
def test_the_command_line_plays_the_recorded_game(board, cpu):
    recorded = RECORD["play"]
    play = answer(board(cpu, edgedistill(cpu), "play", f"{golden.STUDENT}.onnx", *golden.play_options()))
    assert play["steps"] == recorded["max_steps"]
    assert play["actions_sha256"] == recorded["actions_sha256"]


@pytest.mark.parametrize("cpu", [*ARM, *(pytest.param(cpu, marks=on_x86) for cpu in X86)])
@pytest.mark.parametrize("what", ["play", "frames", "logits"])
def test_the_recorded_bits(observed: dict[str, Future], cpu, what):
    assert answer(observed[cpu].result())[what] == RECORD[what]


@pytest.mark.parametrize("cpu", [*ARM, *(pytest.param(cpu, marks=on_x86) for cpu in X86)])
def test_a_file_written_today_gives_the_same_logits(board, cpu, tmp_path):
    (tmp_path / "written-today.onnx").write_bytes(written_today())
    here = subprocess.run(
        [sys.executable, "-c", HASHED_LOGITS], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    there = board(cpu, "-c", HASHED_LOGITS)
    assert there.stdout == here.stdout, there.stderr
