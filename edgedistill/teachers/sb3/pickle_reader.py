"""What the pickle of a state dict says, read opcode by opcode: nothing in it is imported, called or built.

Unpickling runs whatever the file names. A state dict of tensors needs three names and some twenty opcodes; here they
only move plain values about, and everything else is refused.
"""

import pickletools
from dataclasses import dataclass
from math import prod

# The state dict of a Nature DQN with its target network takes some 800 opcodes.
MAX_OPCODES = 20_000
MAX_AXES = 4
MAX_ELEMENTS = 2**31

# As the disassembler writes them: module, space, name.
ORDERED_DICT = "collections OrderedDict"
REBUILD_TENSOR = "torch._utils _rebuild_tensor_v2"
FLOAT_STORAGE = "torch FloatStorage"


class Unreadable(Exception):
    """Why a file cannot be used, as a clause that follows its name."""


@dataclass(frozen=True)
class Name:
    """A global that the pickle mentions. Only the text: nothing looks it up."""

    text: str


@dataclass(frozen=True)
class Storage:
    """Float32 numbers, kept in the archive under `key`."""

    key: str
    elements: int


@dataclass(frozen=True)
class TensorRecord:
    """Where the elements of a tensor lie in its storage; offset and stride count elements."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


def short(text: str) -> str:
    """Text from a file, fit for a terminal."""
    return repr(text[:60])


def read_tensor_records(pickle: bytes) -> dict[str, TensorRecord]:
    """The tensors that the pickle of a state dict describes, by name.

    Raises:
        Unreadable: the pickle is damaged, or holds anything but float32 tensors by name.
    """
    try:
        state = _Machine().run(pickle)
    except (IndexError, KeyError, ValueError) as error:
        # A stack or memo that runs out, and what the disassembler raises for bytes that are no opcode.
        raise Unreadable("holds a damaged pickle") from error
    records: dict[str, TensorRecord] = {}
    for name, record in (state if isinstance(state, dict) else {}).items():
        if not isinstance(record, TensorRecord):
            raise Unreadable(f"holds something else than a tensor under {short(name)}")
        records[name] = record
    if not records:
        raise Unreadable("holds no tensors by name")
    return records


class _Machine:
    """The pickle machine's stack and memo, for values without behaviour."""

    def __init__(self) -> None:
        self._stack: list[object] = []
        self._below_marks: list[list[object]] = []
        self._memo: dict[int, object] = {}

    def run(self, pickle: bytes) -> object:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(pickle)):
            if count == MAX_OPCODES:
                raise Unreadable(f"holds a pickle of more than {MAX_OPCODES:,} opcodes")
            self._step(opcode.name, argument)
        if len(self._stack) != 1 or self._below_marks:
            raise ValueError("STOP comes before everything is built")
        return self._stack[0]

    def _step(self, opcode: str, argument: object) -> None:
        match opcode, argument:
            case "PROTO" | "STOP", _:
                pass
            case "BINUNICODE" | "BININT" | "BININT1" | "BININT2" | "LONG1", str() | int():
                self._push(argument)
            case "NEWTRUE" | "NEWFALSE", _:
                self._push(opcode == "NEWTRUE")
            case "EMPTY_DICT", _:
                self._push({})
            case "EMPTY_TUPLE", _:
                self._push(())
            case "TUPLE1" | "TUPLE2" | "TUPLE3", _:
                size = int(opcode[-1])
                self._push(tuple([self._pop() for _ in range(size)][::-1]))
            case "MARK", _:
                self._below_marks.append(self._stack)
                self._stack = []
            case "TUPLE", _:
                self._push(tuple(self._pop_to_mark()))
            case "BINPUT" | "LONG_BINPUT", int():
                self._memo[argument] = self._stack[-1]
            case "BINGET" | "LONG_BINGET", int():
                self._push(self._memo[argument])
            case "GLOBAL", str():
                self._push(_accepted_name(argument))
            case "BINPERSID", _:
                self._push(_storage(self._pop()))
            case "REDUCE", _:
                arguments, function = self._pop(), self._pop()
                self._push(_reduce(function, arguments))
            case "SETITEM", _:
                value, key = self._pop(), self._pop()
                self._set_items([key, value])
            case "SETITEMS", _:
                self._set_items(self._pop_to_mark())
            case "BUILD", _:
                attributes = self._pop()
                _check_attributes(self._stack[-1], attributes)
            case _:
                raise Unreadable(f"holds a pickle with the opcode {opcode}, which no state dict needs")

    def _push(self, value: object) -> None:
        self._stack.append(value)

    def _pop(self) -> object:
        return self._stack.pop()

    def _pop_to_mark(self) -> list[object]:
        taken = self._stack
        self._stack = self._below_marks.pop()
        return taken

    def _set_items(self, flat: list[object]) -> None:
        """Keys and values, by turns, into the dict below them."""
        target = self._stack[-1]
        if not isinstance(target, dict) or len(flat) % 2:
            raise ValueError("items without a dict")
        for key, value in zip(flat[::2], flat[1::2], strict=True):
            # Text only: hashing a nested tuple may take exponential time.
            if not isinstance(key, str):
                raise ValueError("a key that is no text")
            target[key] = value


def _accepted_name(name: str) -> Name:
    if name not in (ORDERED_DICT, REBUILD_TENSOR, FLOAT_STORAGE):
        dotted = short(name.replace(" ", "."))
        if name.startswith("torch ") and name.endswith("Storage"):
            raise Unreadable(f"holds weights as {dotted}, where float32 ('torch.FloatStorage') is read")
        raise Unreadable(f"carries code: {dotted}. No weights need it; do not load this file")
    return Name(name)


def _reduce(function: object, arguments: object) -> object:
    """What calling `function` would build."""
    match function, arguments:
        case Name(text), () if text == ORDERED_DICT:
            return {}
        case Name(text), (Storage() as storage, int(offset), tuple(shape), tuple(stride), bool(), dict()) if (
            text == REBUILD_TENSOR
        ):
            return _tensor(storage, offset, _whole_numbers(shape), _whole_numbers(stride))
    raise ValueError("a call that no state dict makes")


def _storage(identity: object) -> Storage:
    match identity:
        case ("storage", Name(text), str(key), str(), int(elements)) if text == FLOAT_STORAGE:
            # A bound far above any network, so that what follows never handles numbers of hundreds of digits.
            if 0 <= elements <= MAX_ELEMENTS:
                return Storage(key, elements)
    raise ValueError("a storage of unknown form")


def _whole_numbers(values: tuple[object, ...]) -> tuple[int, ...]:
    numbers = tuple(value for value in values if isinstance(value, int) and value >= 0)
    if len(numbers) != len(values) or len(numbers) > MAX_AXES:
        raise ValueError("a shape or stride that is none")
    return numbers


def _tensor(storage: Storage, offset: int, shape: tuple[int, ...], stride: tuple[int, ...]) -> TensorRecord:
    if offset < 0 or 0 in shape:
        raise ValueError("a tensor of impossible shape")
    last = offset + sum((size - 1) * step for size, step in zip(shape, stride, strict=True))
    # The product as well: with strides of 0 a few numbers could pose as a tensor that fills the memory.
    if last >= storage.elements or prod(shape) > storage.elements:
        raise Unreadable("holds a tensor that reaches beyond its storage")
    return TensorRecord(storage, offset, shape, stride)


def _check_attributes(owner: object, attributes: object) -> None:
    """`_metadata` (layer versions) is all that torch sets on a state dict; nothing here needs it."""
    if not isinstance(owner, dict) or not isinstance(attributes, dict) or set(attributes) != {"_metadata"}:
        raise ValueError("attributes that no state dict has")
