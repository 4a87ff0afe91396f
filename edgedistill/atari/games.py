"""The games: their names and the reference scores that normalise a return."""

import csv
import re
from functools import cache
from importlib import resources

from edgedistill.errors import BadRequest, did_you_mean
from edgedistill.schema import short


@cache
def reference_scores() -> dict[str, tuple[float, float]]:
    """Mean return of a random and of a human player, by game, from `scores.csv`.

    The 57 games of Wang et al. 2016 (arXiv 1511.06581, table 2) are also the games that this toolkit accepts:
    the emulator ships more ROMs, but some of those abort the process when loaded.
    """
    with resources.files("edgedistill.atari").joinpath("scores.csv").open() as file:
        return {row["game"]: (float(row["random"]), float(row["human"])) for row in csv.DictReader(file)}


def action_count(game: str) -> int:
    """Size of a game's minimal action set.

    Args:
        game: ROM name. Of those in `scores.csv` it is known; others are loaded and asked.
    """
    known = _action_counts()
    if game in known:
        return known[game]
    # Imported here because it loads ale-py, which the table does without.
    from edgedistill.atari.emulator import Emulator

    return len(Emulator(game).actions)


@cache
def _action_counts() -> dict[str, int]:
    """Of the games in `scores.csv`."""
    with resources.files("edgedistill.atari").joinpath("scores.csv").open() as file:
        return {row["game"]: int(row["actions"]) for row in csv.DictReader(file)}


# As Gym and Gymnasium name their environments: PongNoFrameskip-v4, PongDeterministic-v4, Pong-v5, ALE/Pong-v5.
GYM_NAME = re.compile(r"(?:ALE/)?(.+?)(?:NoFrameskip|Deterministic)?(?:-v\d+)?")


def find_game(name: str) -> str:
    """The ROM name of a game written as `pong`, `MsPacman`, `ms-pacman`, `ALE/Pong-v5` or `PongNoFrameskip-v4`.

    Of an environment's name only the game is taken: how it is preprocessed is the same for all.

    >>> find_game("ALE/MsPacman-v5"), find_game("BreakoutNoFrameskip-v4")
    ('ms_pacman', 'breakout')

    Raises:
        BadRequest: there is no such game; the nearest name is suggested.
    """

    def plain(text: str) -> str:
        return text.lower().replace("_", "").replace("-", "").replace(" ", "")

    written = GYM_NAME.fullmatch(name)
    wanted = plain(written[1] if written else name)
    by_plain = {plain(game): game for game in reference_scores()}
    if wanted in by_plain:
        return by_plain[wanted]
    hint = did_you_mean(wanted, by_plain, "All of them: edgedistill games")
    for plain_name, game in by_plain.items():
        hint = hint.replace(f"'{plain_name}'", f"'{game}'")
    raise BadRequest(f"No game {short(name)}. {hint}")


def is_game(name: str) -> bool:
    """Whether `find_game` knows a name."""
    try:
        find_game(name)
    except BadRequest:
        return False
    return True


def game_title(game: str) -> str:
    """A game's name as people write it.

    >>> game_title("ms_pacman"), game_title("space_invaders")
    ('Ms. Pac-Man', 'Space Invaders')
    """
    return {"ms_pacman": "Ms. Pac-Man", "qbert": "Q*bert"}.get(game, game.replace("_", " ").title())


def gym_name(game: str) -> str:
    """How Gym calls the game's environment without frame skip, under which the literature lists results.

    >>> gym_name("ms_pacman")
    'MsPacmanNoFrameskip-v4'
    """
    return "".join(part.capitalize() for part in game.split("_")) + "NoFrameskip-v4"


def retention(game: str, student_score: float, teacher_score: float) -> float | None:
    """How much of what the teacher has over a random player the student kept: (student − random) / (teacher − random).

    None where the teacher does not beat a random player.

    >>> retention("pong", 18.0, 19.0), retention("pong", -20.0, -21.0)
    (0.9748110831234257, None)
    """
    random, _ = reference_scores()[game]
    return (student_score - random) / (teacher_score - random) if teacher_score > random else None


def human_normalised(game: str, score: float) -> float:
    """0 for the random player's score, 1 for the human's (Mnih et al. 2015).

    >>> human_normalised("pong", 14.6)
    1.0
    """
    random, human = reference_scores()[game]
    return (score - random) / (human - random)
