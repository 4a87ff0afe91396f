"""The Python interface of the [train] extra: thin functions over `distill` and `exporter`, for runs in folders."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from edgedistill.atari.games import action_count
from edgedistill.distill import training
from edgedistill.distill.events import Event
from edgedistill.distill.machine import check_machine
from edgedistill.distill.starting import first_frames
from edgedistill.errors import BadRequest
from edgedistill.exporter import export
from edgedistill.exporter.exported import Exported
from edgedistill.exporter.options import CARD_EPSILONS, ExportOptions
from edgedistill.runs.config import TrainConfig
from edgedistill.runs.folder import RunFolder
from edgedistill.runs.setting import settings_of


def train(
    config: TrainConfig,
    out: str | Path,
    *,
    resume: bool = False,
    should_stop: Callable[[], bool] = lambda: False,
    warn: Callable[[str], None] = lambda message: None,
) -> Iterator[Event]:
    """Train a teacher and its students, as `edgedistill train` does; the run goes on while its events are asked for.

    Args:
        config: the settings; budgets are in agent steps, 4 emulator frames each. Where `learning_starts` is 0, learning
            starts with the whole memory, but after a fifth of the steps at the latest.
        out: folder of the run: a new one, or with `resume` the one to go on with.
        resume: go on from the last checkpoint; of `config`, the run's length (`steps`, `minutes`), its evaluations and
            its machine may differ. Learning rates and what else goes by `steps` follow the new number from there on,
            so a run that went on is not one that had as many steps from the start.
        should_stop: asked after every rollout, and between the decisions of an evaluation, there from other threads;
            where it says True, the run ends with a checkpoint. While a resumed run's games are put back it is asked
            as well, from other threads, and then the run ends with the checkpoint that it was resumed from.
        warn: told in words of a checkpoint that cannot be read, where the one before it is used, and of games that
            take a while to put back.

    Returns:
        An iterator of events: `Progress` after a rollout (step, losses), `Evaluated` (step, mean return of each network
        by name), `Evaluating`, `Interrupted`, `Saved`, `Resumed`; all in `edgedistill.distill.events`.

    Raises:
        BadRequest: the folder holds a run already, or none to resume; other settings; a teacher that comes frozen; a
            run for which this machine has no such device or too little memory.
        EdgeDistillError: while it runs: a loss that diverged, a checkpoint that cannot be read.
    """
    if resume:
        run = RunFolder.open(Path(out))
        own = run.config()
        config = replace(config, learning_starts=config.learning_starts or own.learning_starts, went_on=own.went_on)
        may = {name: getattr(config, name) for name, (each, _, _) in settings_of(TrainConfig).items() if each.resumable}
        if replace(own, **may) != config:
            raise BadRequest(f"{out} has other settings. Where a run goes on, these may change: {', '.join(may)}.")
        check_machine(config, action_count(config.game), resumes=True)
    elif config.frozen:
        raise BadRequest("A frozen teacher comes with `edgedistill train --teacher-from`; go on here with resume=True.")
    else:
        if not config.learning_starts:
            config = replace(config, learning_starts=first_frames(0, config.memory_frames, config.steps))
        check_machine(config, action_count(config.game))
        run = RunFolder.create(Path(out), config)
    return training.train(run, config, resume=resume, should_stop=should_stop, warn=warn)


def export_student(
    run: str | Path,
    student: str | None,
    output: str | Path,
    *,
    episodes: int = 30,
    epsilons: Sequence[float] = CARD_EPSILONS,
    precision: str = "int8",
    allow_disagreement: bool = False,
    returns: bool = True,
) -> Exported:
    """Write a student of a run as one `.onnx`, and its card beside it, as `edgedistill export` does.

    The file takes uint8 frames (N, 84, 84, 4) and gives float32 logits (N, A); `load_policy` reads it.

    Args:
        run: folder of a run, finished or in progress.
        student: name of one of its students; None where it has only one.
        output: the `.onnx` to write.
        episodes: games of each evaluation on the card.
        epsilons: an evaluation each, with this probability of a random action; the first is the one that retention is
            given for.
        precision: "int8", or "float32" for comparison.
        allow_disagreement: write even what does not play like the student that was trained.
        returns: keep the return of each game in the file; some 3 bytes a game, ε and player.

    Returns:
        Exported: `path` (Path), `bytes` (int) and `card` (Card).

    Raises:
        BadRequest: no such run, student or precision, or `output` cannot be written.
        EdgeDistillError: the run has no checkpoint yet, or the export does not play like its original.
    """
    options = ExportOptions(precision, episodes, epsilons, allow_disagreement, returns)
    return export.export_student(RunFolder.open(Path(run)), student, Path(output), options)
