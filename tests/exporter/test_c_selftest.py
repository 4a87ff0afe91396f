"""The C export's self-test, and the programs around it, as far as compilers tell."""

import re
import shutil
import subprocess

import numpy as np
import pytest

from benchmarks.c_targets import ARMV7, CORTEX_M4, NATIVE, STRICT
from edgedistill.exporter.board_folder import write_board_folder
from edgedistill.exporter.c_selftest import TESTS, selftest_frames
from edgedistill.exporter.targets import find_target
from edgedistill.runtime.policy import Policy
from edgedistill.runtime.shipped import shipped_student

# What the two programs use of their frameworks, no more.
STAND_INS = {
    "Arduino.h": "struct Port { void begin(long); void print(const char *); void print(int); void println(int);"
    " void println(unsigned long); }; extern Port Serial; unsigned long micros(); void delay(unsigned long);",
    "esp_timer.h": "#include <stdint.h>\nint64_t esp_timer_get_time(void);",
    "freertos/FreeRTOS.h": "#define pdMS_TO_TICKS(ms) (ms)",
    "freertos/task.h": "void vTaskDelay(unsigned ticks);",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("c") / "pong"
    write_board_folder(shipped_student("pong", "pico").read_bytes(), "pong", folder, find_target("c"))
    return folder


def compiled(target, folder, *more, program="plain/main.c"):
    sources = [program, "student.c", "student_selftest.c"]
    command = [target.compiler, *STRICT, "-O2", *target.flags, "-I.", *sources, *more, "-o", "program"]
    finished = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    return [*([target.emulator] if target.emulator else []), folder / "program"]


@pytest.mark.parametrize("target", [NATIVE, ARMV7], ids=lambda target: target.name)
def test_a_program_that_computes_what_it_should_says_so_and_another_does_not(target, folder, tmp_path):
    if target.missing():
        pytest.skip(target.missing())
    copy = shutil.copytree(folder, tmp_path / "copy")
    static = [] if target is NATIVE else ["-static"]
    assert subprocess.run(compiled(target, copy, *static), check=False).returncode == 0
    # A sum of the first layer, then of the last one.
    code = (copy / "student.c").read_text()
    for table, more in (("layer1_bias", 20_000), ("layer5_bias", 1)):
        first = re.search(rf"{table}\[\d+\] = {{\s+(-?\d+)", code)
        wrong = f"{code[: first.start(1)]}{int(first[1]) + more}{code[first.end(1) :]}"
        (copy / "student.c").write_text(wrong)
        assert subprocess.run(compiled(target, copy, *static), check=False).returncode == 1


@pytest.mark.skipif(not shutil.which("cc"), reason="no C compiler")
def test_what_the_export_says_comes_next_runs(cli, tmp_path):
    folder = tmp_path / "in a folder" / "pong-c"
    folder.parent.mkdir()
    said = cli("export", "pong", "--target", "c", "-o", folder).out
    commands = said.partition("next:\n")[2]
    finished = subprocess.run(["sh", "-ec", commands], capture_output=True, text=True, check=False)
    assert finished.stdout.startswith("self-test: 0\n"), finished.stderr


@pytest.mark.parametrize("target", [NATIVE, ARMV7], ids=lambda target: target.name)
def test_a_computer_prints_the_logits_and_how_long_a_decision_takes(target, folder):
    if target.missing():
        pytest.skip(target.missing())
    program = compiled(target, folder, *([] if target is NATIVE else ["-static"]), program="plain/bench.c")
    finished = subprocess.run(program, capture_output=True, text=True, check=True)
    tested, logits, time = finished.stdout.splitlines()
    assert tested == "self-test: 0"
    expected = Policy.load(shipped_student("pong", "pico")).logits(np.zeros((1, 84, 84, 4), np.uint8))[0]
    # Nine digits tell float32 apart.
    assert [np.float32(each) for each in logits.split()[1:]] == expected.tolist()
    assert float(time.removeprefix("microseconds a decision: ")) > 0


def test_the_tests_reach_different_logits():
    logits = Policy.load(shipped_student("pong", "pico")).logits(selftest_frames())
    assert len({row.tobytes() for row in logits}) == TESTS
    assert np.ptp(logits, axis=1).min() > 0


@pytest.mark.parametrize("place", ["student_selftest.c", "esp-idf/main/main.c", "platformio/main.cpp"])
def test_the_sources_compile_for_a_microcontroller(place, folder, tmp_path):
    if CORTEX_M4.missing():
        pytest.skip(CORTEX_M4.missing())
    for name, text in STAND_INS.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    strict = ["-Wall", "-Wextra", "-Werror"] if place.endswith(".cpp") else STRICT
    compiler = CORTEX_M4.compiler.replace("gcc", "g++") if place.endswith(".cpp") else CORTEX_M4.compiler
    command = [compiler, *strict, *CORTEX_M4.flags, "-I", folder, "-isystem", tmp_path, "-c", folder / place]
    finished = subprocess.run([*command, "-o", tmp_path / "out.o"], capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr


def test_the_builds_name_files_that_are_there(folder):
    for place in ("platformio/platformio.ini", "esp-idf/main/CMakeLists.txt"):
        text = (folder / place).read_text()
        assert "student.c" in text and "student_selftest.c" in text
    for source in re.findall(r'"([\w./]+\.c)"', (folder / "esp-idf/main/CMakeLists.txt").read_text()):
        assert (folder / "esp-idf" / "main" / source).is_file()
    for source in re.findall(r"\+<([\w./]+)>", (folder / "platformio/platformio.ini").read_text()):
        assert (folder / "platformio" / ".." / source).is_file()
