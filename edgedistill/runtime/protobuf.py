"""Protobuf on the wire, read with bounds: a stranger's messages, field by field, without generated code."""

from collections.abc import Iterator
from dataclasses import dataclass

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
Field = tuple[int, int, int | memoryview]
"""Number, wire type, value"""


class Malformed(Exception):
    """The bytes are no protobuf message, or not one of a student."""


@dataclass(frozen=True)
class Allowed:
    """Fields of one message type that a student's file may use; any other is refused."""

    name: str
    wire_types: dict[int, int]
    """By number of the field"""
    texts: frozenset[int] = frozenset()
    """Those of the fields that are UTF-8"""


def fields(data: memoryview, allowed: Allowed) -> Iterator[tuple[int, int | memoryview]]:
    """Number and value of each field of a message; repeated whole numbers one by one, packed or not."""
    for number, wire, value in _wire_fields(data):
        if number not in allowed.wire_types:
            raise Malformed(f"field {number} of {allowed.name}")
        if wire == allowed.wire_types[number]:
            if number in allowed.texts:
                text(value)
            yield number, value
        elif wire == BYTES and allowed.wire_types[number] == VARINT:
            position, packed = 0, message(value)
            while position < len(packed):
                whole, position = _varint(packed, position)
                yield number, whole
        else:
            raise Malformed(f"field {number} of {allowed.name} has another type")


def _wire_fields(data: memoryview) -> Iterator[Field]:
    position = 0
    while position < len(data):
        key, position = _varint(data, position)
        number, wire = key >> 3, key & 7
        if wire == VARINT:
            value, position = _varint(data, position)
            yield number, wire, value
            continue
        if wire == BYTES:
            length, position = _varint(data, position)
        elif wire in (FIXED32, FIXED64):
            length = 4 if wire == FIXED32 else 8
        else:
            raise Malformed(f"wire type {wire}")
        if length > len(data) - position:
            raise Malformed("it is cut short")
        yield number, wire, data[position : position + length]
        position += length


def _varint(data: memoryview, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(data):
            raise Malformed("it is cut short")
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise Malformed("a number of more than 64 bits")


def message(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise Malformed("a number where a message belongs")
    return value


def text(value: int | memoryview) -> str:
    try:
        return bytes(message(value)).decode()
    except UnicodeDecodeError as error:
        raise Malformed("text that is not UTF-8") from error
