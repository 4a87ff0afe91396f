import numpy as np
from rich.console import Console

from edgedistill.runtime.terminal import SHADES, TerminalScreen


def drawn(**options):
    screen = np.zeros((210, 160, 3), np.uint8)
    screen[:, 80:] = 255
    console = Console(width=40, height=16, force_terminal=True, record=True, **options)
    console.print(TerminalScreen(screen, "pong"))
    return console.export_text()


def test_without_colours_a_screen_is_drawn_by_brightness():
    lines = drawn(no_color=True).splitlines()
    assert lines[0].startswith(SHADES[0] * 5)
    assert SHADES[-1] * 5 in lines[0]
    assert drawn(color_system=None).splitlines()[0] == lines[0]


def test_with_colours_it_is_blocks():
    assert set(drawn(color_system="truecolor").splitlines()[0]) == {"▀"}
