"""A new run: its settings resolved, its frozen teacher, if any, copied in."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from edgedistill.atari.games import action_count
from edgedistill.catalogue import Architecture
from edgedistill.distill.machine import check_machine, fitting_frames
from edgedistill.errors import BadRequest
from edgedistill.runs.config import TrainConfig
from edgedistill.runs.folder import RunFolder
from edgedistill.runs.kinds import KINDS
from edgedistill.runs.presets import preset
from edgedistill.teachers.sources import load_ensemble, load_ready_teacher, pinned_source


def new_run(
    path: Path,
    game: str,
    students: tuple[Architecture, ...],
    teacher: str,
    mode: str,
    teacher_from: Sequence[str],
    given: dict[str, Any],
    *,
    warn: Callable[[str], None] = lambda message: None,
) -> tuple[RunFolder, TrainConfig]:
    """Create the run that was asked for.

    Args:
        path: its folder.
        game: ROM name.
        teacher: `pqn` or `dqn`; a frozen one brings its own kind.
        mode: `realtime` or `offline`.
        teacher_from: where a frozen teacher is, as `load_ready_teacher` reads it; of several, the mean of their
            policies teaches. Empty: the teacher learns in this run.
        given: further settings of `TrainConfig`; the rest are those of the teacher, mode and optimiser.
        warn: told in words of a memory that is smaller than the usual one.

    Raises:
        BadRequest: settings that do not fit, an unusable teacher, or a folder that holds a run already.
    """
    usual = preset(
        teacher=teacher, mode=mode, frozen=bool(teacher_from), student_optimiser=given.get("student_optimiser")
    )
    settings = {**usual, **given}
    actions = action_count(game)
    if "minibatch" in given and not teacher_from and teacher in KINDS and KINDS[teacher].from_replay:
        # Its students learn from the same minibatches.
        settings["student_batch"] = given.get("student_batch", given["minibatch"])
    if "learning_starts" not in given:
        settings["learning_starts"] = first_frames(
            int(settings.get("learning_starts", TrainConfig.learning_starts)),
            int(settings.get("memory_frames", TrainConfig.memory_frames)),
            int(settings.get("steps", TrainConfig.steps)),
        )
    if not teacher_from:
        config = _fitted(TrainConfig(game, students, mode=mode, teacher=teacher, **settings), actions, given, warn)
        return RunFolder.create(path, config), config
    if not students:
        raise BadRequest("A frozen teacher learns nothing, so --teacher-only leaves nothing to train.")
    teacher_from = [pinned_source(source, game) for source in teacher_from]
    ready = (
        load_ready_teacher(teacher_from[0], game, actions)
        if len(teacher_from) == 1
        else load_ensemble(teacher_from, game, actions, **_temperature(settings))
    )
    if mode == "offline" and not ready.emits_q:
        # Rusu's τ is for Q-values, which lie close together; by it, logits would be one action's.
        usual = {name: getattr(TrainConfig, name) for name in ("temperature", "temperature_kind")}
        settings.update({name: given.get(name, value) for name, value in usual.items()})
    config = TrainConfig(
        game, students, mode=mode, teacher=ready.kind, teacher_network=ready.network,
        teacher_from=" + ".join(teacher_from), teacher_emits_q=ready.emits_q, ensemble=ready.members,
        **settings,
    )  # fmt: skip
    config = _fitted(config, actions, given, warn)
    run = RunFolder.create(path, config)
    run.save_best_teacher(ready.tensors, {"step": ready.step})
    return run, config


def first_frames(usual: int, memory_frames: int, steps: int) -> int:
    """The `learning_starts` of a run for which no number was asked.

    Args:
        usual: that of the teacher and mode; 0 for the whole memory.
        memory_frames: frames in the memory.
        steps: agent steps of the run.

    Returns:
        The usual number, but no more than the memory holds, nor than a fifth of the steps.
    """
    most = min(memory_frames, max(1, steps // 5))
    return min(usual, most) if usual or most == memory_frames else most


def _fitted(config: TrainConfig, actions: int, given: dict[str, Any], warn: Callable[[str], None]) -> TrainConfig:
    """The run's settings, with a memory of frames that fits where its size was not asked for.

    Raises:
        BadRequest: this machine cannot do such a run.
    """
    usual = config.memory_frames
    if "memory_frames" not in given and config.needs_memory:
        frames = fitting_frames(config, actions)
        starts = config.learning_starts if "learning_starts" in given else min(config.learning_starts, frames)
        config = replace(config, memory_frames=frames, learning_starts=starts)
    check_machine(config, actions)
    if config.memory_frames < usual:
        warn(
            f"The memory holds {config.memory_frames:,} frames, as many as this machine has room for now, and not the "
            f"usual {usual:,}. Another seed compares only with as many: --memory-frames {config.memory_frames}"
        )
    return config


def _temperature(settings: dict[str, Any]) -> dict[str, Any]:
    """How members of an ensemble are softened: as a single teacher would be."""
    kind = settings.get("temperature_kind", TrainConfig.temperature_kind)
    return {"temperature": settings.get("temperature", TrainConfig.temperature), "relative": kind == "relative"}
