import tracemalloc
import zipfile

import pytest
import torch
from hypothesis import given, settings

from edgedistill.teachers.sb3.pickle_reader import Unreadable
from edgedistill.teachers.sb3.state_dict import MAX_BYTES, MAX_MEMBERS, StateDict, listed, open_zip, read_member
from tests.hostile import damaged
from tests.torch_files import torch_bytes, unzipped, zipped


@pytest.fixture
def weight():
    return torch.randn(4, 3, 5, 6, generator=torch.Generator().manual_seed(0))


def test_every_memory_layout_gives_the_same_values(weight):
    tensors = {
        "plain": weight,
        "shared": weight,
        "channels_last": weight.clone().to(memory_format=torch.channels_last),
        "transposed": weight.permute(3, 1, 0, 2),
        "sliced": weight[1:, :, 1:4, ::2],
        "expanded": torch.full((1, 3), 2.5).expand(1, 3),
        "scalar": weight[3, 2, 4, 5],
    }
    state = StateDict(torch_bytes(tensors))
    assert state.shapes == {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    for name, tensor in tensors.items():
        read = state.tensor(name)
        assert torch.equal(read, tensor)
        assert read.is_contiguous()
        assert read.dtype == torch.float32


def test_tensors_that_share_a_storage_in_the_file_are_separate_ones_when_read(weight):
    state = StateDict(torch_bytes({"a": weight, "b": weight}))
    a, b = state.tensor("a"), state.tensor("b")
    a.zero_()
    assert torch.equal(b, weight)


def test_files_of_torch_before_2_1_are_read(weight):
    """They have another folder name, no byte order, no alignment, and storage keys that are addresses."""
    old = unzipped(torch_bytes({"w": weight}))
    pickle = old["archive/data.pkl"].replace(b"X\x01\x00\x00\x000", b"X\x0b\x00\x00\x0094012345678")
    old = {"policy/data.pkl": pickle, "policy/data/94012345678": old["archive/data/0"], "policy/version": b"3\n"}
    assert torch.equal(StateDict(zipped(old)).tensor("w"), weight)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"archive/byteorder": b"big"}, "not little-endian"),
        ({"archive/byteorder": b"little" + bytes(11)}, "'archive/byteorder' of 17 bytes, where at most 16 are read"),
        ({"archive/data.pkl": None}, "has 0 'data.pkl'"),
        ({"other/data.pkl": b"."}, "has 2 'data.pkl'"),
        ({"archive/data.pkl": b")" * 1_000_001}, "where at most 1,000,000 are read"),
    ],
)
def test_a_file_that_torch_did_not_write_is_refused(weight, change, message):
    changed = {**unzipped(torch_bytes({"w": weight})), **change}
    with pytest.raises(Unreadable, match=message):
        StateDict(zipped(changed))


@pytest.mark.parametrize(
    ("storage", "message"),
    [
        (None, "has no 'archive/data/0'"),
        (b"\0" * 1436, "holds 1,436 bytes for 'w', where 1,440 were announced"),
        (b"\0" * 1444, "holds 1,444 bytes for 'w'"),
        (b"\0" * 1436 + b"\0\0\x80\x7f", "not finite"),
        (b"\0" * 1436 + b"\0\0\xc0\x7f", "not finite"),
    ],
)
def test_a_bad_storage_is_refused_when_its_tensor_is_read(weight, storage, message):
    changed = {**unzipped(torch_bytes({"w": weight})), "archive/data/0": storage}
    state = StateDict(zipped(changed))
    with pytest.raises(Unreadable, match=message):
        state.tensor("w")


def test_the_form_before_torch_1_6_is_named(weight):
    with pytest.raises(Unreadable, match=r"torch before 1\.6"):
        StateDict(torch_bytes({"w": weight}, _use_new_zipfile_serialization=False))


def test_too_many_members_are_refused_before_the_zip_is_opened():
    assert len(open_zip(zipped(dict.fromkeys(map(str, range(MAX_MEMBERS)), b""))).namelist()) == MAX_MEMBERS
    with pytest.raises(Unreadable, match="more than 1,000 members"):
        open_zip(zipped(dict.fromkeys(map(str, range(MAX_MEMBERS + 1)), b"")))


@pytest.fixture(scope="module")
def bomb():
    """A member of 64 MB in a zip of 64 KB."""
    return zipped({"bomb": bytes(64_000_000)}, zipfile.ZIP_DEFLATED)


def test_a_member_beyond_the_limit_is_not_inflated(bomb):
    with pytest.raises(Unreadable, match="of 64,000,000 bytes, where at most 1,000 are read"):
        read_member(open_zip(bomb), "bomb", 1000)


def test_a_member_that_lies_about_its_size_is_not_inflated_beyond_it(bomb):
    lying = bomb.replace((64_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    archive = open_zip(lying)
    tracemalloc.start()
    with pytest.raises(Unreadable, match="damaged 'bomb'"):
        read_member(archive, "bomb", 1000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000


def test_a_member_that_is_said_to_be_empty_is_not_taken_for_it():
    archive = open_zip(zipped({"a": b"content"}))
    archive.getinfo("a").file_size = 0
    with pytest.raises(Unreadable, match="damaged 'a'"):
        read_member(archive, "a", MAX_BYTES)


def test_a_member_that_cannot_be_inflated_is_refused():
    damaged = bytearray(PLAIN)
    damaged[31] = 0xFF  # the first byte after the header (30) and the name (1): a type of block that there is not
    with pytest.raises(Unreadable, match="damaged 'a'"):
        read_member(open_zip(bytes(damaged)), "a", MAX_BYTES)


def test_a_member_said_to_lie_beyond_any_file_is_refused():
    archive = open_zip(zipped({"a": b"content"}))
    archive.getinfo("a").header_offset = 2**63
    with pytest.raises(Unreadable, match="damaged 'a'"):
        read_member(archive, "a", MAX_BYTES)


def test_other_compressions_are_refused():
    with pytest.raises(Unreadable, match="unusual compression"):
        read_member(open_zip(zipped({"a": b"a" * 1000}, zipfile.ZIP_LZMA)), "a", MAX_BYTES)


def test_names_from_a_file_cannot_drive_the_terminal():
    assert listed(["\x1b[2J"]) == "'\\x1b[2J'"
    assert len(listed(["x" * 5000])) < 100
    with pytest.raises(Unreadable) as refusal:
        read_member(open_zip(zipped({})), "\x1b[2J" * 5000, MAX_BYTES)
    assert str(refusal.value).isprintable()
    assert len(str(refusal.value)) < 200
    assert listed([]) == "nothing"


REAL = torch_bytes({"a": torch.ones(3, 2), "b": torch.ones(2)})


@settings(max_examples=1000, deadline=None)
@given(damaged(REAL))
def test_damaged_files_give_tensors_or_a_refusal(data):
    try:
        state = StateDict(data)
        tensors = [state.tensor(name) for name in state.shapes]
    except Unreadable:
        return
    assert all(tensor.isfinite().all() for tensor in tensors)


PLAIN = zipped({"a": b"content" * 9}, zipfile.ZIP_DEFLATED)


@settings(max_examples=1000, deadline=None)
@given(damaged(PLAIN))
def test_a_damaged_zip_gives_a_refusal_or_the_member(data):
    """Mostly headers, where `zipfile` raises what it raises; a file of weights has few."""
    try:
        content = read_member(open_zip(data), "a", MAX_BYTES)
    except Unreadable:
        return
    assert content == b"content" * 9
