"""`edgedistill zoo check`: whether each trained student still plays as its card says."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from edgedistill.cli.output import console, print_json, progress
from edgedistill.errors import BadRequest, EdgeDistillError, did_you_mean

if TYPE_CHECKING:
    from edgedistill.runtime.policy import Policy


def check(
    games: Annotated[list[str] | None, typer.Argument(metavar="[GAME]…", help="These games only.")] = None,
    student: Annotated[str | None, typer.Option(help="This student only.")] = None,
    episodes: Annotated[
        int,
        typer.Option(min=1, help="Games to replay of each student; at most as many as its card tells of."),
    ] = 5,  # as `check_student`
    folder: Annotated[
        Path | None, typer.Option("--in", help="A folder of GAME/STUDENT.onnx instead of the shipped files.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare every shipped student with its SHA-256 sum, replay its first games and compare with its card.

    A card that holds the returns of its first games is compared exactly: play is the same on every CPU. An older one
    has means alone, and the mean of the games replayed is held against its interval (1 false alarm in 1,000).
    """
    from edgedistill.runtime.checksums import changed_files

    files = _files(games or [], student, folder)
    changed = changed_files(folder)
    # Before there is a bar: it has a thread, and beside threads a file is not tried out in a child.
    policies = {file: changed.get(f"{game}/{file.name}") or _policy(game, file) for game, file in files}
    rows = [_refused(game, file, problem) for game, file, problem in _missing(files, changed, games, student)]
    with progress() as bar:
        task = bar.add_task("checking", total=len(files))
        for game, file in files:
            bar.update(task, description=f"checking {game}, {file.stem}")
            rows.append(_row(game, file, policies[file], episodes))
            bar.advance(task)
    if as_json:
        print_json(rows)
    else:
        _print(rows)
    wrong = [f"{row['game']}/{row['student']}" for row in rows if not row["agrees"]]
    if wrong:
        raise EdgeDistillError(
            f"{len(wrong)} of {len(rows)} files are changed or do not play as their cards say: {', '.join(wrong)}. "
            "A damaged file: install again, or export it again. All of them: this machine's onnxruntime or emulator "
            "computes something else; see `edgedistill doctor`."
        )


def _files(games: list[str], student: str | None, folder: Path | None) -> list[tuple[str, Path]]:
    """(game, file) of the students to check."""
    from edgedistill.atari.games import find_game
    from edgedistill.runtime.shipped import shipped_games

    if folder is not None and not folder.is_dir():
        raise BadRequest(f"No folder {folder}.")
    found = {game: files for game, files in shipped_games(folder).items() if files}
    if not found:
        raise BadRequest(f"No GAME/STUDENT.onnx in {folder}." if folder else "No trained student ships.")
    names = [find_game(game) for game in games] or list(found)
    for name in names:
        if name not in found:
            raise BadRequest(f"No trained {name} student in {folder or 'the catalogue'}. {did_you_mean(name, found)}")
    files = [(name, Path(str(file))) for name in names for file in found[name]]
    if student:
        stems = {file.stem for _, file in files}
        if student not in stems:
            raise BadRequest(f"No trained student '{student}' there. {did_you_mean(student, stems)}")
        files = [(name, file) for name, file in files if file.stem == student]
    return files


def _refused(game: str, file: Path, problem: str) -> dict[str, Any]:
    row = {"game": game, "student": file.stem, "file": str(file), "problem": problem}
    return {**row, "compared": None, "expected": None, "returns": [], "agrees": False}


def _missing(
    files: list[tuple[str, Path]], changed: dict[str, str], games: list[str] | None, student: str | None
) -> list[tuple[str, Path, str]]:
    """Files that the list of sums has of the games asked for, or of all, and the folder has not."""
    asked, trained = {game for game, _ in files}, files[0][1].parents[1]
    there = {f"{game}/{file.name}" for game, file in files}
    entries = [(*name.split("/"), problem) for name, problem in changed.items() if name not in there]
    return [
        (game, trained / game / file, problem)
        for game, file, problem in entries
        if (not games or game in asked) and student in (None, Path(file).stem)
    ]


def _policy(game: str, file: Path) -> "Policy | str":
    """A file's policy, or why it is refused."""
    from edgedistill.runtime.policy import Policy

    try:
        policy = Policy.load(file)
        policy.require_game(game)
    except BadRequest as error:
        return str(error)
    return policy


def _row(game: str, file: Path, policy: "Policy | str", episodes: int) -> dict[str, Any]:
    from edgedistill.runtime.check import check_student

    if isinstance(policy, str):
        return _refused(game, file, policy)
    try:
        checked = check_student(policy, episodes)
    except BadRequest as error:
        return _refused(game, file, str(error))
    return {
        "game": game,
        "student": file.stem,
        "file": str(file),
        "compared": "returns" if checked.exact else "mean",
        "expected": checked.expected,
        "returns": list(checked.returns),
        "agrees": checked.agrees,
        "problem": None,
    }


def _print(rows: list[dict[str, Any]]) -> None:
    table = Table()
    for column in ("game", "student", "card", "played", "compared", ""):
        table.add_column(column)
    for row in rows:
        played = " ".join(f"{each:g}" for each in row["returns"])
        if row["compared"] == "mean":
            played = f"mean {sum(row['returns']) / len(row['returns']):.2f} of {len(row['returns'])}"
        table.add_row(
            row["game"],
            row["student"],
            row["expected"] or "",
            row["problem"] or played,
            row["compared"] or "",
            Text("as its card", "green") if row["agrees"] else Text("DIFFERS", "bold red"),
        )
    console.print(table)
