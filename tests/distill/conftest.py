"""Runs of a few rollouts need few games and frames; `tiny_run`, which is made before, has whole ones."""

from functools import partial

import pytest

from edgedistill.atari.protocol import Protocol

# Ten seconds of play. A game of Pong takes at least a minute.
GAME_FRAMES = 600
RANGE_FRAMES = 128


@pytest.fixture(autouse=True)
def short_validation_games_and_few_frames_for_ranges(monkeypatch):
    monkeypatch.setattr("edgedistill.distill.observers.evaluations.Protocol", partial(Protocol, max_frames=GAME_FRAMES))
    monkeypatch.setattr("edgedistill.distill.students.RANGE_FRAMES", RANGE_FRAMES)
