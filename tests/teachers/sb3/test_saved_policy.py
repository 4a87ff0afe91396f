import base64
import json
import pickle
from collections import OrderedDict

import pytest
import torch
from hypothesis import HealthCheck, given, settings

from edgedistill.atari.blocks import to_input
from edgedistill.catalogue import NATURE_DQN
from edgedistill.errors import BadRequest
from edgedistill.networks.network import AtariNetwork
from edgedistill.teachers.sb3 import saved_policy
from edgedistill.teachers.sb3.saved_policy import read_sb3
from tests.hostile import MakesFolder, damaged
from tests.torch_files import DqnPolicy, PpoPolicy, torch_bytes, unzipped, zipped


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


@pytest.fixture
def save(tmp_path):
    """Write a state dict, or the bytes of one, as model.save() does; returns the path."""

    def write(state, policy_kwargs=None, **changed_members):
        data = {"policy_class": {":serialized:": "gAWV", "__module__": "x"}, "policy_kwargs": policy_kwargs or {}}
        policy = state if isinstance(state, bytes) else torch_bytes(state)
        members = {"data": json.dumps(data), "policy.pth": policy, "policy.optimizer.pth": b"unused"}
        path = tmp_path / "teacher.zip"
        path.write_bytes(zipped({**members, **changed_members}))
        return path

    return write


def network_of(teacher):
    network = AtariNetwork(NATURE_DQN, teacher.actions, plain=True)
    network.load_state_dict(teacher.weights)
    return network


@pytest.mark.parametrize("actions", [3, 6, 18])
@pytest.mark.parametrize(("policy", "algorithm"), [(DqnPolicy, "dqn"), (PpoPolicy, "ppo")])
def test_the_network_computes_what_theirs_does(save, policy, algorithm, actions):
    theirs = policy(actions)
    teacher = read_sb3(save(theirs.state_dict()))
    assert (teacher.algorithm, teacher.actions) == (algorithm, actions)
    frames = torch.randint(0, 256, (16, 4, 84, 84), dtype=torch.uint8)
    with torch.no_grad():
        expected = theirs(frames / 255)  # stable-baselines3's preprocess_obs
        values = network_of(teacher)(to_input(frames, torch.device("cpu"), torch.float32))
    assert expected.std(dim=0).min() > 1e-3
    assert torch.allclose(values, expected, atol=1e-6)


def test_every_weight_keeps_its_value_under_our_name(save):
    theirs = DqnPolicy().state_dict()
    ours = read_sb3(save(theirs)).weights
    names = {
        "trunk.0": "q_net.features_extractor.cnn.0",
        "trunk.2": "q_net.features_extractor.cnn.2",
        "trunk.4": "q_net.features_extractor.cnn.4",
        "trunk.7": "q_net.features_extractor.linear.0",
        "head": "q_net.q_net.0",
    }
    assert set(ours) == {f"{name}.{part}" for name in names for part in ("weight", "bias")}
    for name, tensor in ours.items():
        layer, _, part = name.rpartition(".")
        assert torch.equal(tensor, theirs[f"{names[layer]}.{part}"])


def test_the_actor_has_its_own_extractor_where_the_critic_does(save):
    theirs = PpoPolicy(share=False)
    weights = read_sb3(save(theirs.state_dict())).weights
    assert torch.equal(weights["trunk.0.weight"], theirs.pi_features_extractor.cnn[0].weight)
    assert not torch.equal(weights["trunk.0.weight"], theirs.vf_features_extractor.cnn[0].weight)


def test_early_versions_name_one_extractor(save):
    state = {key: value for key, value in PpoPolicy().state_dict().items() if key[:3] not in ("pi_", "vf_")}
    assert read_sb3(save(state)).algorithm == "ppo"


def test_weights_saved_channels_last_are_the_same(save):
    theirs = PpoPolicy()
    expected = read_sb3(save(theirs.state_dict())).weights
    theirs.to(memory_format=torch.channels_last)
    assert theirs.state_dict()["features_extractor.cnn.0.weight"].stride() == (256, 1, 32, 4)
    for name, tensor in read_sb3(save(theirs.state_dict())).weights.items():
        assert torch.equal(tensor, expected[name])


def test_code_in_the_policy_is_refused_and_does_not_run(save, tmp_path):
    state = DqnPolicy().state_dict()
    state["q_net.q_net.0.bias"] = MakesFolder(tmp_path / "made")
    path = save(state)
    with pytest.raises(BadRequest, match=r"teacher\.zip carries code: 'posix\.mkdir'.*Accepted: "):
        read_sb3(path)
    assert not (tmp_path / "made").exists()


def test_the_pickles_in_the_settings_are_not_opened(save, tmp_path):
    attack = base64.b64encode(pickle.dumps(MakesFolder(tmp_path / "made"))).decode()
    data = {"policy_class": {":serialized:": attack}, "policy_kwargs": {":serialized:": attack}}
    path = save(DqnPolicy().state_dict(), data=json.dumps(data))
    assert read_sb3(path).algorithm == "dqn"
    assert not (tmp_path / "made").exists()


def without(state, *names):
    return OrderedDict((name, tensor) for name, tensor in state.items() if name not in names)


def with_shape(name, *shape):
    return {**DqnPolicy().state_dict(), name: torch.zeros(shape)}


MLP = {"mlp_extractor.policy_net.0.weight": torch.zeros(64, 4), "action_net.weight": torch.zeros(2, 64)}
REFUSED = {
    "MlpPolicy": (lambda: MLP, "no CnnPolicy: it lacks 'action_net.bias', .* and has 'mlp_extractor.policy_net.0.w"),
    "another algorithm": (
        lambda: {"quantile_net.features_extractor.cnn.0.weight": torch.zeros(2)},
        "another algorithm: 'quantile_net.features_extractor.cnn.0.weight'",
    ),
    "hidden layers": (
        lambda: {**PpoPolicy().state_dict(), "mlp_extractor.policy_net.0.weight": torch.zeros(512, 512)},
        "its default net_arch has not: 'mlp_extractor.policy_net.0.weight'",
    ),
    "deep Q-network": (lambda: with_shape("q_net.q_net.2.weight", 6, 6), "net_arch has not: 'q_net.q_net.2.weight'"),
    "recurrent": (lambda: {**PpoPolicy().state_dict(), "lstm_actor.bias": torch.zeros(2)}, "'lstm_actor.bias'"),
    "a weight missing": (
        lambda: without(DqnPolicy().state_dict(), "q_net.features_extractor.cnn.2.bias"),
        "it lacks 'q_net.features_extractor.cnn.2.bias'",
    ),
    "single frames": (
        lambda: DqnPolicy(channels=1).state_dict(),
        "stacks of 1 channels, where a frame stack of 4 gray",
    ),
    "RGB frames": (lambda: DqnPolicy(channels=12).state_dict(), "stacks of 12 channels"),
    "large frames": (
        lambda: DqnPolicy(side=96).state_dict(),
        r"other size than 84x84.*\(512, 4096\), not \(512, 3136\)",
    ),
    "other kernels": (
        lambda: with_shape("q_net.features_extractor.cnn.4.weight", 64, 64, 5, 5),
        r"trunk\.4\.weight of shape \(64, 64, 5, 5\), where the Nature DQN's is \(64, 64, 3, 3\)",
    ),
    "a bias that does not fit": (lambda: with_shape("q_net.q_net.0.bias", 7), r"head\.bias of shape \(7,\)"),
    "a head without axes": (lambda: with_shape("q_net.q_net.0.weight"), r"head\.weight of shape \(\)"),
    "too many actions": (lambda: DqnPolicy(19).state_dict(), "has 19 actions, where Atari games have 2 to 18"),
    "half precision": (lambda: DqnPolicy().half().state_dict(), r"weights as 'torch\.HalfStorage', where float32"),
    "not finite": (
        lambda: {**DqnPolicy().state_dict(), "q_net.q_net.0.bias": torch.full((6,), float("nan"))},
        "not finite, as a diverged training",
    ),
    "old format": (
        lambda: torch_bytes(DqnPolicy().state_dict(), _use_new_zipfile_serialization=False),
        r"torch before 1\.6",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_another_network_is_refused_with_what_is_accepted(save, case):
    make, message = REFUSED[case]
    with pytest.raises(BadRequest, match=message) as refusal:
        read_sb3(save(make()))
    assert "teacher.zip" in str(refusal.value)
    assert "Accepted: what model.save('teacher.zip')" in str(refusal.value)


@pytest.mark.parametrize(
    ("policy_kwargs", "message"),
    [
        ({"normalize_images": False}, "trained with normalize_images=False"),
        ({"features_extractor_class": "<class 'mine.Resnet'>"}, "feature extractor of its own, .*mine.Resnet"),
    ],
)
def test_settings_that_change_what_the_weights_mean_are_refused(save, policy_kwargs, message):
    with pytest.raises(BadRequest, match=message):
        read_sb3(save(DqnPolicy().state_dict(), policy_kwargs))


@pytest.mark.parametrize(
    "policy_kwargs",
    [
        {"normalize_images": True, "net_arch": []},
        {"features_extractor_class": "<class 'stable_baselines3.common.torch_layers.NatureCNN'>"},
        "text",
    ],
)
def test_other_settings_are_no_obstacle(save, policy_kwargs):
    assert read_sb3(save(DqnPolicy().state_dict(), policy_kwargs)).actions == 6


@pytest.mark.parametrize("data", [b"{", b"[" * 100_000, b"\xff\xfe\xfd"], ids=len)
def test_settings_that_are_not_json_are_refused(save, data):
    with pytest.raises(BadRequest, match=r"settings \('data'\) that are not JSON"):
        read_sb3(save(DqnPolicy().state_dict(), data=data))


def test_settings_that_unpack_to_much_are_refused_unread(save):
    """A few kilobytes in the zip; as JSON, each three bytes would become a list."""
    with pytest.raises(BadRequest, match=r"has a 'data' of 9,000,000 bytes, where at most 8,000,000 are read"):
        read_sb3(save(DqnPolicy().state_dict(), data=b"[]," * 3_000_000))


@pytest.mark.parametrize("data", [None, b"[]", b"{}"])
def test_settings_may_be_missing(save, data):
    assert read_sb3(save(DqnPolicy().state_dict(), data=data)).actions == 6


def test_files_of_another_kind_are_refused(save, tmp_path, monkeypatch):
    with pytest.raises(BadRequest, match=r"missing\.zip: cannot be read \(No such file"):
        read_sb3(tmp_path / "missing.zip")
    with pytest.raises(BadRequest, match="cannot be read"):
        read_sb3(tmp_path)
    path = save(DqnPolicy().state_dict(), **{"policy.pth": None, "parameters": b""})
    with pytest.raises(
        BadRequest, match=r"has no 'policy\.pth' \(it has 'data', 'parameters', 'policy\.optimizer\.pth'"
    ):
        read_sb3(path)
    monkeypatch.setattr(saved_policy, "MAX_BYTES", path.stat().st_size - 1)
    with pytest.raises(BadRequest, match=r"larger than .*; no teacher of stable-baselines3 is"):
        read_sb3(path)


def test_a_file_that_is_cut_short_is_refused(save):
    path = save(DqnPolicy().state_dict())
    whole = path.read_bytes()
    # Cut near the end, the directory of the zip inside is the last one, and `zipfile` reads that.
    for size in [0, 10, 5000, len(whole) // 2, len(whole) - 100, len(whole) - 1]:
        path.write_bytes(whole[:size])
        with pytest.raises(BadRequest, match=r"is not a zip file, or is cut short|has no 'policy\.pth'"):
            read_sb3(path)


MEMBERS = unzipped(torch_bytes(PpoPolicy().state_dict()))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the disassembler on escapes in text
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(damaged(MEMBERS["archive/data.pkl"]))
def test_a_damaged_pickle_gives_a_teacher_or_a_refusal(save, data):
    try:
        teacher = read_sb3(save(zipped({**MEMBERS, "archive/data.pkl": data})))
    except BadRequest:
        return
    network_of(teacher)
    assert all(tensor.isfinite().all() for tensor in teacher.weights.values())
