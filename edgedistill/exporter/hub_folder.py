"""What a repository on the hub holds: students, their cards, pictures, and a page that hub and people read."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from edgedistill.atari.games import gym_name, human_normalised, retention
from edgedistill.errors import BadRequest
from edgedistill.exporter.templates import template
from edgedistill.runtime.card import COMPARED_EPSILON, Card, Score
from edgedistill.runtime.hub.name import HubName, leaves_its_folder
from edgedistill.runtime.policy import Policy

PAGE = "README.md"
# Of a picture or a card beside a student; a GIF of ours is 60 to 140 KB.
MOST_BYTES = 50_000_000
# How a recording begins: where, with what, and what such a file is.
SIGNATURES = {".gif": (0, b"GIF8", "GIF"), ".mp4": (4, b"ftyp", "MP4")}
KEPT = (
    "Kept is (student − random) / (teacher − random). In `model-index`, what follows +/- is the standard deviation of "
    "a single game."
)
# As in README.md: there is no package of this name on PyPI.
INSTALL = "pip install ."
# The first word of what a card says of it.
PRECISION = re.compile(r"^[a-z0-9]+")
TAGS = ("deep-reinforcement-learning", "reinforcement-learning", "policy-distillation", "atari", "onnx")


def hub_folder(files: Sequence[Path], name: HubName) -> dict[str, bytes]:
    """Content of the repository's files, by their paths in it.

    Beside each student goes its card, `STUDENT.md`, and of each game a recording, `STUDENT.gif` or `play.gif`, as far
    as they lie beside the file. A recording as `.mp4` becomes `replay.mp4`, which the hub shows.

    Args:
        files: exported students.
        name: the repository, for the page.

    Raises:
        BadRequest: a file that is no student or has a name that the hub does not take, or two of one name; a symbolic
            link beside one, or a recording that is none.
    """
    folder: dict[str, bytes] = {}
    cards: dict[str, Card] = {}
    for file in files:
        if file.name in folder:
            raise BadRequest(f"Two files are called {file.name}, and a repository has one of a name. Rename one.")
        if leaves_its_folder(file.name) or not file.name.endswith(".onnx"):
            raise BadRequest(f"{file}: a student on the hub is called SOMETHING.onnx.")
        card = cards[file.name] = Policy.load(file).card
        folder[file.name] = file.read_bytes()
        beside = {
            f"{file.stem}.md": file.with_suffix(".md"),
            f"{card.game}.gif": _recording(file, ".gif"),
            "replay.mp4": _recording(file, ".mp4"),
        }
        folder |= {path: _read(found) for path, found in beside.items() if path not in folder and found.is_file()}
    return folder | {PAGE: page(cards, folder, name).encode()}


def page(cards: Mapping[str, Card], folder: Mapping[str, bytes], name: HubName) -> str:
    """The page of a repository: what the hub lists it under, and how to play it.

    Args:
        cards: by file.
        folder: what else is in the repository.
    """
    games = list(dict.fromkeys(card.game for card in cards.values()))
    pictures = [f"![{game}]({game}.gif)" for game in games if f"{game}.gif" in folder]
    text = template("hub.md").format(
        name=name.repo,
        install=INSTALL,
        which="" if len(cards) == 1 else f":{next(iter(cards))}",
        rows="\n".join(_row(file, card, len(folder[file])) for file, card in cards.items()),
        pictures="\n" + "\n".join(pictures) + "\n" if pictures else "",
        protocol=_protocol(list(cards.values())),
    )
    return f"---\n{_front_matter(cards, name)}---\n\n{text}"


def _front_matter(cards: Mapping[str, Card], name: HubName) -> str:
    """What the hub reads, in YAML: library, tags, and scores as it lists those of reinforcement learning."""
    games = dict.fromkeys(card.game for card in cards.values())
    precisions = dict.fromkeys(word for card in cards.values() for word in PRECISION.findall(card.quantisation))
    tags = [*(gym_name(game) for game in games), *games, *TAGS, *precisions]
    lines = ["library_name: edgedistill", "pipeline_tag: reinforcement-learning", "tags:"]
    lines += [f"- {tag}" for tag in tags]
    results = [line for card in cards.values() if (score := _score(card)) for line in _result(card, score)]
    if results:
        lines += ["model-index:", f"- name: {json.dumps(name.stem)}", "  results:", *results]
    return "".join(f"{line}\n" for line in lines)


def _result(card: Card, score: Score) -> list[str]:
    environment = gym_name(card.game)
    deviation = f" +/- {score.deviation:.2f}" if score.interval else ""
    return [
        "  - task:",
        "      type: reinforcement-learning",
        "      name: reinforcement-learning",
        "    dataset:",
        f"      name: {environment}",
        f"      type: {environment}",
        "    metrics:",
        "    - type: mean_reward",
        f'      value: "{score.mean:.2f}{deviation}"',
        f"      name: mean_reward of {card.student}",
        "      verified: false",
    ]


def _score(card: Card) -> Score | None:
    """The student's score at ε 0.01, or the first that its card has."""
    return card.score("student", COMPARED_EPSILON) or next(iter(card.scores.get("student", ())), None)


def _row(file: str, card: Card, size: int) -> str:
    cells = [f"`{file}`", card.game, f"{size / 1000:.1f} KB", f"{card.ratio:.2%}"]
    if (score := _score(card)) is None:
        return f"| {' | '.join([*cells, '–', '–', '–'])} |"
    teacher = card.score("best_teacher", score.epsilon)
    kept = retention(card.game, score.mean, teacher.mean) if teacher else None
    of_teacher = f" ({kept:.0%} kept)" if kept is not None else ""
    cells += [
        f"{score.mean:.2f}" + (f" [{score.low:.2f}, {score.high:.2f}]" if score.interval else ""),
        f"{teacher.mean:.2f}{of_teacher}" if teacher else "–",
    ]
    return f"| {' | '.join([*cells, f'{human_normalised(card.game, score.mean):.2f}'])} |"


def _protocol(cards: Sequence[Card]) -> str:
    """Under which the scores of the table were made; one sentence for each protocol that occurs."""
    scores = [score for card in cards if (score := _score(card))]
    sentences = [
        (f"Mean return of {score.episodes} games with its 95% interval" if score.interval else "Return of one game")
        + f": ε {score.epsilon:g}, sticky actions {score.sticky:g}, up to 30 no-ops, 4 frames a step, "
        + "unclipped rewards."
        for score in scores
    ]
    if not sentences:
        return "The cards of these files tell no scores."
    return " ".join([*dict.fromkeys(sentences), KEPT])


def _recording(file: Path, suffix: str) -> Path:
    own = file.with_suffix(suffix)
    return own if own.is_file() else file.with_name(f"play{suffix}")


def _read(file: Path) -> bytes:
    """A card or a recording, which nobody named: in a folder that came from elsewhere, a link may lead to a secret."""
    if file.is_symlink():
        raise BadRequest(
            f"{file} is a symbolic link, and what it leads to would be published. Put a copy there, or remove the link."
        )
    with file.open("rb") as opened:
        data = opened.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise BadRequest(f"{file}: larger than {MOST_BYTES / 1e6:.0f} MB. Move it away, or make it smaller.")
    if file.suffix in SIGNATURES:
        start, signature, kind = SIGNATURES[file.suffix]
        if not data.startswith(signature, start):
            raise BadRequest(f"{file} is no {kind}, and would be published as one. Move it away, or record it anew.")
    return data
