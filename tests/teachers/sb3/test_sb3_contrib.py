"""Teachers as stable-baselines3 and sb3-contrib themselves save them."""

import json

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces

from edgedistill.atari.blocks import to_input
from edgedistill.catalogue import NATURE_DQN
from edgedistill.errors import BadRequest
from edgedistill.networks.network import AtariNetwork
from edgedistill.teachers.sb3.saved_policy import MAX_SETTINGS_BYTES, read_sb3
from edgedistill.teachers.sources import load_ready_teacher
from tests.torch_files import unzipped, zipped

sb3_contrib = pytest.importorskip("sb3_contrib", reason="sb3-contrib is missing: pip install sb3-contrib")
stable_baselines3 = pytest.importorskip("stable_baselines3")

FEW = {"n_quantiles": 7}


class Screens(gymnasium.Env):
    """Shows nothing; only the spaces matter to a network that never learns."""

    def __init__(self, actions, shape):
        self.observation_space = spaces.Box(0, 255, shape, np.uint8)
        self.action_space = spaces.Discrete(actions)


@pytest.fixture
def saved(tmp_path):
    """An untrained QR-DQN and the file that sb3-contrib writes of it; members may be replaced."""

    def save(policy_kwargs=None, actions=6, shape=(84, 84, 4), policy="CnnPolicy", **changed_members):
        torch.manual_seed(0)
        model = sb3_contrib.QRDQN(
            policy, Screens(actions, shape), policy_kwargs=policy_kwargs, buffer_size=1, device="cpu"
        )
        path = tmp_path / "qrdqn.zip"
        model.save(path)
        if changed_members:
            path.write_bytes(zipped({**unzipped(path.read_bytes()), **changed_members}))
        return model, path

    return save


def random_frames(count=64):
    return np.random.default_rng(0).integers(0, 256, (count, 4, 84, 84), np.uint8)


def values_of(teacher, frames):
    network = AtariNetwork(NATURE_DQN, teacher.actions, plain=True)
    network.load_state_dict(teacher.weights)
    with torch.no_grad():
        return network(to_input(frames, torch.device("cpu"), torch.float32))


@pytest.mark.parametrize(("settings", "actions"), [(None, 6), (FEW, 18), ({"n_quantiles": 1}, 3)])
def test_q_values_are_the_mean_of_the_quantiles_and_actions_are_equal(saved, settings, actions):
    model, path = saved(settings, actions)
    teacher = read_sb3(path)
    assert (teacher.algorithm, teacher.actions, teacher.emits_q) == ("qrdqn", actions, True)
    frames = random_frames()
    with torch.no_grad():
        quantiles = model.policy.quantile_net(torch.from_numpy(frames))
    assert quantiles.shape == (64, (settings or {}).get("n_quantiles", 200), actions)
    expected, values = quantiles.mean(dim=1), values_of(teacher, frames)
    assert expected.std(dim=1).min() > 1e-3
    assert torch.allclose(values, expected, atol=1e-6)
    played, _ = model.predict(frames, deterministic=True)
    assert values.argmax(dim=1).tolist() == played.tolist()


@pytest.mark.parametrize(("algorithm", "emits_q"), [("DQN", True), ("PPO", False)])
def test_what_stable_baselines3_saves_is_read(tmp_path, algorithm, emits_q):
    size = {"buffer_size": 1} if algorithm == "DQN" else {}
    model = getattr(stable_baselines3, algorithm)("CnnPolicy", Screens(6, (84, 84, 4)), device="cpu", **size)
    model.save(tmp_path / "teacher.zip")
    teacher = read_sb3(tmp_path / "teacher.zip")
    assert (teacher.algorithm, teacher.emits_q) == (algorithm.lower(), emits_q)
    frames = random_frames()
    played, _ = model.predict(frames, deterministic=True)
    assert values_of(teacher, frames).argmax(dim=1).tolist() == played.tolist()


def test_it_teaches_as_a_dqn_with_q_values(saved):
    teacher = load_ready_teacher(f"sb3:{saved(FEW)[1]}", "pong", 6)
    assert (teacher.kind, teacher.emits_q) == ("dqn", True)
    assert teacher.tensors["teacher.head.weight"].shape == (6, 512)


def test_settings_saved_as_text_are_read(saved):
    """QR-DQN's policy settings hold the class of its optimiser, and all others become text beside it."""
    assert read_sb3(saved({**FEW, "normalize_images": True, "net_arch": []})[1]).actions == 6


def without_quantiles(path):
    settings = json.loads(unzipped(path.read_bytes())["data"])
    del settings["n_quantiles"]
    return json.dumps(settings)


REFUSED = {
    "hidden layers": (
        {"policy_kwargs": {**FEW, "net_arch": [64]}},
        "its default net_arch has not: 'quantile_net.quantile_net.2.bias', 'quantile_net.quantile_net.2.weight'",
    ),
    "other features": (
        {"policy_kwargs": {**FEW, "features_extractor_kwargs": {"features_dim": 256}}},
        "has other than 512 units",
    ),
    "unscaled frames": ({"policy_kwargs": {**FEW, "normalize_images": False}}, "normalize_images=False"),
    "one frame": ({"policy_kwargs": FEW, "shape": (84, 84, 1)}, "sees stacks of 1 channels"),
    "no frames": (
        {"policy_kwargs": FEW, "shape": (84, 84, 4), "policy": "MlpPolicy"},
        "no CnnPolicy: it lacks 'quantile_net.features_extractor.cnn.0.bias'",
    ),
    "too many actions": ({"policy_kwargs": FEW, "actions": 19}, "has 19 actions"),
    "no settings": (
        {"policy_kwargs": FEW, "data": None},
        r"does not say in its settings \('data'\) how many quantiles",
    ),
    "no number": ({"policy_kwargs": FEW, "data": b'{"n_quantiles": "7"}'}, "does not say .* how many quantiles"),
    "quantiles that do not divide": (
        {"policy_kwargs": FEW, "data": b'{"n_quantiles": 5}'},
        r"a head of 42 outputs, which the 5 quantiles of its settings \(n_quantiles\) do not divide",
    ),
    "no quantiles": ({"policy_kwargs": FEW, "data": b'{"n_quantiles": 0}'}, "which the 0 quantiles"),
    "one action": ({"policy_kwargs": FEW, "data": b'{"n_quantiles": 42}'}, "has 1 actions"),
    "large settings": (
        {"policy_kwargs": FEW, "data": b'{"n_quantiles": 7}' + b" " * MAX_SETTINGS_BYTES},
        "has a 'data' of 8,000,018 bytes, where at most 8,000,000 are read",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_another_qrdqn_is_refused_in_one_line_and_leaves_nothing(saved, tmp_path, cli, case):
    arguments, message = REFUSED[case]
    _, path = saved(**arguments)
    with pytest.raises(BadRequest, match=message):
        read_sb3(path)
    outcome = cli("train", "--teacher-from", f"sb3:{path}", "--student", "pico", "--out", tmp_path / "run")
    assert outcome.code == 2
    errors = [line for line in outcome.err.splitlines() if "error:" in line]
    assert len(errors) == 1
    assert "Accepted: what model.save('teacher.zip')" in errors[0]
    assert [entry.name for entry in tmp_path.iterdir()] == ["qrdqn.zip"]
