import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from edgedistill.catalogue import NATURE_DQN, find_architecture, load_catalogue
from edgedistill.networks.network import AtariNetwork, GreedyPolicy, teacher_network, to_input

CPU = torch.device("cpu")


@pytest.mark.parametrize("actions", [3, 6, 18])
@pytest.mark.parametrize("architecture", [NATURE_DQN, *load_catalogue().values()], ids=lambda entry: entry.name)
def test_the_catalogue_counts_what_torch_counts(architecture, actions):
    network = AtariNetwork(architecture, actions)
    assert sum(p.numel() for p in network.parameters()) == architecture.parameters(actions)
    with FlopCounterMode(display=False) as counter:
        network(torch.zeros(1, 4, 84, 84))
    assert counter.get_total_flops() == 2 * architecture.macs(actions)


def test_bf16_keeps_the_last_layer_in_float32():
    network = teacher_network("pqn", 6, bf16=True)
    seen = {}
    network.trunk[0].register_forward_hook(lambda module, inputs, output: seen.update(trunk=output.dtype))
    network.head.register_forward_hook(lambda module, inputs, output: seen.update(head=output.dtype))
    network(torch.rand(2, 4, 84, 84))
    assert seen == {"trunk": torch.bfloat16, "head": torch.float32}


def test_to_input_scales_to_one():
    x = to_input(np.array([[[[0, 51, 255]]]], np.uint8), CPU, torch.float32)
    assert torch.allclose(x, torch.tensor([[[[0.0, 0.2, 1.0]]]]))


def test_a_policy_sees_the_newest_frame_last():
    network = AtariNetwork(find_architecture("pico"), 6)
    frames = np.random.default_rng(0).integers(0, 256, (3, 84, 84, 4), dtype=np.uint8)
    x = torch.from_numpy(frames.transpose(0, 3, 1, 2).astype(np.float32) / 255)
    expected = network(x).detach().numpy()
    np.testing.assert_allclose(GreedyPolicy(network).values(frames), expected, atol=1e-5)
    assert GreedyPolicy(network)(frames).tolist() == expected.argmax(1).tolist()


@pytest.mark.parametrize("name", ["net1", "micro", "pico"])
def test_a_new_student_tells_frames_apart(name):
    """With torch's default start the logits of different frames differ by a few thousandths, and units die."""
    torch.manual_seed(0)
    logits = AtariNetwork(find_architecture(name), 6)(torch.rand(64, 4, 84, 84) * (torch.rand(64, 1, 84, 84) > 0.5))
    assert logits.std(dim=0).mean() > 0.01


def test_a_centred_student_sees_frames_around_their_mean_with_nothing_added_to_its_layers():
    student = AtariNetwork(find_architecture("pico"), 6)
    x = torch.rand(4, 4, 84, 84)
    expected = student(x - 0.3)
    student.centre(0.3)
    assert torch.allclose(student(x), expected, atol=1e-5)
    plain = AtariNetwork(find_architecture("pico"), 6)
    plain.load_state_dict(student.state_dict())
    plain.trunk[0].bias.data = student.trunk[0].plain_bias().data
    plain.centre(0.0)
    assert torch.allclose(plain(x), expected, atol=1e-5)
