"""The pictures of the documentation: small, described, and made by programs that work."""

import re
import subprocess
import sys

import pytest

from tests.test_docs import PAGES, ROOT

MOST_BYTES = 150_000


def drawn(program, *arguments):
    command = [sys.executable, ROOT / "docs" / program, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_pictures_are_small_and_shown():
    pictures = {each.resolve() for suffix in ("svg", "png", "gif") for each in ROOT.glob(f"docs/**/*.{suffix}")}
    assert [each.name for each in sorted(pictures) if each.stat().st_size > MOST_BYTES] == []
    shown = {
        (page.parent / target).resolve()
        for page in PAGES
        for target in re.findall(r"!\[[^]]+\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))
    }
    assert pictures and pictures <= shown


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_each_picture_says_what_it_shows(page):
    assert "![](" not in page.read_text(encoding="utf-8")


def test_a_terminal_picture_has_what_commands_print(tmp_path):
    picture = tmp_path / "shell.svg"
    finished = drawn("terminal_pictures.py", "shell", "mkdir a && cd a", "basename $PWD; echo 6 '<' 7", "-o", picture)
    assert finished.returncode == 0, finished.stderr
    # Spaces are no-break ones, so that a browser folds nothing.
    text = re.sub(r"<[^>]+>", "\n", picture.read_text(encoding="utf-8")).replace("&#160;", " ")
    assert "$ mkdir a && cd a" in text.replace("&amp;", "&")
    assert "\na\n" in text and "6 &lt; 7" in text
    assert "http" not in re.sub("http://www.w3.org/2000/svg|https://www.textualize.io", "", picture.read_text())


def test_no_terminal_picture_of_a_command_that_fails(tmp_path):
    assert drawn("terminal_pictures.py", "shell", "false", "true", "-o", tmp_path / "shell.svg").returncode != 0
    assert not any(tmp_path.iterdir())


def test_a_page_of_the_hub_is_drawn_with_its_pictures(tmp_path):
    student, page = ROOT / "student_zoo/trained/pong/micro.onnx", tmp_path / "page.html"
    finished = drawn("hub_page.py", student, "somebody/pong", "-o", page)
    assert finished.returncode == 0, finished.stderr
    text = page.read_text(encoding="utf-8")
    assert "<h1>somebody/pong</h1>" in text and "<td><code>micro.onnx</code></td>" in text
    assert '<img src="data:image/gif;base64,R0lGOD' in text and "<span>int8</span>" in text
