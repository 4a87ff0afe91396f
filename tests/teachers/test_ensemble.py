"""Several frozen teachers as one policy."""

from dataclasses import replace

import pytest
import torch

from edgedistill.cli import main
from edgedistill.distill.events import Progress
from edgedistill.distill.starting import new_run
from edgedistill.distill.training import train
from edgedistill.errors import BadRequest
from edgedistill.exporter.export import export_student
from edgedistill.exporter.options import ExportOptions
from edgedistill.networks.ensemble import EnsembleNetwork
from edgedistill.networks.network import AtariNetwork
from edgedistill.runs.ensemble import MOST_MEMBERS
from edgedistill.runs.folder import RunFolder
from edgedistill.teachers.trained import load_trained
from tests.conftest import TINY
from tests.torch_files import DqnPolicy, PpoPolicy, torch_bytes, zipped

SMALL = {
    name: getattr(TINY, name)
    for name in (
        "envs",
        "rollout_length",
        "minibatch",
        "memory_frames",
        "student_batch",
        "threads",
        "evaluate_episodes",
    )
}
STUDENTS = TINY.students[1:]
# Members are not measured on their own play.
QUICK = {"steps": 128, "temperature_kind": "fixed", "temperature": 0.1}


def sb3_file(path, policy):
    path.write_bytes(zipped({"data": "{}", "policy.pth": torch_bytes(policy.state_dict())}))
    return f"sb3:{path}"


def start(path, *sources, game="pong", **given):
    return new_run(path, game, STUDENTS, "pqn", "realtime", sources, {**SMALL, **QUICK, **given})


def test_the_mean_of_its_members_policies_each_at_its_own_temperature():
    torch.manual_seed(0)
    members = [AtariNetwork(STUDENTS[0], 6, plain=True) for _ in range(3)]
    temperatures = [0.01, 1.0, 3.0]
    x = 255 * torch.rand(5, 64, 21, 21)
    policies = [(member(x) / t).softmax(dim=1) for member, t in zip(members, temperatures, strict=True)]
    found = EnsembleNetwork(members, temperatures)(x).softmax(dim=1)
    assert torch.allclose(found, sum(policies) / 3, atol=1e-6)


@pytest.fixture(scope="module")
def ensemble(tiny_run, tmp_path_factory) -> RunFolder:
    """A trained run whose teacher is a run of ours and two stable-baselines3 files, one without Q-values."""
    folder = tmp_path_factory.mktemp("ensemble")
    theirs = [sb3_file(folder / f"{kind.__name__}.zip", kind(6)) for kind in (DqnPolicy, PpoPolicy)]
    settings = [part for name, value in SMALL.items() for part in (f"--{name.replace('_', '-')}", str(value))]
    sources = [part for source in (str(tiny_run.path), *theirs) for part in ("--teacher-from", source)]
    with pytest.raises(SystemExit, match="0"):
        main(["train", "--out", str(folder / "run"), *sources, "--student", "pico", *settings, "--steps", "192"])
    return RunFolder.open(folder / "run")


def test_teachers_of_all_kinds_join(ensemble, tiny_run):
    config = ensemble.config()
    assert [member.kind for member in config.ensemble] == ["pqn", "dqn", "dqn"]
    assert not config.teacher_emits_q
    assert config.ensemble[2].temperature == 1.0  # a PPO teacher's outputs are logits already
    assert config.ensemble[0].temperature != config.ensemble[1].temperature  # each in spreads of its own values
    ours = load_trained(tiny_run, ["best_teacher"])[0].network
    for trained in load_trained(ensemble, ["best_teacher", "last_teacher"]):
        assert torch.equal(trained.network.members[0].head.weight, ours.head.weight)


def test_students_learn_from_it_and_its_run_resumes(ensemble):
    config = replace(ensemble.config(), steps=320, evaluate_every=10**9)
    losses = [event.student_loss for event in train(ensemble, config, resume=True) if isinstance(event, Progress)]
    assert losses[-1]["pico"] > 0


def test_a_student_is_exported_and_its_card_does_not_tell_where_the_teachers_lay(ensemble, tmp_path):
    output = tmp_path / "pico.onnx"
    export_student(ensemble, "pico", output, ExportOptions(episodes=1, epsilons=(0.01,), allow_disagreement=True))
    card = output.with_suffix(".md").read_text()
    assert '"teacher_from": "tiny + DqnPolicy.zip + PpoPolicy.zip"' in card
    assert str(ensemble.path.parent) not in card


def test_members_of_an_ensemble_count_one_by_one(ensemble, tiny_run, tmp_path):
    run, config = start(tmp_path / "run", str(ensemble.path), str(tiny_run.path))
    assert config.ensemble[:3] == ensemble.config().ensemble
    again = load_trained(ensemble, ["best_teacher"])[0].network
    tensors, _ = run.load_best_teacher()
    for number, member in enumerate(again.members):
        assert torch.equal(tensors[f"teacher.members.{number}.head.weight"], member.head.weight)
    _, alone = start(tmp_path / "alone", str(ensemble.path))
    assert alone.ensemble == ensemble.config().ensemble


def test_what_does_not_fit_is_refused_before_there_is_a_folder(ensemble, tiny_run, tmp_path):
    path, ours = tmp_path / "run", str(tiny_run.path)
    other = RunFolder.create(tmp_path / "other", replace(TINY, game="breakout"))
    with pytest.raises(BadRequest, match="plays breakout, not pong"):
        start(path, ours, str(other.path))
    with pytest.raises(BadRequest, match="9 actions, and pong has 6"):
        start(path, ours, sb3_file(tmp_path / "nine.zip", DqnPolicy(9)))
    with pytest.raises(BadRequest, match="an ensemble has none"):
        start(path, ours, ours, loss="mse")
    with pytest.raises(BadRequest, match="a policy, not Q-values"):
        start(path, ours, ours, loss="kl+self-q")
    with pytest.raises(BadRequest, match=f"at most {MOST_MEMBERS} teachers"):
        start(path, *[str(ensemble.path)] * (MOST_MEMBERS // 3 + 1))
    assert not path.exists()
