"""Whether this machine can do a run, asked before anything is built: its device, and memory for all its parts."""

import torch

from edgedistill.atari.emulator import STACK
from edgedistill.atari.protocol import GAMES_AT_ONCE
from edgedistill.atari.resize import SIDE
from edgedistill.catalogue import Architecture
from edgedistill.errors import BadRequest
from edgedistill.experience.memory import ReplayMemory
from edgedistill.free_memory import available_bytes
from edgedistill.runs.config import TrainConfig
from edgedistill.runs.ensemble import architecture_of

# Python, torch and what they keep, in a run of usual size.
BASE_BYTES = 1_000_000_000
# An emulator in its vector with its frames (docs/decisions.md).
EMULATOR_BYTES = 2_000_000
# Of each network: weights, gradients, two moments, the average, the copy that acts, all float32. While a checkpoint is
# written, weights, moments and average are there twice more: as bytes, and as bytes with their digest in place.
BYTES_PER_PARAMETER = (6 + 2 * 4) * 4
# Of each frame of the memory while it is written, four times what it is packed to: packed, twice as above, and what
# packing leaves (3.7 was measured). Beam Rider's pack worst of three games, to 365 bytes (docs/decisions.md).
SAVED_BYTES_PER_FRAME = 4 * 365
# Of each sample that is learnt from: what layers give, and the gradients of it.
PASSES = 2
# One is played while the one before is learnt from.
ROLLOUTS = 2
# What fits is free memory of this moment, and runs compare only where it comes out the same again: so it is rounded
# down, above so many frames to the coarser step.
COARSE_ABOVE, COARSE, FINE = 200_000, 100_000, 10_000
FRAMES, EMULATORS = "the memory of frames", "emulators"
# The setting that makes each part smaller.
OPTIONS = {
    FRAMES: "--memory-frames",
    EMULATORS: "--envs",
    "rollouts": "--envs or --rollout-length",
    "minibatches": "--minibatch or --student-batch",
    "networks": "--student",
}


def check_machine(config: TrainConfig, actions: int, *, resumes: bool = False) -> None:
    """Refuse a run that this machine cannot do.

    Args:
        actions: size of the game's action set.
        resumes: whether the run is there already, and what it takes is settled.

    Raises:
        BadRequest: it has no such device, or less memory free than the run takes.
    """
    if config.device == "cuda" and not torch.cuda.is_available():
        raise BadRequest("--device cuda: torch finds no GPU here. Leave it, or use --device cpu.")
    available = available_bytes()
    parts = memory_parts(config, actions)
    needed = sum(parts.values())
    if available is None or needed <= available:
        return
    largest = max(OPTIONS, key=lambda part: parts[part])
    advice = f"Use {OPTIONS[largest]} with less"
    if largest == FRAMES:
        advice = f"Use --memory-frames {fitting_frames(config, actions)} or less"
    if resumes:
        advice = "Close other programs, or go on on a machine with more"
    shares = ", ".join(f"{part} {size / 1e9:.1f} GB" for part, size in sorted(parts.items(), key=lambda each: -each[1]))
    raise BadRequest(
        f"This run takes some {needed / 1e9:.1f} GB of memory, and this machine has {available / 1e9:.1f} GB free. "
        f"{advice}. ({shares})"
    )


def fitting_frames(config: TrainConfig, actions: int) -> int:
    """The run's `memory_frames`, or as many as fit beside the rest of it, in round numbers."""
    available = available_bytes()
    if available is None:
        return config.memory_frames
    rest = sum(size for part, size in memory_parts(config, actions).items() if part != FRAMES)
    fitting = (available - rest) // _memory_bytes(1, actions)
    if fitting >= config.memory_frames:
        return config.memory_frames
    step = COARSE if fitting > COARSE_ABOVE else FINE
    return min(config.memory_frames, max(fitting // step * step, FINE))


def memory_parts(config: TrainConfig, actions: int) -> dict[str, int]:
    """Bytes that a run takes at its largest, by what for."""
    students = list(config.students)
    teachers = [architecture_of(member.network) for member in config.ensemble]
    teachers = teachers or [architecture_of(config.teacher_network)]
    networks = [*teachers, *students]
    samples = config.envs * _values(teachers, actions)
    if not config.frozen:
        samples += PASSES * config.minibatch * _values(teachers, actions)
    samples += PASSES * config.student_batch * _values(students, actions)
    emulators = config.envs + GAMES_AT_ONCE * min(config.lanes, 1 + len(students))
    return {
        "Python and torch": BASE_BYTES,
        FRAMES: _memory_bytes(config.memory_frames, actions) if config.needs_memory else 0,
        "rollouts": ROLLOUTS * (config.rollout_length + 1) * config.envs * STACK * SIDE * SIDE,
        EMULATORS: emulators * EMULATOR_BYTES,
        "networks": BYTES_PER_PARAMETER * sum(network.parameters(actions) for network in networks),
        "minibatches": samples,
    }


def _memory_bytes(frames: int, actions: int) -> int:
    """Bytes of the memory of frames, and of what a checkpoint makes of it."""
    return ReplayMemory.bytes_needed(frames, actions) + SAVED_BYTES_PER_FRAME * frames


def _values(networks: list[Architecture], actions: int) -> int:
    """Bytes of what all layers of some networks take and give for one sample."""
    return sum(network.cost(actions).activation_bytes for network in networks)
