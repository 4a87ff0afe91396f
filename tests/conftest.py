"""Real parts in small sizes: a run of a few seconds and the student exported from it."""

import os

# Before rich is imported: one long line per message, so that tests can look for whole sentences.
os.environ["COLUMNS"] = "300"

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from edgedistill.catalogue import find_architecture
from edgedistill.cli import main
from edgedistill.distill.training import train
from edgedistill.exporter.export import Exported, export_student
from edgedistill.runs.config import TrainConfig
from edgedistill.runs.folder import RunFolder

TINY = TrainConfig(
    "pong",
    (find_architecture("micro"), find_architecture("pico")),
    steps=512,
    envs=4,
    rollout_length=16,
    minibatch=32,
    memory_frames=128,
    student_batch=32,
    epsilon_decay_steps=256,
    evaluate_every=512,
    evaluate_episodes=1,
    checkpoint_every=128,
    threads=1,
)


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory) -> RunFolder:
    """A finished run of 512 agent steps with two students."""
    run = RunFolder.create(tmp_path_factory.mktemp("runs") / "tiny", TINY)
    for _ in train(run, TINY):
        pass
    return run


@pytest.fixture(scope="session")
def tiny_export(tiny_run, tmp_path_factory) -> Exported:
    """The run's student `pico`, exported with one game per evaluation."""
    output = tmp_path_factory.mktemp("export") / "pico.onnx"
    return export_student(tiny_run, "pico", output, episodes=1, allow_disagreement=True)


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
