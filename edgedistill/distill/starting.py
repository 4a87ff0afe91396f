"""A new run: its settings resolved, its frozen teacher, if any, copied in."""

from pathlib import Path
from typing import Any

from edgedistill.atari.emulator import Emulator
from edgedistill.catalogue import Architecture
from edgedistill.distill.frozen import load_frozen_teacher
from edgedistill.errors import BadRequest
from edgedistill.runs.config import TrainConfig
from edgedistill.runs.folder import RunFolder
from edgedistill.runs.presets import preset
from edgedistill.runs.ram import fitting_frames
from edgedistill.teachers.replay import ReplayMemory


def new_run(
    path: Path,
    game: str,
    students: tuple[Architecture, ...],
    teacher: str,
    mode: str,
    teacher_from: str | None,
    given: dict[str, Any],
) -> tuple[RunFolder, TrainConfig]:
    """Create the run that was asked for.

    Args:
        path: its folder.
        game: ROM name.
        teacher: `pqn` or `dqn`; a frozen one brings its own kind.
        mode: `realtime` or `offline`.
        teacher_from: where a frozen teacher is, as `load_frozen_teacher` reads it.
        given: further settings of `TrainConfig`; the rest are those of the teacher and mode.

    Raises:
        BadRequest: settings that do not fit, an unusable teacher, or a folder that holds a run already.
    """
    settings = {**preset(teacher=teacher, mode=mode, frozen=teacher_from is not None), **given}
    actions = len(Emulator(game).actions)
    if "memory_frames" not in given and "memory_frames" in settings:
        bytes_each = ReplayMemory.bytes_needed(1, actions)
        settings["memory_frames"] = fitting_frames(settings["memory_frames"], bytes_each)
    if "learning_starts" not in given and "memory_frames" in settings:
        settings["learning_starts"] = min(settings.get("learning_starts", 0), settings["memory_frames"])
    if teacher_from is None:
        config = TrainConfig(game, students, mode=mode, teacher=teacher, **settings)
        return RunFolder.create(path, config), config
    if not students:
        raise BadRequest("A frozen teacher learns nothing, so --teacher-only leaves nothing to train.")
    frozen = load_frozen_teacher(teacher_from, game, actions)
    config = TrainConfig(
        game, students, mode=mode, teacher=frozen.kind, teacher_network=frozen.network,
        teacher_from=teacher_from, teacher_emits_q=frozen.emits_q,
        **settings,
    )  # fmt: skip
    run = RunFolder.create(path, config)
    run.save_best_teacher(frozen.tensors, {"step": frozen.step})
    return run, config
