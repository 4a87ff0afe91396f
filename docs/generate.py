"""Write what the documentation takes from the code and from the shipped students: `make docs`.

Two whole pages, `reference/cli.md` and `reference/settings.md`, and blocks of other pages, each from a line
`<!-- begin NAME (make docs) -->` to a line `<!-- end NAME -->`. With `--check` nothing is written: what is out of date
is named, and the exit code is 1.
"""

import ast
import inspect
import itertools
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from edgedistill.atari.games import action_count, game_title, reference_scores
from edgedistill.catalogue import find_architecture
from edgedistill.cli.train_options import default_text
from edgedistill.cli.zoo_results import markdown_table
from edgedistill.report.kept import Kept, over_games, read_kept
from edgedistill.runs.config import MOST_STEPS, TrainConfig
from edgedistill.runs.setting import Group, settings_of
from edgedistill.runtime.checksums import LIST, checksums
from edgedistill.runtime.shipped import best_student
from edgedistill.zoo_build.plan import DECIDED

ROOT = Path(__file__).parent.parent
TRAINED = ROOT / "student_zoo" / "trained"
# The paper's net1, too large to ship; its figures stand in the results.
TEACHERS = ROOT / "benchmarks" / "teachers"
WRITTEN_BY = "<!-- Written by docs/generate.py: make docs -->\n\n"
# The README's picture, in this order; the sizes of its table, largest first.
SHOWN_GAMES = ("pong", "breakout", "space_invaders", "ms_pacman")
# The goals: a student so small keeps so much, in so many games; and one size keeps so much in the mean over games.
SMALL, ALMOST_ALL, ENOUGH_GAMES = 0.017, 0.95, 5
GOAL_SIZE, GOAL_MEAN = "micro", 0.97
SHOWN_SIZES = ("net5", "micro", "nano", "pico")
# Sun & Fazli 2019: the smallest net that they trained in all seven games, forward KL, share of its teacher's score.
PAPER_NET3 = {
    "beam_rider": 0.159, "breakout": 0.911, "enduro": 1.203, "ms_pacman": 0.582, "pong": 0.991, "qbert": 1.019,
    "space_invaders": 0.954,
}  # fmt: skip


def command_line() -> str:
    """Every command with its options, as typer writes them down."""
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "cli.md"
        command = ["-m", "typer", "edgedistill.cli", "utils", "docs", "--name", "edgedistill", "--output", page]
        subprocess.run([sys.executable, *command], check=True, capture_output=True, cwd=folder)
        text = page.read_text(encoding="utf-8")
    text = text.replace("# `edgedistill`\n", "# Command line\n", 1)
    return WRITTEN_BY + re.sub(r"(?m)^(#+) `(.*)`$", r"\1 \2", text).rstrip() + "\n"


def settings() -> str:
    """Every setting of a run: option, default, what it accepts, what it is for and where its default comes from."""
    reasons = _docstrings_of_fields(TrainConfig)
    refused = ", ".join(name for name in settings_of(TrainConfig) if name in DECIDED)
    lines = [
        "# Settings of a run",
        "",
        "Each is an option of `edgedistill train` and a field of `edgedistill.TrainConfig` (underscores for dashes).",
        f"`edgedistill zoo build --set NAME=VALUE` takes all but {refused}.",
        "A run keeps its own in `config.json`.",
    ]
    for group in Group:
        lines += [
            "",
            f"## {group}",
            "",
            "| option | default | accepts | what it is | note |",
            "| --- | --- | --- | --- | --- |",
        ]
        for name, (setting, kind, default) in settings_of(TrainConfig).items():
            if setting.group == group:
                value = default_text(name, default).removeprefix(" Default: ").removesuffix(".") or "none"
                accepted = (setting.accepted() or ("a switch" if kind is bool else "text")).replace(
                    f" to {MOST_STEPS:,}", " up"
                )
                cells = (f"`{setting.flag(name)}`", value, accepted, setting.help, _linked(reasons.get(name, "")))
                lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return WRITTEN_BY + "\n".join(lines) + "\n"


def picture() -> str:
    """A game beside the size of the student that plays it and its score."""
    random_and_human = reference_scores()
    players = [_kept(best_student(sorted((TRAINED / game).glob("*.onnx")))) for game in SHOWN_GAMES]
    rows = [
        [game_title(game) for game in SHOWN_GAMES],
        [":---:"] * len(SHOWN_GAMES),
        [f"![{game_title(game)}](student_zoo/trained/{game}/play.gif)" for game in SHOWN_GAMES],
        [f"**{player.bytes / 1000:.0f} KB**" for player in players],
        [f"scores {_number(player.score.mean)}" for player in players],
        [f"its teacher {_number(player.teacher.mean)}" for player in players],
        [f"a human {_number(random_and_human[game][1])}" for game in SHOWN_GAMES],
    ]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def kept_by_size() -> str:
    """Game × size: students' scores, and what they keep of their teachers, beside other players."""
    found = {(kept.game, kept.student): kept for kept in read_kept(sorted(TRAINED.glob("*/*.onnx")))}
    ratios = [find_architecture(size).ratio(action_count(SHOWN_GAMES[0])) for size in SHOWN_SIZES]
    files = [found.get((SHOWN_GAMES[0], size)) for size in SHOWN_SIZES]
    kilobytes = [f"{kept.bytes / 1000:.0f} KB" if kept else "–" for kept in files]
    sizes = [f"{size}, {ratio:.2%}" for size, ratio in zip(SHOWN_SIZES, ratios, strict=True)]
    rows = [[f"file ({game_title(SHOWN_GAMES[0])})", "", "", "", *kilobytes, ""]]
    for game in sorted({game for game, _ in found}):
        marks = {size: _mark(game, size) for size in SHOWN_SIZES if (game, size) in found}
        teachers = dict.fromkeys(_number(found[game, size].teacher.mean) for size, mark in marks.items() if not mark)
        others = [*map(_number, reference_scores()[game]), " / ".join(teachers)]
        cells = [_score_and_share(found.get((game, size))) + marks.get(size, "") for size in SHOWN_SIZES]
        paper = f"{PAPER_NET3[game]:.0%}" if game in PAPER_NET3 else "–"
        rows.append([game_title(game), *others, *cells, paper])
    return markdown_table(["", "random", "human", "teacher", *sizes, "paper, 3.6%"], rows) + "\n"


def _score_and_share(kept: Kept | None) -> str:
    if kept is None or kept.retention is None:
        return "–"
    return f"{_number(kept.score.mean)} ({kept.retention:.0%})"


def _mark(game: str, student: str) -> str:
    """A dagger where another student was the teacher, which the Markdown of a card says."""
    card = (TRAINED / game / f"{student}.md").read_text(encoding="utf-8")
    return " †" if f"beside a finished teacher: `{game}:" in card else ""


def results() -> str:
    """What `edgedistill zoo results` says."""
    command = [sys.executable, "-m", "edgedistill", "zoo", "results", "--in", TRAINED, "--in", TEACHERS, "--markdown"]
    return subprocess.run(command, check=True, capture_output=True, encoding="utf-8").stdout


def goals() -> str:
    """How the files that ship compare with what was hoped for."""
    found = read_kept(sorted(TRAINED.glob("*/*.onnx")))
    games = dict.fromkeys(kept.game for kept in found)
    good = [kept for kept in found if kept.ratio <= SMALL and (kept.retention or 0) >= ALMOST_ALL]
    reached = dict.fromkeys(game_title(kept.game) for kept in good)
    certain = dict.fromkeys(game_title(kept.game) for kept in good if kept.interval and kept.interval[0] >= ALMOST_ALL)
    mean = over_games(found)[GOAL_SIZE].value
    return (
        f"- Goal 1: in {ENOUGH_GAMES} of {len(games)} games, some student of at most {SMALL:.1%} keeps {ALMOST_ALL:.0%}"
        f" or more. {_verdict(len(reached) >= ENOUGH_GAMES)}, in {len(reached)}: {', '.join(reached)}. "
        f"In {' and '.join(certain)} all of the 95% interval is above that.\n"
        f"- Goal 2: the interquartile mean of `{GOAL_SIZE}` is {GOAL_MEAN:.0%}. "
        f"{_verdict(mean >= GOAL_MEAN)}: {mean:.1%}.\n"
    )


def _verdict(reached: bool) -> str:
    return "Reached" if reached else "Not reached"


def sums() -> str:
    """The SHA-256 of each file that ships."""
    return checksums(TRAINED)


PAGES = {
    f"student_zoo/trained/{LIST}": sums,
    "docs/reference/cli.md": command_line,
    "docs/reference/settings.md": settings,
}
BLOCKS = {
    ("README.md", "picture"): picture,
    ("README.md", "sizes"): kept_by_size,
    ("docs/results.md", "results"): results,
    ("docs/results.md", "goals"): goals,
}


def main() -> int:
    """Write the pages, or compare them; the exit code."""
    check = "--check" in sys.argv[1:]
    texts = {page: write() for page, write in PAGES.items()}
    for (page, name), write in BLOCKS.items():
        text = texts.get(page) or (ROOT / page).read_text(encoding="utf-8")
        begin, end = f"<!-- begin {name} (make docs) -->\n", f"<!-- end {name} -->\n"
        before, rest = text.split(begin)
        texts[page] = f"{before}{begin}{write()}{end}{rest.split(end)[1]}"
    stale = [page for page, text in texts.items() if not _says(ROOT / page, text)]
    for page in stale:
        print(f"{page} is out of date: make docs" if check else f"wrote {page}")
        if not check:
            (ROOT / page).write_text(texts[page], encoding="utf-8")
    return 1 if check and stale else 0


def _says(page: Path, text: str) -> bool:
    return page.is_file() and page.read_text(encoding="utf-8") == text


def _docstrings_of_fields(config: type) -> dict[str, str]:
    """The string that follows each field of a class, on one line."""
    body = ast.parse(inspect.getsource(config)).body[0].body  # type: ignore[attr-defined]
    found = {}
    for entry, after in itertools.pairwise(body):
        if isinstance(entry, ast.AnnAssign) and isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            found[entry.target.id] = " ".join(str(after.value.value).split())  # type: ignore[union-attr]
    return found


def _linked(text: str) -> str:
    """A docstring's paths as links of a page in `docs/reference`."""
    return re.sub(r"docs/([\w/-]+)\.md", r"[\1](../\1.md)", text)


def _kept(file: Path) -> Kept:
    return read_kept([file])[0]


def _number(score: float) -> str:
    return f"{score:,.0f}" if abs(score) >= 100 else f"{score:.1f}"


if __name__ == "__main__":
    sys.exit(main())
