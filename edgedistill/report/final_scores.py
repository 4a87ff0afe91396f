"""What a run's players score at its end, by the best that is known: a card, `evaluate`'s games, validation games."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgedistill.atari.games import action_count, human_normalised, retention
from edgedistill.atari.protocol import Protocol, Scores
from edgedistill.catalogue import Architecture
from edgedistill.errors import BadRequest, EdgeDistillError
from edgedistill.report.curves import Curve, EvaluatedRun
from edgedistill.report.kept import Kept, kept_of_card
from edgedistill.runs.config import TrainConfig
from edgedistill.runs.ensemble import architecture_of
from edgedistill.runs.folder import RunFolder
from edgedistill.runtime.card import COMPARED_EPSILON, Card, Score
from edgedistill.runtime.policy import Policy

Warn = Callable[[str], None]

# Of exported files that lie beside a run; more are hardly its own.
MOST_FILES = 100
CARD, EVALUATED, VALIDATION = "card", "evaluate", "validation"


@dataclass(frozen=True)
class Played:
    """A score and the games that it comes from."""

    mean: float
    interval: tuple[float, float] | None
    """95%, of the mean; None where only the mean is known"""
    games: int
    epsilon: float
    source: str
    """`CARD`, `EVALUATED` or `VALIDATION`"""


@dataclass(frozen=True)
class Size:
    """What a network costs."""

    parameters: int
    ratio: float
    """Of the plain Nature DQN's parameters"""
    macs: int
    """Multiply-accumulates of one decision"""


@dataclass(frozen=True)
class FinalScore:
    """A player of a run at its end; None where something is not known."""

    player: str
    size: Size
    played: Played
    human_normalised: float
    retention: float | None = None
    """Of the best teacher in the same games"""
    retention_interval: tuple[float, float] | None = None
    bytes: int | None = None
    """Of the exported file"""
    agreement: float | None = None
    """Share of frames on which the exported file acts as what was trained"""


@dataclass(frozen=True)
class ExportedFile:
    """An exported student of a run."""

    file: Path
    bytes: int
    card: Card


def exported_students(run: EvaluatedRun) -> dict[str, ExportedFile]:
    """The exported students of a run by name, of several files the one that counts; other files are passed over.

    They are looked for in the run's folder, beside it, and where `edgedistill zoo build` puts them.
    """
    path, last_step = run.path.resolve(), _step_now(run)
    minutes = RunFolder.open(path).metrics().trained_minutes(last_step)
    folders = (path, path.parent, path.parent.parent / "trained" / run.config.game)
    files = [file for folder in folders for file in sorted(folder.glob("*.onnx"))]
    students = {student.name: student for student in run.config.students}
    found: dict[str, ExportedFile] = {}
    for file in files[:MOST_FILES]:
        try:
            card = Policy.load(file).card
        except BadRequest:
            continue
        student = students.get(card.student)
        if (
            student is not None
            and (card.game, card.seed, card.trained_steps) == (run.config.game, run.config.seed, last_step)
            # Of runs that differ in other settings alone, the time that each took tells them apart.
            and card.trained_minutes in (None, minutes)
            and card.params == student.parameters(len(card.actions))
        ):
            exported = ExportedFile(file, file.stat().st_size, card)
            found[card.student] = max(found.get(card.student, exported), exported, key=_preference)
    return found


def _preference(exported: ExportedFile) -> tuple[bool, int, float]:
    """Of several files of a student the one that boards play counts, then more games, then the newest."""
    score = exported.card.score("student", COMPARED_EPSILON)
    is_int8 = not exported.card.quantisation.startswith("float32")
    return is_int8, score.episodes if score else 0, exported.file.stat().st_mtime


def final_scores(run: EvaluatedRun, exported: dict[str, ExportedFile], warn: Warn) -> list[FinalScore]:
    """The best teacher and every student, in the settings' order."""
    config = run.config
    actions = action_count(config.game)
    evaluated = _evaluated(run, warn)
    students = [_student(curve, config, actions, exported.get(curve.student), evaluated) for curve in run.curves]
    return [_teacher(run, actions, exported, evaluated), *students]


def _student(
    curve: Curve, config: TrainConfig, actions: int, exported: ExportedFile | None, evaluated: dict[str, Score]
) -> FinalScore:
    architecture = next(student for student in config.students if student.name == curve.student)
    kept, source = kept_of_card(exported.card, exported.bytes) if exported else None, CARD
    if kept is None and curve.student in evaluated and "best_teacher" in evaluated:
        score, teacher = evaluated[curve.student], evaluated["best_teacher"]
        share = retention(config.game, score.mean, teacher.mean)
        kept = Kept(config.game, curve.student, 0.0, 0, score, teacher, share, curve.final.step)
        source = EVALUATED
    if kept is None:
        point = curve.final
        played = Played(point.score, None, config.evaluate_episodes, Protocol.epsilon, VALIDATION)
        share, interval = point.retention, None
    else:
        played, share, interval = _played(kept.score, source), kept.retention, kept.interval
    return FinalScore(
        curve.student, _size([architecture], actions), played, human_normalised(config.game, played.mean),
        share, interval, exported.bytes if exported else None, exported.card.agreement if exported else None,
    )  # fmt: skip


def _teacher(
    run: EvaluatedRun, actions: int, exported: dict[str, ExportedFile], evaluated: dict[str, Score]
) -> FinalScore:
    config = run.config
    on_cards = [kept_of_card(each.card, each.bytes) for each in exported.values()]
    on_card = next((kept.teacher for kept in on_cards if kept), None)
    if on_card is not None:
        played = _played(on_card, CARD)
    elif "best_teacher" in evaluated:
        played = _played(evaluated["best_teacher"], EVALUATED)
    else:
        best = max(point.teacher_score for point in run.curves[0].points)
        played = Played(best, None, config.evaluate_episodes, Protocol.epsilon, VALIDATION)
    networks = [member.network for member in config.ensemble] or [config.teacher_network]
    size = _size([architecture_of(network) for network in networks], actions)
    return FinalScore("best teacher", size, played, human_normalised(config.game, played.mean))


def _size(networks: Sequence[Architecture], actions: int) -> Size:
    """Of networks that play together."""
    return Size(
        sum(network.parameters(actions) for network in networks),
        sum(network.ratio(actions) for network in networks),
        sum(network.macs(actions) for network in networks),
    )


def _played(score: Score, source: str) -> Played:
    return Played(score.mean, score.interval, score.episodes, score.epsilon, source)


def _evaluated(run: EvaluatedRun, warn: Warn) -> dict[str, Score]:
    """What `edgedistill evaluate` found at ε 0.01 for the best teacher and for the students as they are now."""
    found: dict[str, Score] = {}
    steps = dict.fromkeys((curve.student for curve in run.curves), _step_now(run))
    try:
        if (best := RunFolder.open(run.path).load_best_teacher()) is not None:
            steps["best_teacher"] = best[1]["step"]
    except EdgeDistillError as error:
        warn(f"{error} Its games of `edgedistill evaluate` are left out.")
    for record in _records(run, warn):
        name, protocol, returns = record["network"], record["protocol"], record["returns"]
        is_now = record["step"] == steps.get(name)
        compared = Protocol(episodes=len(returns), epsilon=COMPARED_EPSILON, sticky=run.config.sticky)
        if is_now and protocol == asdict(compared):
            scores = Scores(tuple(returns))
            interval = scores.interval or (scores.mean, scores.mean)
            found[name] = Score(scores.mean, *interval, len(returns), COMPARED_EPSILON)
    # Retention compares like with like.
    games = found["best_teacher"].episodes if "best_teacher" in found else 0
    return {name: score for name, score in found.items() if score.episodes == games}


def _step_now(run: EvaluatedRun) -> int:
    """Of what is evaluated and exported: the newest checkpoint, which a run that was stopped has after its last
    validation games."""
    step = RunFolder.open(run.path).checkpoint_step()
    return run.curves[0].final.step if step is None else step


def _records(run: EvaluatedRun, warn: Warn) -> Iterator[dict[str, Any]]:
    for record in RunFolder.open(run.path).evaluations(warn):
        if all(record.get(key) for key in ("network", "protocol", "returns")):
            yield record
