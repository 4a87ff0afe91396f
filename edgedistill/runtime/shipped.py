"""The trained students that ship in `student_zoo/trained/<game>/`."""

from collections.abc import Mapping, Sequence
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from edgedistill.atari.games import find_game, is_game
from edgedistill.errors import BadRequest, did_you_mean, typed
from edgedistill.runtime.card import COMPARED_EPSILON, Card
from edgedistill.runtime.hub.name import HubName, is_hub_name
from edgedistill.runtime.policy import Policy

# The product's promise: the default player is the best one at 1.7% of the teacher or less.
DEFAULT_RATIO = 0.017


def shipped_games(trained: Traversable | None = None) -> dict[str, list[Traversable]]:
    """The `.onnx` files that ship, by game; or those of another folder of the same layout."""
    trained = trained or resources.files("edgedistill.student_zoo").joinpath("trained")
    if not trained.is_dir():
        return {}
    games = sorted((game for game in trained.iterdir() if game.is_dir()), key=lambda game: game.name)
    return {
        game.name: sorted((file for file in game.iterdir() if file.name.endswith(".onnx")), key=lambda file: file.name)
        for game in games
    }


def shipped_student(game: str, student: str | None = None) -> Path:
    """The file of a shipped student; by default the one with the best score at 1.7% of the teacher or less.

    Raises:
        BadRequest: no student of that game, or none of that name, ships.
    """
    files = shipped_games().get(find_game(game), [])
    if not files:
        raise BadRequest(
            f"No trained {game} student ships yet (there is: {', '.join(shipped_games()) or 'none'}). "
            f"Train one: edgedistill train --game {game}"
        )
    by_name = {file.name.removesuffix(".onnx"): Path(str(file)) for file in files}
    if student is not None:
        if student not in by_name:
            raise BadRequest(f"No {game} student '{student}' ships. {did_you_mean(student, by_name)}")
        return by_name[student]
    return best_student(list(by_name.values()))


def best_student(files: Sequence[Path]) -> Path:
    """The student with the best score on its card among those at 1.7% of the teacher or less, or among all if none is.

    Args:
        files: exported students of one game, at least one.
    """
    return best_of({path: Policy.load(path).card for path in files})


def best_of(cards: Mapping[Path, Card]) -> Path:
    """The same of students whose cards were read."""
    small = [path for path, card in cards.items() if card.ratio <= DEFAULT_RATIO]

    def mean(path: Path) -> float:
        score = cards[path].score("student", COMPARED_EPSILON)
        return score.mean if score else float("-inf")

    return max(small or cards, key=mean)


def is_run(path: str) -> bool:
    """Whether a run's folder is there, by whatever name; one may be called like its game."""
    return (Path(path) / "config.json").is_file()


def find_student(file_or_game: str, student: str | None = None) -> Path:
    """A path as given, a shipped student by the name of its game, or `hub:USER/REPO[@REVISION][:FILE]`, downloaded.

    Args:
        student: which one, where several ship or are in the repository.

    Raises:
        BadRequest: it is none of these.
        EdgeDistillError: the hub cannot be reached, or sends something else than the file.
    """
    if is_hub_name(file_or_game):
        # Only now: a board that plays its own file does without what makes requests.
        from edgedistill.runtime.from_hub import pull_student

        return pull_student(HubName.parse(file_or_game), student).path
    if is_run(file_or_game):
        raise BadRequest(
            f"{file_or_game} is a run. Export one of its students first: "
            f"edgedistill export {typed(file_or_game)} -o my.onnx"
        )
    if file_or_game.endswith(".onnx") or Path(file_or_game).is_file():
        if student is not None:
            raise BadRequest(f"{file_or_game} is one student already: leave --student out.")
        return Path(file_or_game)
    if Path(file_or_game).is_dir() and not is_game(file_or_game):
        raise BadRequest(f"{file_or_game} is a folder without a run (no config.json in it). {_files_of(file_or_game)}")
    return shipped_student(file_or_game, student)


def _files_of(folder: str) -> str:
    """A sentence on the students that lie in a folder."""
    files = sorted(str(file) for file in Path(folder).glob("*.onnx"))
    return f"Name the student's file: {', '.join(files)}" if files else "Nor is there a student's .onnx in it."
