import pickle
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edgedistill.teachers.sb3.pickle_reader import (
    MAX_OPCODES,
    Storage,
    TensorRecord,
    Unreadable,
    read_tensor_records,
)
from tests.hostile import MakesFolder, damaged
from tests.torch_files import torch_bytes, unzipped


def saved_pickle(value):
    """The data.pkl that torch.save writes."""
    return unzipped(torch_bytes(value))["archive/data.pkl"]


def tensor_pickle(elements=12, offset=0, shape=(3, 4), stride=(4, 1)):
    """A data.pkl with one tensor, whose record torch itself would not write."""
    parts = [
        b"\x80\x02ccollections\nOrderedDict\n)R(X\x01\x00\x00\x00w",
        b"ctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nFloatStorage\n",
        b"X\x01\x00\x00\x000X\x03\x00\x00\x00cpu" + number(elements) + b"tQ" + number(offset),
        b"(" + b"".join(map(number, shape)) + b"t(" + b"".join(map(number, stride)) + b"t",
        b"\x89ccollections\nOrderedDict\n)RtRu.",
    ]
    return b"".join(parts)


def number(value):
    digits = value.to_bytes(40, "little", signed=True)
    return b"\x8a" + bytes([len(digits)]) + digits


def test_the_records_of_a_module():
    module = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 5), torch.nn.Linear(4, 6))
    assert read_tensor_records(saved_pickle(module.state_dict())) == {
        "0.weight": TensorRecord(Storage("0", 150), 0, (3, 2, 5, 5), (50, 25, 5, 1)),
        "0.bias": TensorRecord(Storage("1", 3), 0, (3,), (1,)),
        "1.weight": TensorRecord(Storage("2", 24), 0, (6, 4), (4, 1)),
        "1.bias": TensorRecord(Storage("3", 6), 0, (6,), (1,)),
    }


def test_a_view_is_recorded_with_its_offset_and_strides_in_the_shared_storage():
    whole = torch.zeros(4, 6)
    records = read_tensor_records(saved_pickle({"whole": whole, "part": whole[1:, 2:].T, "scalar": whole[3, 5]}))
    assert records["part"] == TensorRecord(records["whole"].storage, 8, (4, 3), (1, 6))
    assert records["scalar"] == TensorRecord(records["whole"].storage, 23, (), ())


def code_in_a_pickle(folder):
    """The same attack in the forms that a pickle offers."""
    attack = MakesFolder(folder)
    path = str(folder).encode()
    yield saved_pickle({"weight": torch.zeros(2), "extra": attack})
    yield saved_pickle(attack)
    yield from (pickle.dumps({"weight": attack}, protocol) for protocol in range(pickle.HIGHEST_PROTOCOL + 1))
    yield b"(X" + len(path).to_bytes(4, "little") + path + b"iposix\nmkdir\n."  # INST
    yield b"(cposix\nmkdir\nX" + len(path).to_bytes(4, "little") + path + b"o."  # OBJ


def test_code_is_refused_and_never_runs(tmp_path):
    folder = tmp_path / "made"
    for data in code_in_a_pickle(folder):
        with pytest.raises(Unreadable, match=r"carries code: 'posix.mkdir'|with the opcode|damaged pickle"):
            read_tensor_records(data)
        assert not folder.exists()
        # The counterpart: outside, the same bytes do run. Those of torch have persistent ids, which pickle refuses.
        if b"FloatStorage" not in data:
            pickle.loads(data)  # noqa: S301, our own
            folder.rmdir()


def test_the_module_of_a_refused_name_is_not_imported(tmp_path, monkeypatch):
    (tmp_path / "strangers_module.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    for data in [b"cstrangers_module\nrun\n.", b"cstrangers_module\nFloatStorage\n."]:
        with pytest.raises(Unreadable, match=r"carries code: 'strangers_module\."):
            read_tensor_records(data)
    assert "strangers_module" not in sys.modules


@pytest.mark.parametrize("name", ["torch.load", "torch._utils._rebuild_tensor_v3", "builtins.eval", "\x1b[2J.x"])
def test_other_names_are_refused_and_shown_fit_for_a_terminal(name):
    module, _, function = name.rpartition(".")
    with pytest.raises(Unreadable, match="carries code") as refusal:
        read_tensor_records(f"c{module}\n{function}\n)R.".encode())
    assert repr(name) in str(refusal.value)
    assert str(refusal.value).isprintable()


def test_an_unknown_type_of_number_is_shown_fit_for_a_terminal():
    with pytest.raises(Unreadable, match="where float32") as refusal:
        read_tensor_records(b"ctorch\n\x1b[2JStorage\n.")
    assert str(refusal.value).isprintable()


def test_no_other_attribute_is_set_than_torch_sets():
    assert read_tensor_records(REAL)
    with pytest.raises(Unreadable, match="damaged"):
        read_tensor_records(REAL.replace(b"_metadata", b"__class__"))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64, torch.int64])
def test_only_float32_is_read(dtype):
    with pytest.raises(Unreadable, match=r"as 'torch\.(Half|BFloat16|Double|Long)Storage', where float32"):
        read_tensor_records(saved_pickle({"weight": torch.zeros(2, dtype=dtype)}))


@pytest.mark.parametrize("value", [{}, [], torch.zeros(2), {"step": 3}, {"inner": {"weight": torch.zeros(2)}}, None])
def test_what_is_no_dict_of_tensors_is_refused(value):
    with pytest.raises(Unreadable, match="holds"):
        read_tensor_records(saved_pickle(value))


def test_a_tensor_that_fills_its_storage_is_the_largest():
    assert read_tensor_records(tensor_pickle())["w"].shape == (3, 4)
    assert read_tensor_records(tensor_pickle(elements=17, offset=5))["w"].offset == 5


@pytest.mark.parametrize(
    "record",
    [
        {"elements": 11},
        {"offset": 1},
        {"offset": -1},
        {"elements": -12},
        {"elements": 2**60, "shape": (2**30, 2**30), "stride": (2**30, 1)},
        {"stride": (5, 1)},
        {"stride": (4, -1)},
        {"stride": (4,)},
        {"shape": (3, -4)},
        {"shape": (3, 0)},
        {"shape": (10**9, 10**9), "stride": (0, 0)},
        {"shape": (2**300, 2**300)},
        {"shape": (1,) * 5, "stride": (1,) * 5},
    ],
    ids=str,
)
def test_a_tensor_outside_its_storage_is_refused(record):
    with pytest.raises(Unreadable, match=r"reaches beyond its storage|damaged pickle"):
        read_tensor_records(tensor_pickle(**record))


def test_the_work_is_bounded():
    with pytest.raises(Unreadable, match="damaged"):
        read_tensor_records(b")" * (MAX_OPCODES - 1) + b".")
    with pytest.raises(Unreadable, match=f"more than {MAX_OPCODES:,} opcodes"):
        read_tensor_records(b")" * MAX_OPCODES + b".")


def test_only_text_is_a_key():
    """Each doubling of a nested tuple doubles the time to hash it, so a short file could take for ever."""
    doubled = b")" + b"q\x00h\x00\x86" * 20
    with pytest.raises(Unreadable, match="damaged"):
        read_tensor_records(b"\x80\x02}" + doubled + b")s.")


REAL = saved_pickle(torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.Linear(3, 2)).state_dict())


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the disassembler on escapes in text
@settings(max_examples=1500, deadline=None)
@given(damaged(REAL))
def test_damaged_bytes_give_records_or_a_refusal(data):
    try:
        records = read_tensor_records(data)
    except Unreadable:
        return
    assert all(isinstance(record, TensorRecord) for record in records.values())


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the disassembler on escapes in text
@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_give_a_refusal(data):
    with pytest.raises(Unreadable):
        read_tensor_records(data)
