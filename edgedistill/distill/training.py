"""A whole run: drives the loop of `realtime.py` and tells its observers, who log, save, evaluate and end it."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing

import torch

from edgedistill.atari.games import action_count
from edgedistill.distill.events import Event, Resumed
from edgedistill.distill.handover import hand_over_if_due
from edgedistill.distill.learners import Learners
from edgedistill.distill.machine import check_machine
from edgedistill.distill.observers import OBSERVERS
from edgedistill.distill.observers.observer import tell
from edgedistill.distill.play import Play, env_groups
from edgedistill.distill.realtime import distil
from edgedistill.distill.resuming import take_up
from edgedistill.distill.running import Running, RunState
from edgedistill.errors import EdgeDistillError
from edgedistill.experience.memory import ReplayMemory
from edgedistill.profiler import Profile, profiling
from edgedistill.runs.config import TrainConfig
from edgedistill.runs.folder import RunFolder
from edgedistill.runs.schedule import restart_due


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

    A resumed run takes over `config`, in which what may change of its settings may have changed.
    Whatever ends it in order (the last step, the minutes, `should_stop`), the last thing done is a checkpoint. A run
    that is stopped while its games are put back keeps the one that it was resumed from.
    `profile` gets the time of each phase; on a GPU, the run then waits for it at each.

    Raises:
        BadRequest: this machine has not the device or the memory for it.
        EdgeDistillError: another process trains in this run; resuming where no checkpoint can be read; a frozen teacher
            that is gone; a loss that is no longer finite, or past all bounds; a disk that is full.
    """
    check_machine(config, action_count(config.game), resumes=resume)
    torch.set_num_threads(config.lane_threads)
    with ExitStack() as opened, ThreadPoolExecutor(config.lanes, "lane") as lanes, profiling(profile):
        opened.enter_context(run.alone())
        envs = [opened.enter_context(closing(group)) for group in env_groups(config)]
        learners = Learners.build(config, envs[0].actions)
        _tell_profile(profile, config, learners)
        frames = config.memory_frames if config.needs_memory else 1
        memory = ReplayMemory(frames, config.envs, config.rollout_length, envs[0].actions)
        if config.frozen:
            _load_frozen_teacher(run, learners)
        play = Play(config, learners, envs, lanes)
        step, state, owes, restarts = 0, RunState(best_teaches=config.frozen), False, True
        if resume:
            step, state, owes, games = take_up(run, config, learners, memory, warn)
            restarts = restart_due(config, step) or not play.was_in(games, step)
            if not restarts and not play.put_back(games, should_stop, warn):
                yield Resumed(step)
                return

        running = Running(run, config, learners, memory, play, lanes, should_stop, state, step, owes)
        wanted = [observer for observer in OBSERVERS if observer.is_wanted(running)]
        observers = [opened.enter_context(closing(observer(running))) for observer in wanted]
        if resume:
            yield from tell(observers, Resumed(step))
        if running.stopped:
            return
        hand_over_if_due(running)
        for progress in distil(config, learners, memory, play, step, lanes, restarts=restarts):
            running.step, running.state.asked_steps = progress.step, config.steps
            running.tick()
            yield from tell(observers, progress)
            if running.at_end or running.stopped:
                break
            hand_over_if_due(running)


def _tell_profile(profile: Profile | None, config: TrainConfig, learners: Learners) -> None:
    if profile is not None:
        profile.lanes = config.lanes
        if learners.teacher.player.device.type == "cuda":
            profile.synchronise = torch.cuda.synchronize


def _load_frozen_teacher(run: RunFolder, learners: Learners) -> None:
    best = run.load_best_teacher()
    if best is None:
        raise EdgeDistillError(f"{run.path} has lost its teacher, best_teacher.safetensors. Train into a new folder.")
    learners.teacher.load(best[0])
