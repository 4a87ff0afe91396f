"""Files as torch writes them, and the modules whose weights stable-baselines3 saves."""

import io
import zipfile

import torch
from torch import nn


def torch_bytes(value, **options):
    buffer = io.BytesIO()
    torch.save(value, buffer, **options)
    return buffer.getvalue()


def unzipped(data):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(members, compression=zipfile.ZIP_STORED):
    """A zip of the members that are not None."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in members.items():
            if content is not None:
                archive.writestr(name, content)
    return buffer.getvalue()


class NatureCNN(nn.Module):
    def __init__(self, channels=4, side=84):
        super().__init__()
        self.cnn = nn.Sequential(
            nn.Conv2d(channels, 32, 8, 4),
            nn.ReLU(),
            nn.Conv2d(32, 64, 4, 2),
            nn.ReLU(),
            nn.Conv2d(64, 64, 3, 1),
            nn.ReLU(),
            nn.Flatten(),
        )
        outputs = self.cnn(torch.zeros(1, channels, side, side)).shape[1]
        self.linear = nn.Sequential(nn.Linear(outputs, 512), nn.ReLU())

    def forward(self, x):
        return self.linear(self.cnn(x))


class QNetwork(nn.Module):
    def __init__(self, actions, **frames):
        super().__init__()
        self.features_extractor = NatureCNN(**frames)
        self.q_net = nn.Sequential(nn.Linear(512, actions))

    def forward(self, x):
        return self.q_net(self.features_extractor(x))


class DqnPolicy(nn.Module):
    def __init__(self, actions=6, **frames):
        super().__init__()
        self.q_net = QNetwork(actions, **frames)
        self.q_net_target = QNetwork(actions, **frames)

    def forward(self, x):
        return self.q_net(x)


class PpoPolicy(nn.Module):
    def __init__(self, actions=6, share=True):
        super().__init__()
        self.features_extractor = NatureCNN()
        self.pi_features_extractor = self.features_extractor
        self.vf_features_extractor = self.features_extractor if share else NatureCNN()
        self.mlp_extractor = nn.ModuleDict({"policy_net": nn.Sequential(), "value_net": nn.Sequential()})
        self.action_net = nn.Linear(512, actions)
        self.value_net = nn.Linear(512, 1)

    def forward(self, x):
        return self.action_net(self.pi_features_extractor(x))
