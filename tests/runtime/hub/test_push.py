"""Students shared by the real huggingface_hub, and taken back from there."""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import onnx
import pytest

from edgedistill.errors import BadRequest
from edgedistill.runtime.api import load_policy
from edgedistill.runtime.shipped import shipped_student

huggingface_hub = pytest.importorskip("huggingface_hub")

TOKEN = "hf_writer"
BESIDE = shipped_student("pong").parent


@pytest.fixture
def micro(tmp_path) -> Path:
    """A student with its card and a recording."""
    (tmp_path / "mine").mkdir()
    for name in ("micro.onnx", "micro.md", "play.gif"):
        shutil.copy(BESIDE / name, tmp_path / "mine" / name)
    return tmp_path / "mine" / "micro.onnx"


def push(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own, since huggingface_hub reads its settings when it is imported."""
    command = [sys.executable, "-m", "edgedistill", "hub", "push", *map(str, arguments)]
    ours = {"HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "COLUMNS": "300"}
    return subprocess.run(
        command, env={**os.environ, **ours, **environment}, capture_output=True, text=True, timeout=120
    )


def test_what_is_pushed_comes_back(hub, micro, cli):
    hub.writers = {TOKEN}
    outcome = push(micro, "ada/pong", HF_TOKEN=TOKEN)
    assert outcome.returncode == 0, outcome.stderr
    repository = hub.repositories["ada/pong"]
    assert f"pushed {hub.address}/ada/pong, commit {repository.branches['main']}" in outcome.stdout
    assert "edgedistill play hub:ada/pong" in outcome.stdout
    assert sorted(repository.files) == ["README.md", "micro.md", "micro.onnx", "pong.gif"]
    assert repository.files["micro.onnx"] == micro.read_bytes()
    assert repository.files["pong.gif"] == (micro.parent / "play.gif").read_bytes()
    assert load_policy("hub:ada/pong").card.student == "micro"
    # A second student joins; the first is there already.
    hub.repositories["ada/pong"].files["LICENSE"] = b"MIT"
    outcome = push(micro, shipped_student("pong", "nano"), "ada/pong", "--json", HF_TOKEN=TOKEN)
    files = hub.repositories["ada/pong"].files
    assert json.loads(outcome.stdout)["commit"] == hub.repositories["ada/pong"].branches["main"]
    assert {"micro.onnx", "nano.onnx", "LICENSE"} <= set(files)
    assert b"| `nano.onnx` | pong |" in files["README.md"]
    assert len([path for path in hub.paths(hub.storage) if path.startswith("/upload/")]) == 3


def test_of_several_students_the_next_command_names_one(hub, micro, cli):
    hub.writers = {TOKEN}
    outcome = push(micro, shipped_student("pong", "nano"), "ada/two", HF_TOKEN=TOKEN)
    command = outcome.stdout.rpartition("next:\n")[2].split()
    assert command == ["edgedistill", "play", "hub:ada/two:micro.onnx"]
    assert cli(*command[1:], "--headless", "--max-steps", 5).code == 0


def test_one_game_has_neither_interval_nor_deviation(micro, cli):
    model = onnx.load(micro)
    card = load_policy(micro).card
    score = replace(card.scores["student"][0], mean=21.0, low=21.0, high=21.0, episodes=1, returns=())
    onnx.helper.set_model_props(model, replace(card, scores={"student": (score,)}).to_metadata())
    micro.write_bytes(model.SerializeToString())
    page = json.loads(cli("hub", "push", micro, "ada/pong", "--dry-run", "--json").out)["page"]
    assert '      value: "21.00"\n' in page
    assert "| 21.00 | – |" in page
    assert "\nReturn of one game: ε 0.01, sticky actions 0, up to 30 no-ops" in page


@pytest.mark.parametrize("name", ["micro.md", "micro.gif", "play.gif", "play.mp4"])
def test_a_link_beside_a_student_is_not_published(cli, micro, tmp_path, name):
    """A folder that came from elsewhere may have one that leads to a secret of whoever pushes."""
    secret, link = tmp_path / "id_ed25519", micro.with_name(name)
    secret.write_bytes(b"GIF8ftyp PRIVATE KEY")
    link.unlink(missing_ok=True)
    link.symlink_to(secret)
    outcome = cli("hub", "push", micro, "ada/pong", "--dry-run")
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
    assert f"{link} is a symbolic link" in outcome.err
    assert "Put a copy there, or remove the link." in outcome.err


def test_a_student_that_is_named_may_be_a_link(cli, micro, tmp_path):
    (tmp_path / "best.onnx").symlink_to(micro)
    outcome = cli("hub", "push", tmp_path / "best.onnx", "ada/pong", "--dry-run", "--json")
    assert sorted(json.loads(outcome.out)["files"]) == ["README.md", "best.onnx"]


@pytest.mark.parametrize(("name", "kind"), [("micro.gif", "GIF"), ("play.gif", "GIF"), ("play.mp4", "MP4")])
def test_a_file_that_is_no_recording_is_not_published(cli, micro, name, kind):
    micro.with_name(name).write_text("hf_token of somebody")
    outcome = cli("hub", "push", micro, "ada/pong", "--dry-run")
    assert (outcome.code, outcome.out) == (2, "")
    assert f"{name} is no {kind}, and would be published as one" in outcome.err


def test_a_video_is_what_the_hub_replays(cli, micro):
    micro.with_suffix(".mp4").write_bytes(b"\0\0\0 ftypisom")
    assert "replay.mp4" in json.loads(cli("hub", "push", micro, "ada/pong", "--dry-run", "--json").out)["files"]


def test_a_private_repository_is_for_nobody_else(hub, micro, monkeypatch):
    hub.writers = {TOKEN}
    assert push(micro, "ada/mine", "--private", HF_TOKEN=TOKEN).returncode == 0
    with pytest.raises(BadRequest, match="or a private one"):
        load_policy("hub:ada/mine")
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert load_policy("hub:ada/mine").card.student == "micro"


def test_the_page_is_what_the_hub_lists(micro, cli):
    nano = shipped_student("breakout", "nano")
    outcome = cli("hub", "push", micro, nano, "ada/two", "--dry-run", "--json")
    answer = json.loads(outcome.out)
    assert sorted(answer["files"]) == [
        "README.md",
        "breakout.gif",
        "micro.md",
        "micro.onnx",
        "nano.md",
        "nano.onnx",
        "pong.gif",
    ]
    card = huggingface_hub.ModelCard(answer["page"])
    data = card.data.to_dict()
    assert data["library_name"] == "edgedistill"
    tags = {"PongNoFrameskip-v4", "BreakoutNoFrameskip-v4", "pong", "reinforcement-learning", "onnx", "int8"}
    assert tags | {"deep-reinforcement-learning"} <= set(data["tags"])
    first = card.data.eval_results[0]
    assert (first.task_type, first.dataset_name, first.metric_type) == (
        "reinforcement-learning", "PongNoFrameskip-v4", "mean_reward",
    )  # fmt: skip
    score = load_policy(micro).card.score("student", 0.01)
    assert first.metric_value == f"{score.mean:.2f} +/- {score.deviation:.2f}" == "19.70 +/- 1.17"
    assert [result.dataset_name for result in card.data.eval_results] == [
        "PongNoFrameskip-v4", "BreakoutNoFrameskip-v4",
    ]  # fmt: skip
    for expected in ("edgedistill play hub:ada/two:micro.onnx", "![pong](pong.gif)", "| `nano.onnx` | breakout |"):
        assert expected in answer["page"]
    assert "19.70 [19.46, 19.92]" in answer["page"]
    # The page tells how to install what is not on PyPI as the README does.
    (install,) = re.findall(r"```sh\n(.+)\nedgedistill play", answer["page"])
    assert f"```sh\n{install}\nedgedistill play" in (Path(__file__).parents[3] / "README.md").read_text(
        encoding="utf-8"
    )


@pytest.mark.parametrize("game", ["pong", "breakout"])
def test_the_page_is_tagged_with_the_precision_of_either_format(game, cli):
    """Pong's micro is of format version 1, Breakout's of 2."""
    outcome = cli("hub", "push", shipped_student(game, "micro"), "ada/one", "--dry-run", "--json")
    assert "int8" in huggingface_hub.ModelCard(json.loads(outcome.out)["page"]).data.tags


def test_a_dry_run_needs_no_hub_and_prints_the_page(cli, micro, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "https://127.0.0.1:1")
    outcome = cli("hub", "push", micro, "ada/pong", "--dry-run")
    assert outcome.code == 0
    assert re.search(r"(?m)^  micro.onnx  34.9 KB$", outcome.out)
    assert "library_name: edgedistill" in outcome.out


def test_who_may_not_write_is_told(hub, micro):
    hub.writers = {TOKEN}
    for token, complaint in (
        ("", "Pushing needs a token that may write"),
        ("nobody", "does not accept the token"),
        ("hf_reader", "The token may not write to ada/pong"),
    ):
        outcome = push(micro, "ada/pong", HF_TOKEN=token)
        assert (outcome.returncode, outcome.stdout) == (2, "")
        assert complaint in outcome.stderr
        assert outcome.stderr.count("\n") == 1
    assert hub.repositories == {}


def test_a_hub_that_fails_or_is_away_is_a_failure(hub, micro):
    hub.writers, hub.status = {TOKEN}, 400
    outcome = push(micro, "ada/pong", HF_TOKEN=TOKEN)
    assert outcome.returncode == 1
    assert "refuses the push with status 400 (not today" in outcome.stderr
    outcome = push(micro, "ada/pong", HF_TOKEN=TOKEN, HF_ENDPOINT="http://127.0.0.1:1")
    assert outcome.returncode == 1
    assert "failed (" in outcome.stderr
    assert outcome.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["missing.onnx", "ada/pong"], "missing.onnx: cannot be read"),
        (["pong", "ada/pong:x.onnx"], "A push goes to the newest revision of a whole repository: ada/pong"),
        (["pong", "ada/pong@v1"], "A push goes to the newest revision of a whole repository: ada/pong"),
        (["pong", "pong"], "A file on the hub is called USER/REPO"),
        (["pong", "pong", "ada/both"], "Two files are called micro.onnx"),
        (["README.md", "ada/pong"], "README.md: a student on the hub is called SOMETHING.onnx"),
    ],
)
def test_a_bad_request_is_one_line(cli, arguments, complaint, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("README.md").write_text("# nothing")
    outcome = cli("hub", "push", *arguments, "--dry-run")
    assert outcome.code == 2
    assert complaint in outcome.err
    assert outcome.err.count("\n") == 1


def test_without_huggingface_hub_the_pip_command_is_told(hub, micro, tmp_path):
    (tmp_path / "huggingface_hub").mkdir()
    (tmp_path / "huggingface_hub" / "__init__.py").write_text("raise ModuleNotFoundError(name='huggingface_hub')")
    outcome = push(micro, "ada/pong", PYTHONPATH=str(tmp_path), HF_TOKEN=TOKEN)
    assert outcome.returncode == 1
    assert outcome.stderr.endswith("Install it: pip install 'edgedistill[hub]'\n")
