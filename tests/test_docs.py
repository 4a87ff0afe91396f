"""The documentation: what it takes from the code is up to date, its links lead somewhere, and its commands run."""

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import typer
import typer.main

from edgedistill.cli import app
from edgedistill.runtime.policy import Policy
from edgedistill.runtime.shipped import shipped_games

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
# Commands of past versions; usage, which the code writes.
NOT_TO_RUN = [ROOT / "docs" / "history.md", ROOT / "docs" / "reference" / "cli.md"]
# What makes a command of a page take seconds. Of an option that is given twice, the last one counts.
SMALL = {
    "train": "--steps 512 --envs 4 --rollout-length 16 --minibatch 32 --memory-frames 128 --student-batch 32 "
    "--evaluate-every 512 --evaluate-episodes 1 --threads 1",
    # Without random actions, a beginner does not serve in Breakout, and its game takes minutes.
    "export": "--episodes 1 --epsilon 0.05",
    "evaluate": "--episodes 1 --epsilon 0.05",
    "play": "--headless --max-steps 50",
}


def shell_lines(page: Path) -> list[str]:
    """The commands of a page's `sh` and `console` blocks, without prompts and what is printed."""
    blocks = re.findall(r"(?ms)^ *```(sh|console)\n(.*?)^ *```", page.read_text(encoding="utf-8"))
    lines = []
    for kind, block in blocks:
        written = [line.strip() for line in block.replace("\\\n", " ").splitlines()]
        lines += [line.removeprefix("$ ") for line in written if kind == "sh" or line.startswith("$ ")]
    return lines


def edgedistill_commands(page: Path) -> list[list[str]]:
    found = []
    for line in shell_lines(page):
        for part in re.split(r"&&|;|\|", line):
            words = shlex.split(part, comments=True)
            while words and "=" in words[0]:
                words = words[1:]
            if words and words[0].rpartition("/")[2] == "edgedistill":
                found.append([re.sub(r"^\$\w+$", "1", word) for word in words[1:]])
    return found


def test_what_is_generated_is_up_to_date():
    outcome = subprocess.run(
        [sys.executable, ROOT / "docs" / "generate.py", "--check"],
        capture_output=True, text=True, timeout=120, env={**os.environ, "COLUMNS": "80"},
    )  # fmt: skip
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


def test_a_game_may_ship_without_one_of_the_sizes(tmp_path, monkeypatch):
    for game in ("pong", "breakout"):
        shutil.copytree(ROOT / "student_zoo" / "trained" / game, tmp_path / game)
    for missing in (tmp_path / "breakout").glob("nano.*"):
        missing.unlink()
    specification = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    generate = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(generate)
    monkeypatch.setattr(generate, "TRAINED", tmp_path)
    rows = {line.split("|")[1].strip(): line for line in generate.kept_by_size().splitlines()}
    assert " | – | " in rows["Breakout"]
    assert " | – | " not in rows["Pong"]


def test_teachers_of_the_results_are_those_of_the_cards():
    page = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    told = re.findall(r"\| ([\d,]+) \| ([\d,.]+) \[([\d,.]+), ([\d,.]+)\] \|", page)
    assert len(told) == 14
    teachers = [
        (card.trained_steps, score.mean, score.low, score.high)
        for folder in (None, ROOT / "benchmarks" / "teachers")
        for files in shipped_games(folder).values()
        for card in (Policy.load(Path(str(file))).card for file in files)
        for score in [card.score("best_teacher", 0.01)]
    ]
    for row in told:
        steps, *numbers = (float(cell.replace(",", "")) for cell in row)
        assert any(teacher[0] == steps and numbers == pytest.approx(teacher[1:], abs=0.06) for teacher in teachers), row


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 120


def test_the_citation_has_the_version():
    version = re.search(r'(?m)^version = "(.+)"$', (ROOT / "pyproject.toml").read_text())[1]
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text()


def test_code_names_pages_that_are_there():
    code = [
        path
        for folder in ("edgedistill", "benchmarks", "examples", "export", "tests")
        for path in ROOT.glob(f"{folder}/**/*")
    ]
    named = {
        (path.name, page)
        for path in code
        if path.suffix in (".py", ".sh", ".toml", ".md", ".c", ".h")
        for page in re.findall(r"\bdocs/[\w/-]+\.\w+", path.read_text(encoding="utf-8"))
    }
    assert named
    assert [each for each in sorted(named) if not (ROOT / each[1]).is_file()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if target.startswith(("https://", "http://")):
            continue
        name, _, anchor = target.partition("#")
        linked = (page.parent / name).resolve() if name else page
        if not linked.exists() or (anchor and anchor not in anchors(linked)):
            broken.append(target)
    assert broken == []


def anchors(page: Path) -> set[str]:
    """Of a page's headings, as code hosts make them."""
    headings = re.findall(r"(?m)^#+ (.+)$", page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page not in NOT_TO_RUN], ids=lambda page: str(page.relative_to(ROOT))
)
def test_commands_are_understood(page):
    for command in edgedistill_commands(page):
        understood(typer.main.get_command(app), [word for word in command if word not in ("...", "…")])


def understood(command, words: list[str]) -> None:
    """Fails where an option or a subcommand is none, or a value has another type; runs nothing."""
    names = getattr(command, "commands", None)
    if names and words and not words[0].startswith("-"):
        assert words[0] in names, f"no command '{words[0]}'"
        understood(names[words[0]], words[1:])
    else:
        with suppress(typer.Exit):  # --version
            command.make_context(command.name, list(words))


@pytest.mark.parametrize("page", ["README.md", "docs/tutorial.md"])
def test_commands_do_what_the_page_says(page, cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for command in edgedistill_commands(ROOT / page):
        if command[0] in SMALL or command[0] == "games":
            small = [] if "--target" in command else SMALL.get(command[0], "").split()
            outcome = cli(*command, *small)
            assert outcome.code == 0, f"{shlex.join(command)}\n{outcome.err}"


def test_the_python_of_the_readme_runs():
    code = re.search(r"(?s)```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"))[1]
    names = {}
    exec(compile(code.replace("episodes=2", "episodes=1"), "README.md", "exec"), names)
    assert names["frames"].shape == (1, 4, 84, 84)
    assert names["frames"].dtype == np.uint8
    assert names["actions"].shape == (1,)
