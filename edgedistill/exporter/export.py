"""One student of a run, quantised, verified, scored and written with its card."""

import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from edgedistill.atari.emulator import Frames
from edgedistill.atari.protocol import Act, Episode, Protocol, evaluate
from edgedistill.catalogue import Architecture
from edgedistill.errors import BadRequest, EdgeDistillError, did_you_mean
from edgedistill.exporter.card_text import card_text
from edgedistill.exporter.exported import CARD_EPSILONS, Exported
from edgedistill.exporter.graph import float32_model, int8_model
from edgedistill.files import check_writable, write_atomically
from edgedistill.networks.network import AtariNetwork, GreedyPolicy
from edgedistill.runs.folder import RunFolder
from edgedistill.runtime.card import Card, Score
from edgedistill.runtime.packed_card import QUANTISATIONS, ratio_of
from edgedistill.runtime.policy import Policy
from edgedistill.teachers.trained import Trained, load_trained, score_trained

# Below this share of equal actions an export is refused. A student that learnt in integers is written down as it is,
# and in float32 only the order of additions differs from torch's, which decides near ties alone.
MIN_AGREEMENT = 0.999
# A float student that is rounded afterwards takes other actions where two are worth nearly the same to it. What counts
# is what that costs: above this share of the spread of its own logits, an export is refused.
MAX_REGRET = 0.02
PRECISIONS = ("int8", "float32")
# Per ε. Games at ε 0.01 are much alike, and what they never show is clipped later: with 2,000 frames each at 0.01 and
# 0.05, a 1.6% Pong student and its int8 self agreed on 95.2% of play from another seed, with an error of a logit up to
# 2.7; with as many frames, but also at 0.15 and 0.3, on 98.0%, with errors up to 0.6.
CALIBRATION_FRAMES = 1_000
CALIBRATION_EPSILONS = (0.01, 0.05, 0.15, 0.3)
HELD_OUT_FRAMES = 5_000
CALIBRATION_SEED, HELD_OUT_SEED = 401, 402


def play_frames(act: Act, game: str, count: int, *, seed: int, epsilon: float) -> Frames:
    """(count, 84, 84, 4) uint8: what a policy sees in its own play from `seed`."""
    protocol = Protocol(epsilon=epsilon, seed=seed)
    emulator = protocol.emulator(game)
    frames: list[Frames] = []
    number = 0
    while len(frames) < count:
        episode = Episode(emulator, protocol, number)
        while not episode.over and len(frames) < count:
            frames.append(emulator.frames)
            episode.step(int(act(frames[-1][None])[0]))
        number += 1
    return np.stack(frames)


@dataclass(frozen=True)
class Fidelity:
    """How close an exported student is to its original on some frames."""

    agreement: float
    """Share of frames with equal actions"""
    regret: float
    """What the exported student's actions are worth less than the best, by the original's logits, as a share of their
    spread (best minus mean)"""
    largest_error: float
    """Largest absolute difference of a logit"""


def fidelity(policy: Policy, reference: GreedyPolicy, frames: Frames) -> Fidelity:
    """Compare on frames (N, 84, 84, 4)."""
    exported: list[NDArray[np.float32]] = []
    expected: list[NDArray[np.float32]] = []
    for start in range(0, len(frames), 250):
        exported.append(policy.logits(frames[start : start + 250]))
        expected.append(reference.values(frames[start : start + 250]))
    ours, theirs = np.concatenate(exported), np.concatenate(expected)
    best, picked = theirs.max(axis=1), theirs[np.arange(len(theirs)), ours.argmax(axis=1)]
    return Fidelity(
        float((ours.argmax(axis=1) == theirs.argmax(axis=1)).mean()),
        float((best - picked).mean() / max((best - theirs.mean(axis=1)).mean(), 1e-9)),
        float(np.abs(ours - theirs).max()),
    )


def export_student(
    run: RunFolder,
    student: str | None,
    output: Path,
    *,
    episodes: int = Protocol.episodes,
    epsilons: Sequence[float] = CARD_EPSILONS,
    precision: str = "int8",
    allow_disagreement: bool = False,
    returns: bool = True,
    report: Callable[[str], None] = lambda stage: None,
) -> Exported:
    """Write `output` (.onnx) and its card beside it (.md).

    Args:
        student: name of one of the run's students; None where it has only one.
        episodes: games of each evaluation on the card.
        epsilons: an evaluation each; the first is the one that retention is given for.
        precision: `int8`, or `float32`: three times the size and not bit-equal across CPUs, for comparison.
        allow_disagreement: export even what does not play like the student that was trained.
        returns: keep the return of each game on the card; some 3 bytes a game, ε and player.
        report: told each stage as it begins.

    Raises:
        BadRequest: no such student or precision, `episodes` beyond bounds, or `output` cannot be written.
        EdgeDistillError: the exported student does not play like the one that was trained.
    """
    if precision not in PRECISIONS:
        raise BadRequest(f"No precision '{precision}'. {did_you_mean(precision, PRECISIONS)}")
    config = run.config()
    protocols = [Protocol(episodes=episodes, epsilon=epsilon, sticky=config.sticky) for epsilon in epsilons]
    names = [entry.name for entry in config.students]
    if not names:
        raise BadRequest(f"{run.path} trained a teacher alone; there is no student to export.")
    if student is None and len(names) > 1:
        raise BadRequest(f"{run.path} has {len(names)} students: choose with --student {' | '.join(names)}.")
    check_writable(output)
    if output.suffix != ".onnx":
        raise BadRequest(f"-o names the .onnx to write, got {output}. Type: -o {output.with_suffix('.onnx')}")
    card_file = output.with_suffix(".md")
    check_writable(card_file)
    trained_student, best_teacher, last_teacher = load_trained(
        run, [student or names[0], "best_teacher", "last_teacher"], report
    )
    network = trained_student.network
    assert isinstance(network, AtariNetwork), "only a teacher may be an ensemble"
    reference = GreedyPolicy(network)
    learnt_in_integers = network.is_integer

    if learnt_in_integers:
        if precision == "float32":
            raise BadRequest(
                f"'{trained_student.name}' learnt in integers, so it has no float32 form. Leave --precision."
            )
        model = int8_model(network)
    elif precision == "int8":
        report("calibrating on its own play")
        calibration = [
            play_frames(reference, config.game, CALIBRATION_FRAMES, seed=CALIBRATION_SEED, epsilon=epsilon)
            for epsilon in CALIBRATION_EPSILONS
        ]
        model = int8_model(network, np.concatenate(calibration))
    else:
        model = float32_model(network)

    report("comparing with the student that was trained on held-out play")
    held_out = play_frames(reference, config.game, HELD_OUT_FRAMES, seed=HELD_OUT_SEED, epsilon=0.01)
    card = _first_card(run, trained_student, network.architecture, QUANTISATIONS[precision])
    policy = Policy(_with_card(model, card), str(output))
    found = fidelity(policy, reference, held_out)
    rounded_afterwards = precision == "int8" and not learnt_in_integers
    faithful = found.regret <= MAX_REGRET if rounded_afterwards else found.agreement >= MIN_AGREEMENT
    if not faithful and not allow_disagreement:
        bound = f"a regret of {MAX_REGRET:.0%}" if rounded_afterwards else f"{MIN_AGREEMENT:.1%} equal actions"
        raise EdgeDistillError(
            f"The {precision} '{card.student}' does not play like the student that was trained: on "
            f"{HELD_OUT_FRAMES:,} held-out frames {found.agreement:.1%} equal actions, and a regret of "
            f"{found.regret:.1%} of its logits' spread (the bound is {bound}). Nothing was written. Train longer, or "
            "export it all the same: --allow-disagreement"
        )
    card = replace(
        card,
        agreement=round(found.agreement, 5),
        largest_logit_error=float(f"{found.largest_error:.4g}"),
        disagreement_allowed=not faithful,
    )

    others = {"best_teacher": best_teacher, "last_teacher": last_teacher}
    if not learnt_in_integers:  # else it is this file, game for game
        others = {"float_student": trained_student, **others}
    scores: dict[str, list[Score]] = {"student": [], **{player: [] for player in others}}
    for protocol in protocols:
        report(f"playing {episodes} games at ε {protocol.epsilon:g}: the exported student")
        scores["student"].append(Score.of(evaluate(policy.act, config.game, protocol)))
        for player, trained in others.items():
            report(f"playing {episodes} games at ε {protocol.epsilon:g}: {player.replace('_', ' ')}")
            scores[player].append(Score.of(score_trained(run, trained, protocol)))
    card = replace(card, scores={player: tuple(listed) for player, listed in scores.items()})
    if not returns:
        card = card.without_returns()

    data = _with_card(model, card)
    write_atomically(output, data)
    write_atomically(card_file, card_text(card, output.name, len(data), config).encode())
    return Exported(output, len(data), card)


def _first_card(run: RunFolder, student: Trained, architecture: Architecture, quantisation: str) -> Card:
    config = run.config()
    actions = tuple(action.name for action in Protocol().emulator(config.game).actions)
    return Card(
        game=config.game,
        actions=actions,
        student=architecture.name,
        params=architecture.parameters(len(actions)),
        ratio=ratio_of(architecture.parameters(len(actions)), len(actions)),
        macs=architecture.macs(len(actions)),
        quantisation=quantisation,
        agreement=0.0,
        largest_logit_error=0.0,
        disagreement_allowed=False,
        trained_steps=student.step,
        seed=config.seed,
        version=_version(),
        trained_minutes=run.metrics().trained_minutes(student.step),
    )


def _version() -> str:
    """edgedistill's version, with the commit where it runs from its own checkout."""
    root = Path(__file__).parents[2]
    commit = ""
    if (root / ".git").exists():
        git = ["git", "-C", str(root), "rev-parse", "--short=12", "HEAD"]
        with suppress(FileNotFoundError):  # a machine without git
            commit = subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip()
    return f"{version('edgedistill')}{'+' if commit else ''}{commit}"


def _with_card(model: onnx.ModelProto, card: Card) -> bytes:
    described = onnx.ModelProto()
    described.CopyFrom(model)
    onnx.helper.set_model_props(described, card.to_metadata())
    data: bytes = described.SerializeToString(deterministic=True)
    return data
