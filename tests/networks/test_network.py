import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from edgedistill.atari.blocks import shown, stacked, to_blocks, to_input
from edgedistill.catalogue import NATURE_DQN, Architecture, Conv, find_architecture, load_catalogue
from edgedistill.networks.integers import measure_ranges
from edgedistill.networks.network import (
    AtariNetwork,
    FrameConv2d,
    GreedyPolicy,
    acting_copy,
    orthogonal_weight,
)

CPU = torch.device("cpu")


def random_frames(count, seed=0):
    """(N, 4, 84, 84) uint8, of different brightness."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, rng.integers(20, 256, (count, 1, 1, 1)), (count, 4, 84, 84)).astype(np.uint8)


def inputs(count, seed=0):
    return to_input(random_frames(count, seed), CPU, torch.float32)


SEPARABLE = Architecture("separable", (Conv(8, 8, 4), Conv(8, 4, 2, depthwise=True), Conv(16, 1, 1)), (12,))


@pytest.mark.parametrize("actions", [3, 6, 18])
@pytest.mark.parametrize("architecture", [NATURE_DQN, SEPARABLE, *load_catalogue().values()], ids=lambda it: it.name)
def test_the_catalogue_counts_what_torch_counts(architecture, actions):
    network = AtariNetwork(architecture, actions)
    assert sum(p.numel() for p in network.parameters()) == architecture.parameters(actions)
    with FlopCounterMode(display=False) as counter:
        network(inputs(1))
    assert counter.get_total_flops() == 2 * architecture.macs(actions)


def test_bf16_keeps_the_last_layer_in_float32():
    network = AtariNetwork(NATURE_DQN, 6, layer_norm=True, bf16=True)
    seen = {}
    network.trunk[0].register_forward_hook(lambda module, inputs, output: seen.update(trunk=output.dtype))
    network.head.register_forward_hook(lambda module, inputs, output: seen.update(head=output.dtype))
    network(inputs(2).bfloat16())
    assert seen == {"trunk": torch.bfloat16, "head": torch.float32}


@pytest.mark.parametrize(("kernel", "stride"), [(8, 4), (12, 8), (6, 3), (8, 2)])
def test_the_first_layer_is_a_plain_convolution_of_frames_in_0_to_1(kernel, stride):
    layer = FrameConv2d(4, 5, kernel, stride)
    frames = random_frames(3)
    expected = torch.nn.functional.conv2d(torch.from_numpy(frames) / 255, layer.weight, layer.bias, stride)
    assert torch.allclose(layer(to_input(frames, CPU, torch.float32)), expected, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_inputs_hold_every_pixel_exactly_channels_last(dtype):
    frames = random_frames(2)
    x = to_input(frames, CPU, dtype)
    assert x.is_contiguous(memory_format=torch.channels_last)
    # Channel (stack, row in block, column in block); position (block row, block column).
    for stack, row, column in [(0, 0, 0), (3, 83, 82), (1, 5, 42)]:
        channel = 16 * stack + 4 * (row % 4) + column % 4
        assert x[1, channel, row // 4, column // 4].item() == frames[1, stack, row, column]


def test_stacks_put_together_from_single_frames_are_those_of_the_emulator():
    obs = random_frames(3)
    blocks = to_blocks(obs)
    single = blocks.reshape(3, 21, 21, 4, 16).transpose(0, 3, 1, 2, 4)
    assert np.array_equal(stacked(np.ascontiguousarray(single)), blocks)
    obs[0, :2] = obs[2, 3] = 0
    expected = [[False, False, True, True], [True] * 4, [True, True, True, False]]
    assert shown(to_blocks(obs)).tolist() == expected


def test_a_policy_sees_the_newest_frame_last():
    network = AtariNetwork(find_architecture("pico"), 6)
    frames = np.random.default_rng(0).integers(0, 256, (3, 84, 84, 4), dtype=np.uint8)
    expected = network(to_input(frames.transpose(0, 3, 1, 2).copy(), CPU, torch.float32)).detach().numpy()
    np.testing.assert_allclose(GreedyPolicy(network).values(frames), expected, atol=1e-5)
    assert GreedyPolicy(network)(frames).tolist() == expected.argmax(1).tolist()


def test_filters_of_a_depthwise_layer_begin_with_one_length_whatever_their_number():
    """Orthogonal to each other, more filters than weights in each would be shorter, and the signal with them."""
    torch.manual_seed(0)
    layer = torch.nn.Conv2d(32, 32, 3, groups=32)
    weight = orthogonal_weight(layer).flatten(1)
    assert torch.allclose(weight.norm(dim=1), torch.full((32,), 2**0.5))
    assert (weight @ weight.T).fill_diagonal_(0).abs().max() > 0.1
    square = orthogonal_weight(torch.nn.Conv2d(4, 8, 3)).flatten(1)
    assert torch.allclose(square @ square.T, 2 * torch.eye(8), atol=1e-5)


@pytest.mark.parametrize("name", ["net1", "micro", "pico"])
def test_a_new_student_tells_frames_apart(name):
    """With torch's default start the logits of different frames differ by a few thousandths, and units die."""
    torch.manual_seed(0)
    logits = AtariNetwork(find_architecture(name), 6)(inputs(64))
    assert logits.std(dim=0).mean() > 0.01


def test_a_centred_student_sees_frames_around_their_background_with_nothing_added_to_its_layers():
    student = AtariNetwork(find_architecture("pico"), 6)
    x = inputs(4)
    expected = student(x - 80)
    student.centre(80)
    assert torch.allclose(student(x), expected, atol=1e-4)
    plain = AtariNetwork(find_architecture("pico"), 6)
    plain.load_state_dict(student.state_dict())
    plain.trunk[0].bias.data = student.trunk[0].plain_bias().data
    plain.centre(0)
    assert torch.allclose(plain(x), expected, atol=1e-4)


def test_a_copy_of_an_integer_student_acts_as_it_did_when_it_was_made():
    student = AtariNetwork(find_architecture("pico"), 6)
    x = inputs(4, seed=1)
    student.begin_integers(measure_ranges(student, x))
    with torch.no_grad():
        before = student(x)
        copy, policy = acting_copy(student), GreedyPolicy(student)
        for layer in student.weighted_layers():
            layer.weight *= -1.5
        assert not torch.equal(student(x), before)
        assert torch.equal(copy(x), before)
    np.testing.assert_array_equal(policy.values(np.moveaxis(random_frames(4, seed=1), 1, 3)), before.numpy())


@pytest.mark.parametrize("normalised", [True, False])
@pytest.mark.parametrize("bf16", [False, True])
def test_a_copy_acts_as_the_network_did_when_it_was_made(normalised, bf16):
    network = AtariNetwork(NATURE_DQN, 6, layer_norm=normalised, plain=not normalised, bf16=bf16)
    x = to_input(random_frames(4, seed=1), CPU, torch.bfloat16 if bf16 else torch.float32)
    before = network(x)
    copy = acting_copy(network)
    with torch.no_grad():
        network.head.weight += 1.0
        network.trunk[0].weight += 1.0
    assert torch.equal(copy(x), before)
    assert not any(parameter.requires_grad for parameter in copy.parameters())
