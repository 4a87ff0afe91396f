import io

import pytest
from rich.console import Console
from rich.live import Live

from edgedistill.cli import output
from edgedistill.cli.output import Stages


@pytest.fixture
def seconds(monkeypatch):
    """What the clock says: `seconds[0]`."""
    now = [1000.0]
    monkeypatch.setattr(output.time, "monotonic", lambda: now[0])
    return now


def test_a_terminal_sees_the_score_so_far_and_the_time_left_by_the_pace_of_the_games_played_now(seconds):
    live = Live(console=Console(file=io.StringIO(), force_terminal=True), auto_refresh=False)
    stage = Stages(live)
    for name in ("the student", "the teacher"):
        stage(f"playing: {name}")
        # Three games of before took no time.
        stage.on_games([10.0, 20.0, 30.0], 8)
        assert str(live.renderable) == f"playing: {name}, 3 over, mean 20"
        seconds[0] += 120
        stage.on_games([10.0, 20.0, 30.0, 1234.0], 8)
        assert str(live.renderable) == f"playing: {name}, 4 over, mean 323.5, 8 min left"
        seconds[0] += 600
    stage("writing")
    assert str(live.renderable) == "writing"


def test_elsewhere_a_stage_is_a_line_whatever_is_played_in_it(cli, tiny_run, tmp_path):
    exported = cli(
        "export", tiny_run.path, "-o", tmp_path / "x.onnx", "--student", "pico", "--episodes", 2, "--epsilon", 0.05,
        "--allow-disagreement",
    )  # fmt: skip
    assert exported.code == 0
    assert [line for line in exported.err.splitlines() if line.startswith("playing")] == [
        f"playing 2 games at ε 0.05: {player}" for player in ("the exported student", "best teacher", "last teacher")
    ]
