"""Real parts in small sizes: a run of a few seconds and the student exported from it."""

import os
import signal
import subprocess
import sys

# Before rich is imported: one long line per message, so that tests can look for whole sentences.
os.environ["COLUMNS"] = "300"

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from edgedistill.catalogue import find_architecture, load_catalogue
from edgedistill.cli import main
from edgedistill.distill.training import train
from edgedistill.exporter.export import export_student
from edgedistill.exporter.exported import Exported
from edgedistill.exporter.options import ExportOptions
from edgedistill.runs.config import TrainConfig
from edgedistill.runs.folder import RunFolder
from edgedistill.runs.metrics import EvaluationRecord, ProgressRecord
from tests.hub_server import Hub, serving

# How long an example takes is the machine's affair.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")

# A shell's background job ignores Ctrl-C, what `nohup` starts a closed terminal, and so would all that tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

TINY = TrainConfig(
    "pong",
    (find_architecture("micro"), find_architecture("pico")),
    steps=512,
    envs=4,
    rollout_length=16,
    minibatch=32,
    memory_frames=128,
    student_batch=32,
    student_batches=1.0,
    epsilon_decay_steps=256,
    evaluate_every=512,
    evaluate_episodes=1,
    checkpoint_every=128,
    threads=1,
)


# The settings of `presets.py` without which a DQN teacher is refused.
DQN: dict[str, Any] = {"teacher": "dqn", "teacher_optimiser": "rmsprop", "teacher_average": 0.0}


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory) -> RunFolder:
    """A finished run of 512 agent steps with two students."""
    run = RunFolder.create(tmp_path_factory.mktemp("runs") / "tiny", TINY)
    for _ in train(run, TINY):
        pass
    return run


@pytest.fixture(scope="session")
def float_run(tmp_path_factory) -> RunFolder:
    """A finished run of 256 agent steps whose one student, `pico`, never computed in integers."""
    config = replace(TINY, students=TINY.students[1:], steps=256, evaluate_every=256, student_integers=0.0)
    run = RunFolder.create(tmp_path_factory.mktemp("runs") / "float", config)
    for _ in train(run, config):
        pass
    return run


@pytest.fixture(scope="session")
def tiny_export(tiny_run, tmp_path_factory) -> Exported:
    """The run's student `pico`, exported with one game per evaluation."""
    output = tmp_path_factory.mktemp("export") / "pico.onnx"
    return export_student(tiny_run, "pico", output, ExportOptions(episodes=1, allow_disagreement=True))


@pytest.fixture(autouse=True)
def short_proofs(monkeypatch) -> None:
    """Exports compare on a tenth of the frames; `tiny_export`, which is made before, on all."""
    monkeypatch.setattr("edgedistill.exporter.fidelity.HELD_OUT_FRAMES", 500)
    monkeypatch.setattr("edgedistill.exporter.fidelity.CALIBRATION_FRAMES", 100)


@pytest.fixture(autouse=True)
def free_memory_unknown(monkeypatch) -> None:
    """What a run may take, and so its settings, does not hang on what runs beside a test."""
    monkeypatch.setattr("edgedistill.distill.machine.available_bytes", lambda: None)


@pytest.fixture
def evaluated_run(tmp_path, monkeypatch) -> Callable[..., Path]:
    """Makes a run's folder out of its evaluations alone, without training.

    `evaluated_run("a", teacher=[1.0, 2.0], micro=[0.5, 1.5], seed=3)` has two evaluations, at agent steps 1,000 and
    2,000, each after one more minute of training and itself half a minute long. The path is relative to the working
    directory, which becomes `tmp_path`.
    """
    monkeypatch.chdir(tmp_path)

    def make(name: str, *, teacher: list[float], seed: int = 0, game: str = "breakout", **rest: Any) -> Path:
        catalogue = load_catalogue()
        scores = {"teacher": teacher} | {key: value for key, value in rest.items() if key in catalogue}
        settings = {key: value for key, value in rest.items() if key not in catalogue}
        students = tuple(catalogue[name] for name in scores if name != "teacher")
        run = RunFolder.create(Path(name), TrainConfig(game, students, seed=seed, **settings))
        run.log(ProgressRecord(step=64, seconds=1.0))
        for number in range(1, len(teacher) + 1):
            run.log(
                EvaluationRecord(
                    step=1000 * number,
                    seconds=60.0 * number + 30.0 * (number - 1),
                    evaluation_seconds=30.0 * number,
                    scores={player: values[number - 1] for player, values in scores.items()},
                )
            )
        return run.path

    return make


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str


@pytest.fixture
def cli(capfd) -> Callable[..., Outcome]:
    """Run the command line in this process: `cli("zoo", "--json")`."""

    def run(*arguments: object) -> Outcome:
        capfd.readouterr()
        with pytest.raises(SystemExit) as exit_info:
            main([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        code = exit_info.value.code
        return Outcome(code if isinstance(code, int) else int(code is not None), out, err)

    return run


def cli_without(library: str, *arguments: object) -> Outcome:
    """Run the command line in an interpreter of its own, which cannot import `library`."""
    code = f"import sys; sys.modules[{library!r}] = None; from edgedistill.cli import main; main()"
    command = [sys.executable, "-c", code, *map(str, arguments)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert "Traceback" not in ended.stderr
    return Outcome(ended.returncode, ended.stdout, ended.stderr)


@pytest.fixture
def hub(monkeypatch, tmp_path) -> Iterator[Hub]:
    """A hub that this process asks, an empty cache and nobody's token."""
    for name in os.environ:
        if name.startswith(("HF_", "HUGGING_FACE_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("EDGEDISTILL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("edgedistill.runtime.hub.pull.PAUSES", (0.0, 0.0, 0.0))
    with serving() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.address)
        yield hub
