r"""What a student in C costs, on microcontrollers and beside ONNX Runtime.

    python benchmarks/c_backend.py [--student micro --student nano …] [--frames 600] [--csv c_backend.csv]
    python benchmarks/c_backend.py --beside-onnxruntime [--rounds 15]

The first compiles each shipped Pong student for this machine, ARMv7 Linux and a Cortex-M4F, compares its logits on real
play with ONNX Runtime's, and counts instructions; both ARM processors are emulated by QEMU, which counts exactly and
does not tell time. The second compiles `micro` as a shared library and alternates with ONNX Runtime in this process:
µs an action, then start-up and peak memory of fresh processes.

It needs: apt-get install gcc gcc-arm-linux-gnueabihf libc6-dev-armhf-cross gcc-arm-none-eabi libnewlib-arm-none-eabi \
    qemu-user qemu-system-arm
"""

import argparse
import csv
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from c_targets import (
    ARMV7,
    CORTEX_M4,
    NATIVE,
    SharedLibrary,
    build_object,
    build_program,
    instructions_a_decision,
    run,
    sizes,
)

from edgedistill.atari.emulator import Frames
from edgedistill.children import python_command
from edgedistill.exporter.c_code import c_source
from edgedistill.exporter.fidelity import play_frames
from edgedistill.runtime.machine import installed_bytes, this_machine
from edgedistill.runtime.policy import Policy
from edgedistill.runtime.shipped import shipped_student

GAME = "pong"
FILES = {
    **{student: shipped_student(GAME, student) for student in ("micro", "nano", "net5", "pico", "femto")},
    "net1": Path(__file__).with_name("teachers") / GAME / "net1.onnx",
}
# The cost of a decision hardly depends on the frame (activations of zero are multiplied too).
COUNTED_FRAMES = 10
COLUMNS = (
    "student", "flash, weights", "flash, code", "RAM, scratch", "RAM, stack", "Cortex-M4F instructions",
    "ARMv7 instructions", "frames", "equal here", "equal on ARMv7", "equal on Cortex-M4F",
)  # fmt: skip
# A whole process, which takes one action: what both have in common is Python and numpy.
PROCESS = """
import sys
import numpy as np
frames = np.zeros((1, 84, 84, 4), np.uint8)
{body}
status = open("/proc/self/status").read().splitlines()
print(next(line.split()[1] for line in status if line.startswith("VmHWM")))
"""
ONNXRUNTIME = """
import onnxruntime
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
session.run(None, {"frames": frames})
"""
C_LIBRARY = """
import ctypes
logits = np.empty(18, np.float32)
ctypes.CDLL(sys.argv[1]).student_act(ctypes.c_void_p(frames.ctypes.data), ctypes.c_void_p(logits.ctypes.data))
"""


def on_targets(file: Path, frames: Frames) -> list[str | int]:
    """A row of `COLUMNS`; frames (N, 84, 84, 4)."""
    student, data = file.stem, file.read_bytes()
    policy, c = Policy(data, student), c_source(data, student)
    expected = np.concatenate([policy.logits(frames[i : i + 1]) for i in range(len(frames))])
    equal, stack = [], 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        measured = sizes(CORTEX_M4, build_object(CORTEX_M4, c, folder))
        for target in (NATIVE, ARMV7, CORTEX_M4):
            ran = run(target, build_program(target, c, folder), frames)
            equal.append(int((ran.logits == expected).all(axis=1).sum()))
            stack = ran.stack_bytes or stack
        few = frames[:: len(frames) // COUNTED_FRAMES][:COUNTED_FRAMES]
        counts = [round(instructions_a_decision(target, c, folder, few)) for target in (CORTEX_M4, ARMV7)]
    return [student, measured.constants, measured.code, measured.ram, stack, *counts, len(frames), *equal]


def microseconds(act: Callable[[Frames], object], frames: Frames) -> float:
    """Median over frames (N, 84, 84, 4), one at a time."""
    times = []
    for i in range(len(frames)):
        one = frames[i : i + 1]
        began = time.perf_counter()
        act(one)
        times.append(time.perf_counter() - began)
    return statistics.median(times) * 1e6


def process(body: str, *arguments: str) -> tuple[float, float]:
    """Seconds from the start of a fresh process to its end, and the MB that it took at most."""
    began = time.perf_counter()
    command = python_command("-c", PROCESS.format(body=body), *arguments)
    finished = subprocess.run(command, capture_output=True, text=True, check=True)
    return time.perf_counter() - began, int(finished.stdout) * 1024 / 1e6


def beside_onnxruntime(frames: Frames, rounds: int) -> None:
    """Alternate, and print medians."""
    model = shipped_student(GAME, "micro")
    c = c_source(model.read_bytes(), model.name)
    with tempfile.TemporaryDirectory() as name:
        libraries = {}
        for label, flags in (
            ("C, -O2", ("-O2",)), ("C, -O3", ("-O3",)), ("C, -O3 -march=native", ("-O3", "-march=native"))
        ):  # fmt: skip
            folder = Path(name) / label
            folder.mkdir()
            libraries[label] = SharedLibrary(c, folder, *flags)
        acts = {"onnxruntime": Policy.load(model).logits} | {key: each.logits for key, each in libraries.items()}
        bodies = {"onnxruntime": (ONNXRUNTIME, str(model)), "Python and numpy alone": ("", "")}
        bodies |= {label: (C_LIBRARY, str(library.path)) for label, library in libraries.items()}
        times: dict[str, list[float]] = {label: [] for label in acts}
        processes: dict[str, list[tuple[float, float]]] = {label: [] for label in bodies}
        for body, argument in bodies.values():
            process(body, argument)  # once, so that files are in memory
        for _ in range(rounds):
            for label, act in acts.items():
                times[label].append(microseconds(act, frames))
            for label, (body, argument) in bodies.items():
                processes[label].append(process(body, argument))
        disk = {label: library.path.stat().st_size for label, library in libraries.items()}
        disk["onnxruntime"] = installed_bytes(("onnxruntime",))
    print(f"{this_machine().cpu}, one thread, {rounds} rounds, medians")
    print("| | µs an action | lowest | highest | process, ms | peak memory, MB | installed, MB |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for label, values in processes.items():
        seconds, megabytes = (statistics.median(column) for column in zip(*values, strict=True))
        took = times.get(label)
        cells = f"{statistics.median(took):.1f} | {min(took):.1f} | {max(took):.1f}" if took else "| |"
        size = f"{disk[label] / 1e6:.2f}" if label in disk else ""
        print(f"| {label} | {cells} | {seconds * 1e3:.0f} | {megabytes:.1f} | {size} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--student", action="append", choices=FILES)
    parser.add_argument("--frames", type=int, default=600)
    parser.add_argument("--csv", type=Path)
    parser.add_argument("--beside-onnxruntime", action="store_true")
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    if arguments.frames < COUNTED_FRAMES:
        parser.error(f"--frames must be at least {COUNTED_FRAMES}, got {arguments.frames}")

    # Play as it is, with the slips that ε brings.
    policy = Policy.load(shipped_student(GAME, "micro"))
    frames = play_frames(policy.act, GAME, arguments.frames, seed=3, epsilon=0.05)
    if arguments.beside_onnxruntime:
        beside_onnxruntime(frames, arguments.rounds)
        return
    for target in (NATIVE, ARMV7, CORTEX_M4):
        if target.missing():
            sys.exit(target.missing())
    print(f"| {' | '.join(COLUMNS)} |")
    print(f"| --- |{' ---: |' * (len(COLUMNS) - 1)}")
    rows = []
    for student in arguments.student or FILES:
        rows.append(on_targets(FILES[student], frames))
        print(f"| {' | '.join(f'{cell:,}' if isinstance(cell, int) else cell for cell in rows[-1])} |", flush=True)
    if arguments.csv:
        with arguments.csv.open("w", newline="") as file:
            csv.writer(file).writerows([COLUMNS, *rows])


if __name__ == "__main__":
    main()
