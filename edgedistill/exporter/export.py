"""One student of a run, quantised, verified, scored and written with its card."""

import hashlib
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import onnx

from edgedistill.atari.protocol import OnGames, Protocol
from edgedistill.catalogue import Architecture
from edgedistill.errors import BadRequest, EdgeDistillError, typed
from edgedistill.exporter.card_text import card_text
from edgedistill.exporter.exported import Exported
from edgedistill.exporter.fidelity import calibration_frames, fidelity, held_out_frames
from edgedistill.exporter.graph import float32_model, int8_model
from edgedistill.exporter.options import ExportOptions
from edgedistill.files import check_writable, write_atomically
from edgedistill.networks.network import AtariNetwork, GreedyPolicy
from edgedistill.runs.folder import RunFolder
from edgedistill.runs.scoring import Player, score_player
from edgedistill.runtime.card import Card, Score
from edgedistill.runtime.packed_card import QUANTISATIONS, ratio_of
from edgedistill.runtime.policy import Policy
from edgedistill.teachers.trained import Trained, check_student, load_trained

# Below this share of equal actions an export is refused. A student that learnt in integers is written down as it is,
# and in float32 only the order of additions differs from torch's, which decides near ties alone.
MIN_AGREEMENT = 0.999
# A float student that is rounded afterwards takes other actions where two are worth nearly the same to it. What counts
# is what that costs: above this share of the spread of its own logits, an export is refused.
MAX_REGRET = 0.02

Report = Callable[[str], None]


def export_student(
    run: RunFolder,
    student: str | None,
    output: Path,
    options: ExportOptions,
    report: Report = lambda stage: None,
    on_games: OnGames = lambda returns, games: None,
    warn: Callable[[str], None] = lambda message: None,
) -> Exported:
    """Write `output` (.onnx) and its card beside it (.md).

    Its games and the teacher's stay with the run: what was played before an interruption is not played again.

    Args:
        student: name of one of the run's students; None where it has only one.
        report: told each stage as it begins.
        on_games: told of the games that are played for the card, while they are.
        warn: told in words what of the run cannot be read or written.

    Raises:
        BadRequest: no such student, one that has no such precision, or `output` cannot be written.
        EdgeDistillError: the exported student does not play like the one that was trained.
    """
    config, name = run.config(), _name(run, student)
    card_file = _card_file(output)
    trained, best_teacher, last_teacher = load_trained(run, [name, "best_teacher", "last_teacher"], warn)
    network = trained.network
    assert isinstance(network, AtariNetwork), "only a teacher may be an ensemble"
    reference = GreedyPolicy(network)

    precision = options.precision or "int8"
    model = _model(network, name, reference, config.game, precision, report)
    card = _first_card(run, trained, network.architecture, QUANTISATIONS[precision])
    policy = Policy(_with_card(model, card), str(output))
    report("comparing with the student that was trained on held-out play")
    card = _compared(card, policy, reference, options, rounded=precision == "int8" and not network.is_integer)

    graph = hashlib.sha256(model.SerializeToString(deterministic=True)).hexdigest()
    players = {"student": Player(f"{name}.onnx", trained.step, graph, policy.act)}
    if not network.is_integer:  # else it is this file, game for game
        players["float_student"] = trained.player()
    players |= {"best_teacher": best_teacher.player(), "last_teacher": last_teacher.player()}
    card = replace(card, scores=_scores(run, players, options.protocols(config.sticky), report, on_games, warn))
    if not options.returns:
        card = card.without_returns()

    data = _with_card(model, card)
    write_atomically(output, data)
    write_atomically(card_file, card_text(card, output.name, len(data), config).encode())
    return Exported(output, len(data), card)


def _name(run: RunFolder, student: str | None) -> str:
    """Of the student that is meant."""
    names = [entry.name for entry in run.config().students]
    if not names:
        raise BadRequest(f"{run.path} trained a teacher alone; there is no student to export.")
    if student is None and len(names) > 1:
        raise BadRequest(f"{run.path} has {len(names)} students: choose with --student {' | '.join(names)}.")
    if student is not None:
        check_student(run, student)
    return student or names[0]


def _card_file(output: Path) -> Path:
    """Beside `output`; both can be written."""
    check_writable(output)
    if output.suffix != ".onnx":
        file = typed(output.with_suffix(".onnx"))
        raise BadRequest(f"-o names the .onnx to write, got {output}. Type: -o {file}")
    card_file = output.with_suffix(".md")
    check_writable(card_file)
    return card_file


def _model(
    network: AtariNetwork, name: str, reference: GreedyPolicy, game: str, precision: str, report: Report
) -> onnx.ModelProto:
    if precision == "float32":
        if network.is_integer:
            raise BadRequest(f"'{name}' learnt in integers, so it has no float32 form. Leave --precision.")
        return float32_model(network)
    if network.is_integer:
        return int8_model(network)
    report("calibrating on its own play")
    return int8_model(network, calibration_frames(reference, game))


def _compared(card: Card, policy: Policy, reference: GreedyPolicy, options: ExportOptions, *, rounded: bool) -> Card:
    """The card with how close the export is to `reference`; `rounded` says that it did not learn as it computes."""
    held_out = held_out_frames(reference, card.game)
    found = fidelity(policy, reference, held_out)
    faithful = found.regret <= MAX_REGRET if rounded else found.agreement >= MIN_AGREEMENT
    if not faithful and not options.allow_disagreement:
        bound = f"a regret of {MAX_REGRET:.0%}" if rounded else f"{MIN_AGREEMENT:.1%} equal actions"
        raise EdgeDistillError(
            f"The {options.precision or 'int8'} '{card.student}' does not play like the student that was trained: on "
            f"{len(held_out):,} held-out frames {found.agreement:.1%} equal actions, and a regret of "
            f"{found.regret:.1%} of its logits' spread (the bound is {bound}). Nothing was written. Train longer, or "
            "export it all the same: --allow-disagreement"
        )
    return replace(
        card,
        agreement=round(found.agreement, 5),
        largest_logit_error=float(f"{found.largest_error:.4g}"),
        disagreement_allowed=not faithful,
    )


def _scores(
    run: RunFolder,
    players: Mapping[str, Player],
    protocols: Sequence[Protocol],
    report: Report,
    on_games: OnGames,
    warn: Callable[[str], None],
) -> dict[str, tuple[Score, ...]]:
    """Of each player, one per protocol."""
    scores: dict[str, tuple[Score, ...]] = dict.fromkeys(players, ())
    for protocol in protocols:
        for role, player in players.items():
            who = "the exported student" if role == "student" else role.replace("_", " ")
            report(f"playing {protocol.episodes} games at ε {protocol.epsilon:g}: {who}")
            scores[role] += (Score.of(score_player(run, player, protocol, on_games, warn)),)
    return scores


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
