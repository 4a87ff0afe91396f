"""A new run: its settings resolved, its frozen teacher, if any, copied in."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgedistill.atari.emulator import Emulator
from edgedistill.catalogue import Architecture
from edgedistill.errors import BadRequest
from edgedistill.experience.memory import ReplayMemory
from edgedistill.runs.config import TrainConfig
from edgedistill.runs.folder import RunFolder
from edgedistill.runs.presets import preset
from edgedistill.runs.ram import fitting_frames
from edgedistill.teachers.sources import load_ensemble, load_ready_teacher, pinned_source


def new_run(
    path: Path,
    game: str,
    students: tuple[Architecture, ...],
    teacher: str,
    mode: str,
    teacher_from: Sequence[str],
    given: dict[str, Any],
) -> tuple[RunFolder, TrainConfig]:
    """Create the run that was asked for.

    Args:
        path: its folder.
        game: ROM name.
        teacher: `pqn` or `dqn`; a frozen one brings its own kind.
        mode: `realtime` or `offline`.
        teacher_from: where a frozen teacher is, as `load_ready_teacher` reads it; of several, the mean of their
            policies teaches. Empty: the teacher learns in this run.
        given: further settings of `TrainConfig`; the rest are those of the teacher and mode.

    Raises:
        BadRequest: settings that do not fit, an unusable teacher, or a folder that holds a run already.
    """
    settings = {**preset(teacher=teacher, mode=mode, frozen=bool(teacher_from)), **given}
    actions = len(Emulator(game).actions)
    if "memory_frames" not in given and "memory_frames" in settings:
        bytes_each = ReplayMemory.bytes_needed(1, actions)
        settings["memory_frames"] = fitting_frames(settings["memory_frames"], bytes_each)
    if "learning_starts" not in given and "memory_frames" in settings:
        settings["learning_starts"] = min(settings.get("learning_starts", 0), settings["memory_frames"])
    if not teacher_from:
        config = TrainConfig(game, students, mode=mode, teacher=teacher, **settings)
        return RunFolder.create(path, config), config
    if not students:
        raise BadRequest("A frozen teacher learns nothing, so --teacher-only leaves nothing to train.")
    teacher_from = [pinned_source(source, game) for source in teacher_from]
    ready = (
        load_ready_teacher(teacher_from[0], game, actions)
        if len(teacher_from) == 1
        else load_ensemble(teacher_from, game, actions, **_temperature(settings))
    )
    config = TrainConfig(
        game, students, mode=mode, teacher=ready.kind, teacher_network=ready.network,
        teacher_from=" + ".join(teacher_from), teacher_emits_q=ready.emits_q, ensemble=ready.members,
        **settings,
    )  # fmt: skip
    run = RunFolder.create(path, config)
    run.save_best_teacher(ready.tensors, {"step": ready.step})
    return run, config


def _temperature(settings: dict[str, Any]) -> dict[str, Any]:
    """How members of an ensemble are softened: as a single teacher would be."""
    kind = settings.get("temperature_kind", TrainConfig.temperature_kind)
    return {"temperature": settings.get("temperature", TrainConfig.temperature), "relative": kind == "relative"}
