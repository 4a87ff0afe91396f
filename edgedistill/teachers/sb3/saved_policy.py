"""Teachers from stable-baselines3 and sb3-contrib: the zip file of a DQN, QR-DQN or PPO with 'CnnPolicy', read without
running any of it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from zipfile import ZipFile

from torch import Tensor

from edgedistill.bounded_file import read_bounded
from edgedistill.catalogue import FRAME_SIDE, FRAME_STACK, NATURE_DQN
from edgedistill.errors import BadRequest
from edgedistill.teachers.sb3.pickle_reader import Unreadable
from edgedistill.teachers.sb3.state_dict import MAX_BYTES, StateDict, listed, open_zip, read_member

ACCEPTED = (
    "Accepted: what model.save('teacher.zip') of stable-baselines3 writes for DQN or PPO, or of sb3-contrib for QRDQN, "
    "with 'CnnPolicy' on VecFrameStack(make_atari_env('PongNoFrameskip-v4'), n_stack=4), or another game."
)
# The settings hold the last observations of all environments: 0.5 MB with 8 of them, 5 MB with 128. As objects, JSON
# takes some 25 times its size.
MAX_SETTINGS_BYTES = 8_000_000
# The console knows 18 actions, and a game without a choice has no policy.
ACTIONS = range(2, 19)

# stable-baselines3's layers of the feature extractor, and ours.
TRUNK = {"cnn.0": "trunk.0", "cnn.2": "trunk.2", "cnn.4": "trunk.4", "linear.0": "trunk.7"}

Algorithm = Literal["dqn", "qrdqn", "ppo"]


@dataclass(frozen=True)
class Sb3Teacher:
    """The weights of a plain Nature network, as `AtariNetwork(NATURE_DQN, actions, plain=True)` loads them.

    Both scale pixels to [0, 1] and see the newest frame last.
    """

    algorithm: Algorithm
    """A2C's files look like PPO's and are read as such"""
    weights: dict[str, Tensor]
    """trunk.{0,2,4,7}.{weight,bias} and head.{weight,bias}: float32, contiguous, on the CPU"""
    actions: int
    """Outputs of the head: stable-baselines3 plays a game's minimal action set, in the emulator's order"""

    @property
    def emits_q(self) -> bool:
        """Whether the outputs are Q-values; otherwise logits."""
        return self.algorithm != "ppo"


@dataclass(frozen=True)
class _Layout:
    """Where an algorithm keeps its policy."""

    algorithm: Algorithm
    extractor: str
    head: str
    unused: tuple[str, ...]
    """Prefixes of what is only needed for training"""


def read_sb3(path: Path) -> Sb3Teacher:
    """Read a teacher from a stable-baselines3 file; nothing in the file is unpickled.

    Raises:
        BadRequest: the file is missing, too large, damaged, carries code, or holds another kind of policy.
    """
    return parse_sb3(read_bounded(path, MAX_BYTES, "teacher of stable-baselines3"), str(path))


def parse_sb3(data: bytes, source: str) -> Sb3Teacher:
    """The same from a file's content; `source` names it in errors."""
    try:
        archive = open_zip(data)
        settings = _settings(archive)
        _check_settings(settings.get("policy_kwargs"))
        return _teacher(StateDict(read_member(archive, "policy.pth", MAX_BYTES)), settings.get("n_quantiles"))
    except Unreadable as error:
        raise BadRequest(f"{source} {error}. {ACCEPTED}") from error


def _settings(archive: ZipFile) -> dict[str, object]:
    """What `data` says in plain JSON, beside pickles in base64, which stay text. Early versions may lack it."""
    if "data" not in archive.namelist():
        return {}
    try:
        data = json.loads(read_member(archive, "data", MAX_SETTINGS_BYTES))
    except (ValueError, RecursionError) as error:
        raise Unreadable("has settings ('data') that are not JSON") from error
    return data if isinstance(data, dict) else {}


def _check_settings(policy: object) -> None:
    """Refuse the two settings of a policy that change what it computes and leave no trace in the names of its weights.

    Beside an entry that is no JSON, such as the optimiser of QR-DQN, the others stand as text, too.
    """
    if not isinstance(policy, dict):
        return
    if policy.get("normalize_images", True) not in (True, "True"):
        raise Unreadable("was trained with normalize_images=False, so on other input than frames in [0, 1]")
    extractor = str(policy.get("features_extractor_class", "NatureCNN"))
    if "NatureCNN" not in extractor:
        raise Unreadable(f"has a feature extractor of its own, {extractor[:80]!r}, where NatureCNN is read")


def _teacher(saved: StateDict, quantiles: object) -> Sb3Teacher:
    shapes = saved.shapes
    layout = _layout(list(shapes))
    layers = {f"{layout.extractor}.{theirs}": ours for theirs, ours in TRUNK.items()} | {layout.head: "head"}
    names = {f"{theirs}.{part}": f"{ours}.{part}" for theirs, ours in layers.items() for part in ("weight", "bias")}
    _check_names(list(shapes), list(names), layout)
    outputs = (*shapes[f"{layout.head}.weight"], 0)[0]
    per_action = _quantiles(quantiles, outputs) if layout.algorithm == "qrdqn" else 1
    actions = outputs // per_action
    _check_shapes({ours: shapes[theirs] for theirs, ours in names.items()}, outputs)
    if actions not in ACTIONS:
        raise Unreadable(f"has {actions} actions, where Atari games have {ACTIONS[0]} to {ACTIONS[-1]}")
    weights = {ours: saved.tensor(theirs) for theirs, ours in names.items()}
    if layout.algorithm == "qrdqn":
        weights |= {name: _mean_quantile(weights[name], actions) for name in ("head.weight", "head.bias")}
    return Sb3Teacher(layout.algorithm, weights, actions)


def _quantiles(setting: object, outputs: int) -> int:
    """How many quantiles a QR-DQN's head emits for each action."""
    if type(setting) is not int:
        raise Unreadable("does not say in its settings ('data') how many quantiles its head has (n_quantiles)")
    if setting < 1 or outputs % setting:
        raise Unreadable(
            f"has a head of {outputs:,} outputs, which the {str(setting)[:20]} quantiles of its settings (n_quantiles) "
            "do not divide"
        )
    return setting


def _mean_quantile(rows: Tensor, actions: int) -> Tensor:
    """Rows (quantiles · actions, …) of a head -> (actions, …), the head of Q-values.

    QR-DQN acts on the mean of an action's quantiles (Dabney et al. 2018, algorithm 1). Its head is linear, so that the
    mean of its outputs is the output of its mean row. Rows go quantile by quantile, each with all actions.
    """
    return rows.double().view(-1, actions, *rows.shape[1:]).mean(dim=0).float()


def _layout(names: list[str]) -> _Layout:
    if "q_net.q_net.0.weight" in names:
        return _Layout("dqn", "q_net.features_extractor", "q_net.q_net.0", ("q_net_target.",))
    if "quantile_net.quantile_net.0.weight" in names:
        head = "quantile_net.quantile_net.0"
        return _Layout("qrdqn", "quantile_net.features_extractor", head, ("quantile_net_target.",))
    if "action_net.weight" in names:
        # The actor's own extractor, where the file has one: with share_features_extractor=False the critic's differs.
        own = any(name.startswith("pi_features_extractor.") for name in names)
        extractor = "pi_features_extractor" if own else "features_extractor"
        return _Layout("ppo", extractor, "action_net", ("features_extractor.", "vf_features_extractor.", "value_net."))
    raise Unreadable(f"holds the policy of another algorithm: {listed(names)}")


def _check_names(found: list[str], wanted: list[str], layout: _Layout) -> None:
    missing = [name for name in wanted if name not in found]
    if missing:
        seen = [name for name in found if name not in wanted]
        raise Unreadable(f"holds no CnnPolicy: it lacks {listed(missing)} and has {listed(seen)}")
    # Another layer (net_arch, an LSTM, gSDE) would take part in the policy, so nothing unknown is skipped.
    unknown = [name for name in found if name not in wanted and not name.startswith(layout.unused)]
    if unknown:
        raise Unreadable(f"holds layers that CnnPolicy with its default net_arch has not: {listed(unknown)}")


def _check_shapes(found: dict[str, tuple[int, ...]], outputs: int) -> None:
    for name, expected in _expected_shapes(outputs).items():
        if found[name] == expected:
            continue
        if name == "trunk.0.weight" and found[name][:1] + found[name][2:] == expected[:1] + expected[2:]:
            raise Unreadable(
                f"sees stacks of {found[name][1]} channels, where a frame stack of {FRAME_STACK} grayscale frames of "
                f"{FRAME_SIDE}x{FRAME_SIDE} is needed"
            )
        if name == "trunk.7.weight":
            raise Unreadable(
                f"sees frames of another size than {FRAME_SIDE}x{FRAME_SIDE}, or has other than 512 units: "
                f"its linear layer is {found[name]}, not {expected}"
            )
        raise Unreadable(f"holds {name} of shape {found[name]}, where the Nature DQN's is {expected}")


def _expected_shapes(outputs: int) -> dict[str, tuple[int, ...]]:
    """Shapes of the plain Nature DQN's weights, layer by layer, with so many outputs."""
    channels_in = [channels for channels, _, _ in NATURE_DQN.conv_shapes]
    channels_out, height, width = NATURE_DQN.conv_shapes[-1]
    weights: dict[str, tuple[int, ...]] = {
        f"trunk.{2 * index}": (conv.channels, channels_in[index], conv.kernel, conv.kernel)
        for index, conv in enumerate(NATURE_DQN.convs)
    }
    weights["trunk.7"] = (NATURE_DQN.fc[0], channels_out * height * width)
    weights["head"] = (outputs, NATURE_DQN.fc[0])
    return {
        f"{layer}.{part}": shape if part == "weight" else shape[:1]
        for layer, shape in weights.items()
        for part in ("weight", "bias")
    }
