"""One measurement of one contestant of `train_throughput.py`, which runs this file in a process of its own.

    python benchmarks/train_contestants.py '{"contestant": "pqn+1", "game": "pong", …}'

Prints a JSON object: agent steps/s once all learn, CPU seconds a second, peak memory. On the CPU; Linux only (/proc).
"""

import json
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from edgedistill.atari.blocks import BLOCK, to_input
from edgedistill.atari.emulator import STACK
from edgedistill.atari.games import gym_name
from edgedistill.atari.resize import SIDE
from edgedistill.atari.training_env import TrainingEnvs
from edgedistill.catalogue import NATURE_DQN, find_architecture
from edgedistill.distill.learners import Learners
from edgedistill.distill.play import Play, env_groups
from edgedistill.distill.realtime import distil
from edgedistill.experience.memory import ReplayMemory
from edgedistill.networks.network import AtariNetwork, native_bf16
from edgedistill.runs.config import TrainConfig
from edgedistill.runs.presets import preset

STUDENTS = {
    0: (),
    1: ("micro",),
    4: ("net1", "net5", "micro", "nano"),
    8: ("net1", "net2", "net3", "net4", "net5", "micro", "nano", "pico"),
}
# Agent steps after the first that learns: libraries choose their kernels, optimisers make their moments.
WARM_UP_STEPS = 256
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Settings:
    """What is measured, and how long."""

    contestant: str
    game: str
    """ROM name"""
    seconds: float
    threads: int
    memory_frames: int
    """Frames of each memory; all learn from it once it is full"""
    seed: int


@dataclass(frozen=True)
class Measured:
    """What was found."""

    agent_steps_per_second: float
    cpu: float
    """User and system time, per second"""
    peak_bytes: int
    """Resident memory of the process at its largest"""
    parts: dict[str, float] = field(default_factory=dict)
    """Of the floor: seconds per agent step"""


class Window:
    """The time that is measured."""

    def __init__(self) -> None:
        self._cpu = _cpu_seconds()
        self._began = time.perf_counter()

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self._began

    def close(self, agent_steps: float) -> Measured:
        seconds = self.seconds
        return Measured(agent_steps / seconds, (_cpu_seconds() - self._cpu) / seconds, _peak_bytes())


def measure(advance: Callable[[], int], seconds: float) -> Measured:
    """Call `advance`, which returns the agent steps that it took, for so long."""
    window, steps = Window(), 0
    while window.seconds < seconds:
        steps += advance()
    return window.close(steps)


def ours(settings: Settings, teacher: str, count: int) -> Measured:
    """The loop of `edgedistill train` with so many students, evaluations and checkpoints left out."""
    waiting = {"learning_starts": settings.memory_frames} if teacher == "dqn" else {}
    given = {"memory_frames": settings.memory_frames, "threads": settings.threads, "seed": settings.seed, **waiting}
    config = TrainConfig(
        settings.game,
        tuple(find_architecture(name) for name in STUDENTS[count]),
        teacher=teacher,
        device="cpu",
        **{**preset(teacher=teacher, mode="realtime", frozen=False), **given},
    )
    torch.set_num_threads(config.lane_threads)
    envs = env_groups(config)
    actions = envs[0].actions
    frames = config.memory_frames if config.needs_memory else 1
    memory = ReplayMemory(frames, config.envs, config.rollout_length, actions)
    lanes = ThreadPoolExecutor(config.lanes)
    learners = Learners.build(config, actions)
    loop = distil(config, learners, memory, Play(config, learners, envs, lanes), 0, lanes)
    while True:
        progress = next(loop)
        if progress.teacher_loss is not None and len(progress.student_loss) == count:
            break

    def advance() -> int:
        next(loop)
        return config.report_steps

    advance()
    return measure(advance, settings.seconds)


def sb3(settings: Settings, envs: int) -> Measured:
    """stable-baselines3's DQN on its own preprocessing, its hyperparameters being Mnih et al.'s where it has them.

    With several games an update per 4 agent steps all the same. ε stays at 0.1, where the Nature schedule ends: steps
    with a random action spare it the network.
    """
    import ale_py
    import gymnasium
    from stable_baselines3 import DQN
    from stable_baselines3.common.env_util import make_atari_env
    from stable_baselines3.common.vec_env import VecFrameStack

    gymnasium.register_envs(ale_py)
    emulator = {"frameskip": 1, "repeat_action_probability": 0.0}
    games = make_atari_env(_env_id(settings.game), n_envs=envs, seed=settings.seed, env_kwargs=emulator)
    model = DQN(
        "CnnPolicy",
        VecFrameStack(games, n_stack=STACK),
        learning_rate=2.5e-4,
        buffer_size=settings.memory_frames,
        learning_starts=settings.memory_frames,
        batch_size=32,
        gamma=0.99,
        train_freq=4,
        gradient_steps=envs,
        target_update_interval=10_000,
        exploration_initial_eps=0.1,
        exploration_final_eps=0.1,
        seed=settings.seed,
        device="cpu",
    )
    window: Window | None = None
    measured: Measured | None = None
    before = 0
    warm = settings.memory_frames + WARM_UP_STEPS

    def watch(scope: dict[str, Any], _: dict[str, Any]) -> bool:
        nonlocal window, measured, before
        steps = scope["self"].num_timesteps
        if window is None and steps >= warm:
            window, before = Window(), steps
        elif window is not None and window.seconds >= settings.seconds:
            measured = window.close(steps - before)
        return measured is None

    model.learn(total_timesteps=10**9, callback=watch)
    assert measured is not None
    return measured


def plain(settings: Settings) -> Measured:
    """The loop of `plain_dqn.py`."""
    from plain_dqn import plain_dqn

    loop = plain_dqn(_env_id(settings.game), memory_frames=settings.memory_frames, seed=settings.seed)
    while not next(loop):
        pass
    for _ in range(WARM_UP_STEPS):
        next(loop)

    def advance() -> int:
        next(loop)
        return 1

    return measure(advance, settings.seconds)


def floor(settings: Settings) -> Measured:
    """What PQN's own samples take at this machine's rates: the emulators, a forward pass of each sample to act, forward
    and backward in minibatches for each epoch. Convolutions and fully connected layers alone: no LayerNorm, no
    optimiser, no frames to bring into shape."""
    config = TrainConfig(settings.game, threads=settings.threads)
    envs = TrainingEnvs(config.game, config.envs, threads=config.threads)
    rng = np.random.default_rng(settings.seed)
    envs.reset(settings.seed)
    layers, dtype = teacher_layers(envs.actions)

    def frames(count: int) -> torch.Tensor:
        return to_input(rng.integers(0, 256, (count, STACK, SIDE, SIDE), np.uint8), CPU, dtype) / 255

    acting, learning = frames(config.envs), frames(config.minibatch)

    def play() -> int:
        envs.step(rng.integers(envs.actions, size=config.envs))
        return config.envs

    @torch.inference_mode()
    def act() -> int:
        layers(acting)
        return config.envs

    def learn() -> int:
        layers.zero_grad()
        layers(learning).sum().backward()
        return config.minibatch

    parts, cpu = {}, 0.0
    for name, part, times in (("emulators", play, 1), ("acting", act, 1), ("learning", learn, config.epochs)):
        part()
        measured = measure(part, settings.seconds / 3)
        parts[name] = times / measured.agent_steps_per_second
        cpu += measured.cpu * parts[name]
    total = sum(parts.values())
    return Measured(1 / total, cpu / total, _peak_bytes(), parts)


def teacher_layers(actions: int) -> tuple[nn.Sequential, torch.dtype]:
    """The teacher's matrix products as its loop computes them: on blocks of pixels, channels last, bf16 in hardware."""
    dtype = torch.bfloat16 if native_bf16(CPU) else torch.float32
    first = NATURE_DQN.convs[0]
    blocks = nn.Conv2d(STACK * BLOCK**2, first.channels, first.kernel // BLOCK, first.stride // BLOCK)
    trunk = AtariNetwork(NATURE_DQN, actions, plain=True).trunk
    layers = nn.Sequential(blocks, *list(trunk)[1:], nn.Linear(NATURE_DQN.fc[-1], actions))
    layers.to(dtype).to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in torch's stubs
    return layers, dtype


def _env_id(game: str) -> str:
    """How Gymnasium calls the game's environment."""
    return f"ALE/{gym_name(game).removesuffix('NoFrameskip-v4')}-v5"


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _peak_bytes() -> int:
    # getrusage's peak is inherited from the process that started this one.
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def run(settings: Settings) -> Measured:
    torch.set_num_threads(settings.threads)
    kind, _, count = settings.contestant.partition("+")
    match kind:
        case "pqn" | "dqn":
            return ours(settings, kind, int(count))
        case "sb3-dqn":
            return sb3(settings, envs=int(count))
        case "plain-dqn":
            return plain(settings)
        case _:
            return floor(settings)


if __name__ == "__main__":
    print(json.dumps(asdict(run(Settings(**json.loads(sys.argv[1]))))))
