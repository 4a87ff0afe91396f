"""A plan of two games in small, whose exports are there from the start: a job then trains, records and draws."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import onnx
import pytest

from edgedistill.zoo_build.plan import Plan

# Both have the same six actions, so that the one exported student plays either.
GAMES = ("pong", "space_invaders")
SETTINGS = {
    "envs": 4, "rollout_length": 16, "minibatch": 32, "memory_frames": 128, "student_batch": 32,
    "epsilon_decay_steps": 256, "evaluate_every": 100_000, "evaluate_episodes": 1, "checkpoint_every": 256,
}  # fmt: skip


@pytest.fixture
def planned(tiny_export, tmp_path) -> Callable[..., tuple[Path, Plan]]:
    """`planned(steps=512)`: a folder with a plan, and its exported students for runs of so many steps."""

    def make(*, steps: int = 512, games: tuple[str, ...] = GAMES) -> tuple[Path, Plan]:
        folder = tmp_path / "zoo"
        plan = Plan(games, ("pico",), steps=steps, episodes=1, settings=SETTINGS)
        plan.save(folder)
        for game in games:
            file = folder / "trained" / game / "pico.onnx"
            file.parent.mkdir(parents=True)
            model = onnx.load(tiny_export.path)
            card = replace(tiny_export.card, game=game, trained_steps=steps)
            onnx.helper.set_model_props(model, card.to_metadata())
            file.write_bytes(model.SerializeToString())
            shutil.copy(tiny_export.path.with_suffix(".md"), file.with_suffix(".md"))
        return folder, plan

    return make
