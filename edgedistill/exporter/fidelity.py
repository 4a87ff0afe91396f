"""How close an exported student is to the one that was trained, on frames of its own play."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgedistill.atari.emulator import Frames
from edgedistill.atari.protocol import Act, Episode, Protocol
from edgedistill.networks.network import GreedyPolicy
from edgedistill.runtime.policy import Policy

# Per ε. Games at ε 0.01 are much alike, and what they never show is clipped later: with 2,000 frames each at 0.01 and
# 0.05, a 1.6% Pong student and its int8 self agreed on 95.2% of play from another seed, with an error of a logit up to
# 2.7; with as many frames, but also at 0.15 and 0.3, on 98.0%, with errors up to 0.6.
CALIBRATION_FRAMES = 1_000
CALIBRATION_EPSILONS = (0.01, 0.05, 0.15, 0.3)
HELD_OUT_FRAMES = 5_000
HELD_OUT_EPSILON = 0.01
CALIBRATION_SEED, HELD_OUT_SEED = 401, 402
# Compared at once: a fully connected layer's activations of so many frames take some megabytes.
BATCH = 250


def play_frames(act: Act, game: str, count: int, *, seed: int, epsilon: float) -> Frames:
    """(count, 84, 84, 4) uint8: what a policy sees in its own play from `seed`."""
    protocol = Protocol(epsilon=epsilon, seed=seed)
    emulator = protocol.emulator(game)
    frames: list[Frames] = []
    number = 0
    while len(frames) < count:
        episode = Episode(emulator, protocol, number)
        while not episode.over and len(frames) < count:
            frames.append(emulator.frames)
            episode.step(int(act(frames[-1][None])[0]))
        number += 1
    return np.stack(frames)


def calibration_frames(act: Act, game: str) -> Frames:
    """(N, 84, 84, 4) uint8 on which the ranges of activations are measured."""
    played = [
        play_frames(act, game, CALIBRATION_FRAMES, seed=CALIBRATION_SEED, epsilon=epsilon)
        for epsilon in CALIBRATION_EPSILONS
    ]
    return np.concatenate(played)


def held_out_frames(act: Act, game: str) -> Frames:
    """(N, 84, 84, 4) uint8 on which an export is compared, of another seed."""
    return play_frames(act, game, HELD_OUT_FRAMES, seed=HELD_OUT_SEED, epsilon=HELD_OUT_EPSILON)


@dataclass(frozen=True)
class Fidelity:
    """How close an exported student is to its original on some frames."""

    agreement: float
    """Share of frames with equal actions"""
    regret: float
    """What the exported student's actions are worth less than the best, by the original's logits, as a share of their
    spread (best minus mean)"""
    largest_error: float
    """Largest absolute difference of a logit"""


def fidelity(policy: Policy, reference: GreedyPolicy, frames: Frames) -> Fidelity:
    """Compare on frames (N, 84, 84, 4)."""
    exported: list[NDArray[np.float32]] = []
    expected: list[NDArray[np.float32]] = []
    for start in range(0, len(frames), BATCH):
        exported.append(policy.logits(frames[start : start + BATCH]))
        expected.append(reference.values(frames[start : start + BATCH]))
    ours, theirs = np.concatenate(exported), np.concatenate(expected)
    best, picked = theirs.max(axis=1), theirs[np.arange(len(theirs)), ours.argmax(axis=1)]
    return Fidelity(
        float((ours.argmax(axis=1) == theirs.argmax(axis=1)).mean()),
        float((best - picked).mean() / max((best - theirs.mean(axis=1)).mean(), 1e-9)),
        float(np.abs(ours - theirs).max()),
    )
