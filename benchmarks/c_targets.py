"""Builds a student's C for three targets and runs it on given frames: this machine, ARMv7 Linux, bare-metal Cortex-M4.

The two ARM targets run in QEMU, so what they compute and how many instructions they take is exact, and time is not
measured. `tests/exporter/test_c_code.py` and `c_backend.py` share this.
"""

import ctypes
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgedistill.atari.emulator import Frames
from edgedistill.exporter.c_code import CSource

SOURCES = Path(__file__).parent / "c"
# What a careful project compiles with; the student must come through without a word.
STRICT = ("-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror")
# What projects for microcontrollers use; on a Cortex-M4, -O3 takes 4% fewer instructions and 2 KB more flash.
OPTIMISATION = "-O2"


@dataclass(frozen=True)
class Target:
    """A compiler, its flags, and what runs its programs."""

    name: str
    compiler: str
    prefix: str
    """Of the target's `size` and `nm`"""
    flags: tuple[str, ...]
    emulator: str | None
    debian: tuple[str, ...]
    """Packages that bring all this"""

    def missing(self) -> str | None:
        """What must be installed first; None where all is there."""
        tools = [tool for tool in (self.compiler, self.emulator) if tool]
        absent = [tool for tool in tools if shutil.which(tool) is None]
        return f"{' and '.join(absent)} not found: apt-get install {' '.join(self.debian)}" if absent else None


NATIVE = Target("this machine", "gcc", "", (), None, ("gcc",))
ARMV7 = Target(
    "ARMv7 Linux",
    "arm-linux-gnueabihf-gcc",
    "arm-linux-gnueabihf-",
    ("-mcpu=cortex-a7", "-mfpu=neon-vfpv4"),
    "qemu-arm",
    ("gcc-arm-linux-gnueabihf", "libc6-dev-armhf-cross", "qemu-user"),
)
CORTEX_M4 = Target(
    "Cortex-M4F",
    "arm-none-eabi-gcc",
    "arm-none-eabi-",
    ("-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"),
    "qemu-system-arm",
    ("gcc-arm-none-eabi", "libnewlib-arm-none-eabi", "qemu-system-arm"),
)
CORTEX_M0 = Target(
    "Cortex-M0, without FPU", "arm-none-eabi-gcc", "arm-none-eabi-", ("-mcpu=cortex-m0", "-mthumb"), None,
    ("gcc-arm-none-eabi", "libnewlib-arm-none-eabi"),
)  # fmt: skip


@dataclass(frozen=True)
class Ran:
    """What came back from a target."""

    logits: NDArray[np.float32]
    """(N, A)"""
    stack_bytes: int | None
    """The deepest that the stack was, where the driver tells"""
    instructions: int | None
    """Executed from the program's start to its end, where they were counted"""


@dataclass(frozen=True)
class Sizes:
    """Bytes of the student's own object."""

    code: int
    """Machine code"""
    constants: int
    """Weights, biases, scales"""
    ram: int
    """Static scratch buffers"""


def build_object(target: Target, c: CSource, folder: Path, *flags: str) -> Path:
    """Compile `student.c` alone, strictly; its warnings are errors."""
    (folder / "student.h").write_text(c.header)
    (folder / "student.c").write_text(c.code)
    output = folder / "student.o"
    _call(target.compiler, *STRICT, OPTIMISATION, *target.flags, *flags, "-c", folder / "student.c", "-o", output)
    return output


def undefined_symbols(target: Target, student: Path) -> set[str]:
    """What an object asks of libraries."""
    return {line.split()[-1] for line in _call(f"{target.prefix}nm", "-u", student).splitlines()}


def sizes(target: Target, student: Path) -> Sizes:
    sections = dict.fromkeys(("text", "rodata", "data", "bss"), 0)
    for kind, size in re.findall(
        r"^\.(text|rodata|data|bss)\S*\s+(\d+)", _call(f"{target.prefix}size", "-A", student), re.M
    ):
        sections[kind] += int(size)
    return Sizes(sections["text"], sections["rodata"], sections["data"] + sections["bss"])


class SharedLibrary:
    """The student in this process."""

    def __init__(self, c: CSource, folder: Path, *flags: str) -> None:
        path = folder / "student.so"
        student = build_object(NATIVE, c, folder, "-fPIC", *flags)
        _call(NATIVE.compiler, "-shared", student, "-o", path)
        self.path = path
        self._act = ctypes.CDLL(str(path)).student_act
        self._actions = int(re.findall(r"#define STUDENT_ACTIONS (\d+)", c.header)[0])
        self._act.restype = None
        self._act.argtypes = [ctypes.c_void_p, ctypes.c_void_p]

    def logits(self, frames: Frames) -> NDArray[np.float32]:
        """frames (N, 84, 84, 4) uint8 -> (N, A) float32."""
        logits = np.empty((len(frames), self._actions), np.float32)
        for one, out in zip(np.ascontiguousarray(frames), logits, strict=True):
            self._act(one.ctypes.data, out.ctypes.data)
        return logits


def build_program(target: Target, c: CSource, folder: Path, repeats: int = 1, flags: tuple[str, ...] = ()) -> Path:
    """A program that takes each decision `repeats` times."""
    student, output = build_object(target, c, folder, *flags), folder / f"student-{repeats}"
    driver: list[str | Path] = ["-std=gnu99", OPTIMISATION, f"-DREPEATS={repeats}", "-I", folder, *target.flags, *flags]
    if target is CORTEX_M4:
        # No C library at all (libgcc is the compiler's own), so no loop may become a call of memset.
        bare = ("-nostdlib", "-fno-tree-loop-distribute-patterns", "-T", SOURCES / "mps2_an386.ld")
        _call(target.compiler, *driver, *bare, SOURCES / "on_cortex_m4.c", student, "-lgcc", "-o", output)
    else:
        # Static, so that QEMU needs none of the target's libraries.
        static = [] if target is NATIVE else ["-static"]
        _call(target.compiler, *driver, *static, SOURCES / "on_linux.c", student, "-o", output)
    return output


def run(target: Target, program: Path, frames: Frames, plugin: Path | None = None) -> Ran:
    """Run a program of `build_program` on frames (N, 84, 84, 4).

    `plugin` is what `build_counter` built; with it, instructions are counted.
    """
    folder = program.parent
    (folder / "frames.bin").write_bytes(frames.tobytes())
    command: list[str | Path] = (
        [target.emulator, *(["-plugin", str(plugin)] if plugin else [])] if target.emulator else []
    )
    if target is CORTEX_M4:
        command += [
            "-M", "mps2-an386", "-nographic", "-monitor", "none", "-serial", "none",
            "-semihosting-config", "enable=on,target=native", "-kernel", program,
        ]  # fmt: skip
    else:
        command.append(program)
    with (folder / "frames.bin").open("rb") as stdin:
        finished = subprocess.run(command, cwd=folder, stdin=stdin, capture_output=True, check=True, timeout=600)
    output, stack_bytes = finished.stdout, None
    if target is CORTEX_M4:
        output = (folder / "logits.bin").read_bytes()
        output, stack_bytes = output[:-4], int.from_bytes(output[-4:], "little")
    counted = re.findall(rb"instructions (\d+)", finished.stderr)
    logits = np.frombuffer(output, "<f4").reshape(len(frames), -1)
    return Ran(logits, stack_bytes, int(counted[0]) if counted else None)


def build_counter(folder: Path) -> Path:
    """QEMU's plugin that counts instructions."""
    output = folder / "count_instructions.so"
    _call("gcc", "-std=c99", "-O2", "-shared", "-fPIC", SOURCES / "count_instructions.c", "-o", output)
    return output


def instructions_a_decision(target: Target, c: CSource, folder: Path, frames: Frames) -> float:
    """Mean over frames: what a program that takes each decision twice executes more than one that takes it once."""
    plugin = build_counter(folder)
    once, twice = (
        run(target, build_program(target, c, folder, repeats), frames, plugin).instructions for repeats in (1, 2)
    )
    assert once is not None and twice is not None
    return (twice - once) / len(frames)


def _call(*command: str | Path) -> str:
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    if finished.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))}\n{finished.stderr}")
    return finished.stdout
