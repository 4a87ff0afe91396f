"""What the folder of a board without Python holds: a student in C99, and programs around it."""

from pathlib import Path

from edgedistill.atari.emulator import STACK
from edgedistill.atari.games import game_title
from edgedistill.atari.resize import SIDE
from edgedistill.errors import BadRequest
from edgedistill.exporter.c_code import write_c
from edgedistill.exporter.targets import Target
from edgedistill.exporter.templates import template
from edgedistill.runtime.card import Card

# Measured on a Cortex-M4F (docs/performance.md): 1,060 bytes of code and 316 of stack at most.
C_CODE_BYTES, C_STACK_BYTES = 1_100, 500
# Programs around a student in C: the template, and its place in the folder.
SKELETONS = {
    "main.c": "plain/main.c",
    "bench.c": "plain/bench.c",
    "arduino.cpp": "platformio/main.cpp",
    "platformio.ini": "platformio/platformio.ini",
    "esp-idf.cmake": "esp-idf/CMakeLists.txt",
    "esp-idf.c": "esp-idf/main/main.c",
    "esp-idf-main.cmake": "esp-idf/main/CMakeLists.txt",
}


def write_c_folder(student: bytes, source: str, game: str, card: Card, folder: Path, target: Target) -> None:
    """C99 source and the programs around it, if it fits the target.

    Args:
        student: content of an exported `.onnx`.
        source: that file's name, for errors.
        game: that of its card, which `find_game` returned.
        folder: where to, an empty folder.

    Raises:
        BadRequest: the student is float32, or too large for the target.
    """
    if card.quantisation.startswith("float32"):
        raise no_float32(target)
    c = write_c(student, source, folder)
    frames_bytes = SIDE * SIDE * STACK
    _check_budget(target, "flash", c.flash_bytes + C_CODE_BYTES, target.flash_bytes)
    _check_budget(target, "RAM", c.ram_bytes + C_STACK_BYTES + frames_bytes, target.ram_bytes)
    text = template("c.md").format(
        target=target,
        card=card,
        c=c,
        title_of_game=game_title(game),
        file_name=f"{game}.onnx",
        card_name=f"{game}.md",
        actions=len(card.actions),
        frames_bytes=frames_bytes,
    )
    (folder / "README.md").write_text(text, encoding="utf-8")
    for name, place in SKELETONS.items():
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).write_text(template(name), encoding="utf-8")


def no_float32(target: Target) -> BadRequest:
    """Why a float32 student is refused."""
    return BadRequest(f"'{target.name}' takes an int8 student; this one is float32. Leave --precision out.")


def check_weights(params: int, target: Target) -> None:
    """Fail before the work where a student's weights alone, of a byte or more each, are too many.

    Raises:
        BadRequest: they do not fit into the target's flash.
    """
    _check_budget(target, "flash for its weights alone", params, target.flash_bytes)


def _check_budget(target: Target, what: str, needed: int, available: int | None) -> None:
    if available is not None and needed > available:
        raise BadRequest(
            f"The student needs {needed:,} bytes of {what}, a {target.title} has {available:,}. "
            "Take a smaller student: edgedistill zoo"
        )
