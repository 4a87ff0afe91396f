"""Teacher and students of a run at play: short pictures of each, how far they agree, and where they differ most."""

import io
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edgedistill.atari.emulator import Emulator
from edgedistill.atari.protocol import Episode, Protocol
from edgedistill.networks.network import GreedyPolicy
from edgedistill.runs.folder import RunFolder
from edgedistill.runtime.moment import GameRecord, Moment, screens, strongest_moment
from edgedistill.teachers.trained import load_trained

Values = NDArray[np.float32]
Tell = Callable[[str], None]

# Two minutes of play: enough for a moment and for an agreement within a percent or two.
MOST_DECISIONS = 1_800
# Frames that the teacher judges at a time.
BATCH = 250
MILLISECONDS_PER_DECISION = 67
SHOWN_DIFFERENCES = 3
# Differences nearer to each other than a second show the same scene.
DECISIONS_APART = 15


@dataclass(frozen=True)
class Bars:
    """One player's action values at a frame."""

    player: str
    values: list[tuple[str, float, float, bool]]
    """Action, its value, that value between the smallest (0) and the largest (1), and whether it is taken"""


@dataclass(frozen=True)
class Difference:
    """A frame at which student and teacher act differently."""

    picture: str
    """Data URI of the screen"""
    regret: float
    """What the teacher loses by the student's action, by its own values"""
    bars: tuple[Bars, Bars]
    """The teacher's and the student's"""


@dataclass(frozen=True)
class Watched:
    """One player's game."""

    player: str
    picture: str
    """Data URI of its strongest ten seconds"""
    points: float
    """In these"""
    score: float
    """At the end of the game, or where it was cut"""
    over: bool
    decisions: int
    agreement: float | None
    """Share of its decisions that the teacher would have taken, too; None for the teacher"""
    differences: tuple[Difference, ...]


@dataclass(frozen=True)
class _Game:
    record: GameRecord
    values: Values
    """Of the player, (decisions, actions)"""
    teacher_values: Values | None
    """Of the teacher on the same frames; None where it is the player"""
    over: bool


def watch(run: RunFolder, most_bytes: int, warn: Tell, report: Tell) -> list[Watched]:
    """Have the best teacher and every student play the same game.

    Args:
        most_bytes: of each animated picture.
        warn: hears of unreadable checkpoints.
        report: told who plays as each begins.

    Raises:
        EdgeDistillError: the run has no checkpoint or no best teacher that can be read.
    """
    config = run.config()
    protocol = Protocol(episodes=1, sticky=config.sticky)
    trained = load_trained(run, ["best_teacher", *(student.name for student in config.students)], warn)
    teacher = GreedyPolicy(trained[0].network)
    watched = []
    for each in trained:
        report(f"{run.path}: {each.name.replace('_', ' ')} plays")
        game = _play(GreedyPolicy(each.network), None if each is trained[0] else teacher, config.game, protocol)
        watched.append(_watched(each.name.replace("_", " "), game, config.game, protocol, most_bytes))
    return watched


def _watched(player: str, game: _Game, rom: str, protocol: Protocol, most_bytes: int) -> Watched:
    moment = strongest_moment([game.record])
    agreement: float | None = None
    differences: tuple[Difference, ...] = ()
    if game.teacher_values is not None:
        agreement = float((_taken(game.values) == _taken(game.teacher_values)).mean())
        differences = _differences(player, game, game.teacher_values, rom, protocol)
    return Watched(
        player=player,
        picture=_animation([screen for screen, _ in screens(rom, protocol, moment)], most_bytes),
        points=moment.points,
        score=game.record.scores[-1],
        over=game.over,
        decisions=len(game.record.actions),
        agreement=agreement,
        differences=differences,
    )


def _play(policy: GreedyPolicy, teacher: GreedyPolicy | None, game: str, protocol: Protocol) -> _Game:
    emulator = protocol.emulator(game)
    episode = Episode(emulator, protocol, 0)
    record = GameRecord(0)
    frames, values, judged = [], [], []
    while not episode.over and len(record.actions) < MOST_DECISIONS:
        frames.append(emulator.frames)
        values.append(policy.values(frames[-1][None])[0])
        action = episode.step(int(values[-1].argmax()))
        record.add(action, episode.total_reward)
        if len(frames) == BATCH or episode.over or len(record.actions) == MOST_DECISIONS:
            if teacher:
                judged.append(teacher.values(np.stack(frames)))
            frames.clear()
    return _Game(record, np.stack(values), np.concatenate(judged) if judged else None, episode.over)


def _taken(values: Values) -> NDArray[np.int64]:
    taken: NDArray[np.int64] = values.argmax(axis=1)
    return taken


def _differences(
    student: str, game: _Game, teacher_values: Values, rom: str, protocol: Protocol
) -> tuple[Difference, ...]:
    """The frames at which the student's action costs the most by the teacher's values, apart from each other."""
    rows = np.arange(len(game.values))
    regrets = teacher_values.max(axis=1) - teacher_values[rows, _taken(game.values)]
    regrets[0] = 0  # before the first decision nothing moves
    chosen: list[int] = []
    for at in np.argsort(-regrets, kind="stable"):
        if len(chosen) == SHOWN_DIFFERENCES or regrets[at] <= 0:
            break
        if all(abs(at - other) >= DECISIONS_APART for other in chosen):
            chosen.append(int(at))
    if not chosen:
        return ()
    # A screen is what its decision led to; the next one is taken on it.
    shown = Moment(game.record, min(chosen) - 1, max(chosen))
    pictures = {
        shown.first + 1 + number: screen
        for number, (screen, _) in enumerate(screens(rom, protocol, shown))
        if shown.first + 1 + number in chosen
    }
    actions = [action.name for action in Emulator(rom).actions]
    return tuple(
        Difference(
            _picture(pictures[at]),
            float(regrets[at]),
            (_bars("teacher", actions, teacher_values[at]), _bars(student, actions, game.values[at])),
        )
        for at in chosen
    )


def _bars(player: str, actions: Sequence[str], values: Values) -> Bars:
    """values (A,)."""
    low = float(values.min())
    spread = float(values.max()) - low or 1.0
    taken = int(values.argmax())
    return Bars(
        player,
        [
            (action, float(value), (float(value) - low) / spread, number == taken)
            for number, (action, value) in enumerate(zip(actions, values, strict=True))
        ],
    )


def _animation(screens_: Sequence[NDArray[np.uint8]], most_bytes: int) -> str:
    """Screens as an animated picture; where it is too large, of every second or third."""
    images = [Image.fromarray(screen) for screen in screens_]
    for every in (1, 2, 3, 5):
        content = io.BytesIO()
        first, *rest = images[::every]
        first.save(
            content, "WEBP", save_all=True, append_images=rest, duration=every * MILLISECONDS_PER_DECISION, loop=0,
            lossless=True, quality=60, method=4, minimize_size=True,
        )  # fmt: skip
        if len(content.getvalue()) <= most_bytes:
            break
    return _data_uri("webp", content.getvalue())


def _picture(screen: NDArray[np.uint8]) -> str:
    content = io.BytesIO()
    Image.fromarray(screen).save(content, "WEBP", lossless=True)
    return _data_uri("webp", content.getvalue())


def _data_uri(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{b64encode(content).decode()}"
