"""A whole run: drives the loop of `realtime.py`, evaluates, logs, checkpoints, stops cleanly and resumes."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass, fields
from math import isfinite

import torch

from edgedistill.atari.protocol import VALIDATION_SEED, Protocol, Scores, evaluate
from edgedistill.atari.training_env import TrainingEnvs
from edgedistill.distill.events import Progress
from edgedistill.distill.learners import Learners
from edgedistill.distill.play import env_groups
from edgedistill.distill.realtime import distil
from edgedistill.errors import BadRequest, EdgeDistillError
from edgedistill.experience.memory import ReplayMemory
from edgedistill.networks.network import GreedyPolicy
from edgedistill.phases import Profile, profiling, timed
from edgedistill.runs.config import TrainConfig
from edgedistill.runs.folder import RunFolder
from edgedistill.runs.metrics import EvaluationRecord, ProgressRecord
from edgedistill.runs.ram import check_memory
from edgedistill.teachers.teacher import player_tensors


@dataclass(frozen=True)
class Evaluated:
    """Mean returns at one step, by network ("teacher", then the students' names), on the validation seeds."""

    step: int
    scores: dict[str, float]
    best_teacher: float


@dataclass(frozen=True)
class Evaluating:
    """The evaluation of one network begins; the run goes on after all have played."""

    network: str


@dataclass(frozen=True)
class Saved:
    """A checkpoint of this step is on disk."""

    step: int


@dataclass(frozen=True)
class Resumed:
    """The run goes on from a checkpoint; the students wait until their memory is warm again."""

    step: int


# Clipped rewards discounted by 0.99 never sum to more than ±100, so that no honest squared error passes 200²; KL beyond
# that means logits in the tens of thousands.
LARGEST_LOSS = 40_000.0

Event = Progress | Evaluated | Evaluating | Saved | Resumed


@dataclass
class RunState:
    """What a checkpoint holds beside the learners."""

    seconds: float = 0.0
    """Time spent on the run so far, evaluations included"""
    evaluation_seconds: float = 0.0
    best_teacher: dict[str, float] | None = None
    """`step` and `mean` of the best evaluation of the teacher"""


class _Stop(Exception):
    """Ends an evaluation early."""


def train(
    run: RunFolder,
    config: TrainConfig,
    *,
    resume: bool = False,
    should_stop: Callable[[], bool] = lambda: False,
    warn: Callable[[str], None] = lambda message: None,
    profile: Profile | None = None,
) -> Iterator[Event]:
    """Train into `run`, yielding what happens.

    Whatever ends it in order (the last step, the minutes, `should_stop`), the last thing done is a checkpoint.
    `profile` gets the time of each phase; on a GPU, the run then waits for it at each.

    Raises:
        BadRequest: the memory takes more than the machine has.
        EdgeDistillError: another process trains in this run; resuming without a readable checkpoint; a frozen teacher
            that is gone; a loss that is no longer finite, or past all bounds; a disk that is full.
    """
    torch.set_num_threads(config.lane_threads)
    # Huge pages for large tensors, which torch asks for at its first allocation: a teacher's update took 0.8 to 0.9 of
    # its time (Linux, THP in `madvise` mode).
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
    with ExitStack() as open_envs, ThreadPoolExecutor(config.lanes, "lane") as lanes, profiling(profile):
        open_envs.enter_context(run.alone())
        envs = [open_envs.enter_context(closing(group)) for group in env_groups(config)]
        yield from _train(run, config, envs, lanes, resume, should_stop, warn, profile)


def _train(
    run: RunFolder,
    config: TrainConfig,
    envs: Sequence[TrainingEnvs],
    lanes: Executor,
    resume: bool,
    should_stop: Callable[[], bool],
    warn: Callable[[str], None],
    profile: Profile | None,
) -> Iterator[Event]:
    actions = envs[0].actions
    learners = Learners.build(config, actions)
    if profile is not None:
        profile.lanes = config.lanes
        if learners.teacher.player.device.type == "cuda":
            profile.synchronise = torch.cuda.synchronize
    frames = config.memory_frames if config.needs_memory else 1
    check_memory(ReplayMemory.bytes_needed(frames, actions), frames)
    memory = ReplayMemory(frames, config.envs, config.rollout_length, actions)
    state = RunState()
    start_step = 0
    owes_evaluation = False
    if config.frozen:
        best = run.load_best_teacher()
        if best is None:
            raise EdgeDistillError(
                f"{run.path} has lost its teacher, best_teacher.safetensors. Train into a new folder."
            )
        learners.teacher.load(best[0])
    if resume:
        tensors, saved = run.load_checkpoint(warn)
        learners.load(tensors)
        state = RunState(**{entry.name: saved[entry.name] for entry in fields(RunState) if entry.name in saved})
        start_step = saved["step"]
        evaluated = _take_over_evaluation(run, config, state, start_step)
        if start_step >= config.steps and evaluated:
            raise BadRequest(f"{run.path} has its {start_step:,} steps already. Go on with: --steps {2 * start_step}")
        is_due = start_step >= config.steps or config.is_due(config.evaluate_every, start_step)
        owes_evaluation = is_due and not evaluated
        run.forget_after(start_step, warn)
        yield Resumed(start_step)

    began = time.monotonic() - state.seconds
    deadline = time.monotonic() + 60 * config.minutes if config.minutes else float("inf")
    step = start_step
    if owes_evaluation:
        # The run was stopped or killed in it. At the last step it is all that is missing.
        stopped = False
        try:
            yield from _evaluate(run, config, learners, lanes, state, step, should_stop)
        except _Stop:
            stopped = True
        state.seconds = time.monotonic() - began
        run.save_checkpoint(step, learners.tensors(), asdict(state))
        if stopped or start_step >= config.steps:
            return
    for progress in distil(config, learners, memory, envs, start_step, lanes):
        step = progress.step
        state.seconds = time.monotonic() - began
        run.log(ProgressRecord(seconds=round(state.seconds, 2), **asdict(progress)))
        _check_losses(run, progress)
        yield progress
        done = step >= config.steps or time.monotonic() >= deadline
        stop = should_stop()
        if done or stop or config.is_due(config.checkpoint_every, step):
            run.save_checkpoint(step, learners.tensors(), asdict(state))
            yield Saved(step)
        if not stop and (done or config.is_due(config.evaluate_every, step)):
            try:
                yield from _evaluate(run, config, learners, lanes, state, step, should_stop)
            except _Stop:
                stop = True
            state.seconds = time.monotonic() - began
            run.save_checkpoint(step, learners.tensors(), asdict(state))
        if done or stop:
            break


def _take_over_evaluation(run: RunFolder, config: TrainConfig, state: RunState, step: int) -> bool:
    """Whether an evaluation of `step` is in the log. It may be newer than the checkpoint's state, which then learns of
    it."""
    record = run.metrics().evaluation_at(step)
    if record is None or "teacher" not in record.scores:
        return False
    mean = record.scores["teacher"]
    state.evaluation_seconds = max(state.evaluation_seconds, record.evaluation_seconds)
    if state.best_teacher is None or mean >= state.best_teacher["mean"]:
        state.best_teacher = {"step": 0 if config.frozen else step, "mean": mean}
    return True


def _check_losses(run: RunFolder, progress: Progress) -> None:
    """Stop before a network that is lost overwrites a checkpoint of one that was not."""
    losses = {"teacher": progress.teacher_loss, **progress.student_loss}
    for name, loss in losses.items():
        if loss is not None and not (isfinite(loss) and abs(loss) < LARGEST_LOSS):
            raise EdgeDistillError(
                f"The loss of '{name}' is {loss:g} at step {progress.step:,}: it diverged, and the run stops here. "
                f"The last checkpoint of {run.path} is from before. Try a smaller learning rate in a new run."
            )


def _evaluate(
    run: RunFolder,
    config: TrainConfig,
    learners: Learners,
    lanes: Executor,
    state: RunState,
    step: int,
    should_stop: Callable[[], bool],
) -> Iterator[Event]:
    """Score teacher and students on the validation seeds, log it, and keep the teacher if it is the best yet."""
    began = time.monotonic()
    protocol = Protocol(episodes=config.evaluate_episodes, sticky=config.sticky, seed=VALIDATION_SEED)

    def check(number: int, score: float) -> None:
        if should_stop():
            raise _Stop

    played: dict[str, Future[Scores]] = {}
    scores = {}
    for name, player in learners.players.items():
        if name == "teacher" and config.frozen and state.best_teacher is not None:
            scores[name] = state.best_teacher["mean"]  # the same games, the same network
        else:
            policy = GreedyPolicy(player)
            played[name] = lanes.submit(evaluate, policy, config.game, protocol, on_episode=check)
    try:
        for name, result in played.items():
            yield Evaluating(name)
            with timed("evaluation"):
                scores[name] = result.result().mean
    finally:
        for result in played.values():
            result.cancel()
    if config.frozen:
        state.best_teacher = {"step": 0, "mean": scores["teacher"]}
    elif state.best_teacher is None or scores["teacher"] >= state.best_teacher["mean"]:
        state.best_teacher = {"step": step, "mean": scores["teacher"]}
        run.save_best_teacher(player_tensors(learners.teacher), state.best_teacher)
    state.evaluation_seconds += time.monotonic() - began
    run.log(EvaluationRecord(step, round(state.seconds, 2), round(state.evaluation_seconds, 2), scores))
    yield Evaluated(step, scores, state.best_teacher["mean"])
