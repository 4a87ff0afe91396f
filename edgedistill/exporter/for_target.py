"""A student of any origin, exported for a target: a run's, one exported before, or one that ships."""

from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from edgedistill.atari.games import action_count, find_game, is_game, reference_scores
from edgedistill.atari.protocol import OnGames
from edgedistill.errors import BadRequest, did_you_mean, no_run, typed
from edgedistill.exporter.board_folder import check_folder, write_board_folder
from edgedistill.exporter.exported import Exported
from edgedistill.exporter.options import FLAGS, ExportOptions
from edgedistill.exporter.service import Serving
from edgedistill.exporter.targets import Target
from edgedistill.runs.config import TrainConfig
from edgedistill.runtime.hub.name import is_hub_name
from edgedistill.runtime.policy import Policy
from edgedistill.runtime.shipped import find_student, is_run, shipped_games


def export_for_target(
    source: str,
    student: str | None,
    folder: Path,
    target: Target,
    options: ExportOptions,
    *,
    with_wheels: bool = False,
    serving: Serving | None = None,
    report: Callable[[str], None] = lambda stage: None,
    on_games: OnGames = lambda returns, games: None,
    warn: Callable[[str], None] = lambda message: None,
) -> Exported:
    """Write `folder` for `target`.

    Args:
        source: a run's folder, an exported `.onnx`, or a game whose student ships.
        student: which of a run's or of the shipped students.
        options: for a student of a run; one that is exported already has its precision and its card.
        with_wheels, serving, report, warn: as in `write_board_folder`.
        on_games: as in `export_student`.

    Raises:
        BadRequest: no such source or student, options that it cannot have, or `folder` is no place for an export.
        EdgeDistillError: the file does not play like the student that was trained, or packages could not be downloaded.
    """
    check_folder(folder, target, with_wheels=with_wheels, serving=serving)
    if _is_run(source):
        check_run(source)
        # Needs torch, which a student that is exported already does without.
        from edgedistill.exporter.export import export_student
        from edgedistill.runs.folder import RunFolder

        run = RunFolder.open(Path(source))
        if target.kind == "c":
            _check_c(run.config(), student, target, options)
        with TemporaryDirectory() as scratch:
            file = Path(scratch) / "student.onnx"
            exported = export_student(run, student, file, options, report, on_games, warn)
            model = exported.path.read_bytes()
    else:
        _check_no_options(source, options)
        policy = Policy.load(find_student(source, student))
        model = Path(policy.source).read_bytes()
        exported = Exported(Path(policy.source), len(model), policy.card)
    path = write_board_folder(
        model, source, folder, target, with_wheels=with_wheels, serving=serving, report=report, warn=warn
    )
    return replace(exported, path=path)


def check_run(source: str) -> None:
    """Refuse what is no run's folder. Without torch, which takes two seconds to load.

    Raises:
        BadRequest: with what it is instead, or the nearest game.
    """
    if is_run(source):
        return
    if is_hub_name(source) or source.endswith(".onnx") or (is_game(source) and shipped_games().get(find_game(source))):
        raise BadRequest(
            f"{source} is exported already. For a board, add --target (edgedistill export --help lists them); or play "
            f"it: edgedistill play {typed(source)}"
        )
    if is_game(source):
        raise no_run(source, f"Start one: edgedistill train --game {find_game(source)}")
    raise no_run(source, did_you_mean(source, reference_scores(), "Start one: edgedistill train"))


def _check_c(run: TrainConfig, student: str | None, target: Target, options: ExportOptions) -> None:
    """Refuse, before any game, what is known to be no student in C for the target."""
    from edgedistill.exporter.c_folder import check_weights, no_float32  # needs onnx

    if options.precision == "float32":
        raise no_float32(target)
    named = [each for each in run.students if student in (None, each.name)]
    if len(named) == 1:  # `export_student` refuses others
        check_weights(named[0].parameters(action_count(run.game)), target)


def _check_no_options(source: str, options: ExportOptions) -> None:
    """Refuse options for a student that is exported already."""
    usual = ExportOptions()
    given = [FLAGS[each.name] for each in fields(usual) if getattr(options, each.name) != getattr(usual, each.name)]
    if given:
        raise BadRequest(
            f"{source} is exported already, with its own precision and card: leave {', '.join(given)} out. They are "
            "for the folder of a run."
        )


def _is_run(source: str) -> bool:
    """Whether a run is meant: its folder, or another place that is no student's file. A folder may be called like a
    game, and does not stand in the game's way then."""
    if is_hub_name(source):
        return False
    path = Path(source)
    place = path.is_dir() or (len(path.parts) > 1 and path.suffix != ".onnx" and not path.is_file())
    return is_run(source) or (place and not is_game(source))
