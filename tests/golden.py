"""What a student does, as hashes that every CPU must give: `golden.json` beside this file holds those recorded.

It needs the base install alone, so that it also runs on a board. It prints what this machine gives, in the form of the
record. After a change that is meant to change play:

    python tests/golden.py > tests/golden.json
"""

import hashlib
import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from edgedistill.atari.emulator import STACK, Emulator, Frames
from edgedistill.atari.protocol import Protocol
from edgedistill.atari.resize import SIDE
from edgedistill.runtime.player import Summary, play
from edgedistill.runtime.policy import Policy
from edgedistill.runtime.shipped import shipped_student

RECORD = Path(__file__).with_name("golden.json")
# The rest may change without a change of play.
DECISIVE_PACKAGES = ("onnxruntime", "ale-py", "numpy")
# Long enough for Pong's first points; an emulated Cortex-A takes some 10 ms a decision.
GAME, STUDENT, SEED, DECISIONS = "pong", "micro", 7, 300
STUDENTS = ("femto", "pico", "nano", "micro", "net5", "net1")
# Too large to ship. Its hash is kept, since no other student has sums as large.
NOT_SHIPPED = "net1"
TEACHERS = Path(__file__).parents[1] / "benchmarks" / "teachers"
# Beside the frames of play, frames of black and white noise: sums as large as no game makes them.
NOISE_FRAMES = 64
# Every screen height that there is: 210 (all 57 games of the table), 214, 220, 230 and 250.
GAMES = (
    "breakout",
    "montezuma_revenge",
    "ms_pacman",
    "pong",
    "qbert",
    "seaquest",
    "space_invaders",
    "carnival",
    "pooyan",
    "journey_escape",
    "air_raid",
)
# Sticky actions draw on the emulator's own randomness. One game is enough: they reload the ROM, a second when emulated.
STICKY = {"breakout": 0.25}
STEPS = 30


def recorded() -> dict[str, Any]:
    """The record: see `observed`."""
    record: dict[str, Any] = json.loads(RECORD.read_text())
    return record


def student_file(student: str) -> Path:
    """A student of the recorded game: one that ships, or `net1`, which on a board lies beside this file."""
    if student != NOT_SHIPPED:
        return shipped_student(GAME, student)
    beside = Path(__file__).with_name(f"{student}.onnx")
    return beside if beside.is_file() else TEACHERS / GAME / f"{student}.onnx"


def play_options() -> list[str]:
    """For `edgedistill play`: the recorded game."""
    return ["--seed", str(SEED), "--max-steps", str(DECISIONS), "--json"]


def play_frames() -> tuple[Frames, str]:
    """What the student sees in its own play, (300, 84, 84, 4) uint8, and the hash of its actions."""
    policy = Policy.load(student_file(STUDENT))
    summary, seen = Summary(), []
    protocol = Protocol(episodes=1, seed=SEED)
    for decision in play(policy, protocol, summary, max_steps=DECISIONS):
        seen.append(decision.emulator.frames)
    return np.stack(seen), summary.actions_sha256


def all_frames(played: Frames) -> Frames:
    """Frames of play and of noise, (N, 84, 84, 4) uint8."""
    noise = np.random.default_rng(SEED).integers(0, 2, (NOISE_FRAMES, SIDE, SIDE, STACK), dtype=np.uint8)
    return np.concatenate([played, noise * np.uint8(255)])


def logits_sha256(policy: Policy, frames: Frames, batch: int = 1) -> str:
    """The logits' bytes, for frames (N, 84, 84, 4) in batches of this size."""
    logits = [policy.logits(frames[start : start + batch]) for start in range(0, len(frames), batch)]
    return hashlib.sha256(np.concatenate(logits).astype("<f4").tobytes()).hexdigest()


def game_sha256(game: str) -> str:
    """Frames, rewards and game overs of random actions."""
    emulator = Emulator(game, sticky=STICKY.get(game, 0.0))
    emulator.reset(SEED)
    rng = np.random.default_rng(SEED)
    digest = hashlib.sha256(emulator.frames.tobytes())
    for _ in range(STEPS):
        reward, over = emulator.step(int(rng.integers(len(emulator.actions))))
        digest.update(emulator.frames.tobytes() + f"{reward} {over}".encode())
        if over:
            emulator.reset(SEED)
    return digest.hexdigest()


def cpu_features() -> list[str]:
    """The CPU's vector instructions as numpy finds them: by CPUID on x86, as onnxruntime does."""
    from numpy._core._multiarray_umath import __cpu_features__

    return sorted(name for name, present in __cpu_features__.items() if present)


def observed() -> dict[str, Any]:
    """What this machine gives."""
    played, actions_sha256 = play_frames()
    frames = all_frames(played)
    return {
        "recorded_with": {name: version(name) for name in DECISIVE_PACKAGES},
        "play": {
            "game": GAME,
            "student": STUDENT,
            "seed": SEED,
            "max_steps": DECISIONS,
            "actions_sha256": actions_sha256,
            "frames_sha256": hashlib.sha256(played.tobytes()).hexdigest(),
        },
        "logits": {student: logits_sha256(Policy.load(student_file(student)), frames) for student in STUDENTS},
        "frames": {game: game_sha256(game) for game in GAMES},
    }


if __name__ == "__main__":
    print(json.dumps(observed(), indent=2))  # noqa: T201
