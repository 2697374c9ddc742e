"""Which files an ONNX graph takes its weights from, and whether it asks for endless work or memory, read before ONNX
Runtime opens it.

A graph may name any file of the computer, and some versions of ONNX Runtime open whatever it names, or read their own
memory where it says so. Only the fields on the way to the tensors are looked at; of tensors, sizes alone are read.

Source: onnx.proto of ONNX 1.18 (numbers of the fields), and the encoding of protocol buffers.
"""

from __future__ import annotations

import math
import mmap
import struct
from collections.abc import Iterator
from pathlib import Path

MAX_FIELDS = 1_000_000      # of one file: a published encoder has less than 100,000
MAX_DEPTH = 100             # as in the reader of ONNX Runtime
# kind of a message: field that holds messages -> their kind
_INSIDE = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {13: "entry"},
    "entry": {},
}
_KEY, _VALUE = 1, 2                         # fields of an entry
MAX_NUMBER = 2**29 - 1                      # of a field; readers cut off what is larger, and find another field
_DATA_LOCATION, _EXTERNAL = 14, 1           # field of a tensor, and its value for weights in another file
_VARINT, _BYTES = 0, 2                      # how a field is written
_FIXED = {1: 8, 5: 4}                       # bytes of a field of fixed size

ENDLESS = (b"Loop", b"Scan")                # no model here has them, and they may never end
SIZED_BY = {b"ConstantOfShape": 0, b"Expand": 1, b"Tile": 1}    # operation: which input says how much it makes
MAX_VALUES = 2**31                          # that one of them may make: 8 GB
MAX_DIMENSIONS = 32
_INPUT, _OUTPUT, _OPERATION = 1, 2, 4       # fields of a node
_NAME, _RAW, _WHOLE_NUMBERS, _DATA_TYPE, _INT64 = 8, 9, 7, 2, 7      # of a tensor; its kind of whole numbers

Field = tuple[int, int, int, int]           # number; value of a whole number, else -1; begin and end of what it holds


def weight_files(path: Path) -> frozenset[str]:
    """The files that the tensors of a graph name, as they are written; "" for a tensor that names none.

    Raises:
        ValueError: it is no ONNX file. OSError: it cannot be read.
    """
    with path.open("rb") as file:
        if not file.read(1):
            raise ValueError("it is empty")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return frozenset(_locations(content))


def refuse_endless(path: Path) -> None:
    """Raise ValueError where a graph runs in circles, or makes an array that is too large from sizes it holds."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        sizes: dict[bytes, int] = {}
        asks: list[tuple[bytes, bytes]] = []
        for kind, fields in _messages(content):
            if kind == "tensor":
                for name in _texts(content, fields, _NAME):
                    sizes[name] = max(sizes.get(name, 0), _values(content, fields))
            elif kind == "node":
                _look_at(content, fields, sizes, asks)
        for name, operation in asks:
            if sizes.get(name, 0) > MAX_VALUES:
                raise ValueError(f"{operation.decode()} makes an array of {sizes[name]:,}, at most {MAX_VALUES:,} fit")


def _look_at(
    content: mmap.mmap, fields: list[Field], sizes: dict[bytes, int], asks: list[tuple[bytes, bytes]],
) -> None:
    """Note what a node makes from which sizes; the sizes themselves where it is a Constant. Raises ValueError."""
    operation = next(iter(_texts(content, fields, _OPERATION)), b"")
    if operation in ENDLESS:
        raise ValueError(f"it has the operation {operation.decode()}, which may never end")
    inputs = [content[first:last] for field, value, first, last in fields if field == _INPUT and value < 0]
    if operation in SIZED_BY and SIZED_BY[operation] < len(inputs):
        asks.append((inputs[SIZED_BY[operation]], operation))
    if operation == b"Constant":
        tensors = [kept for kind, kept in _inside(content, "node", fields) if kind == "tensor"]
        for name in _texts(content, fields, _OUTPUT):
            sizes[name] = max((_values(content, tensor) for tensor in tensors), default=0)


def _inside(content: mmap.mmap, kind: str, fields: list[Field]) -> Iterator[tuple[str, list[Field]]]:
    for field, value, first, last in fields:
        if field in _INSIDE[kind] and value < 0:
            inner, found = _INSIDE[kind][field], list(_fields(content, first, last, MAX_FIELDS))
            yield inner, found
            if inner == "attribute":
                yield from _inside(content, inner, found)


def _values(content: mmap.mmap, fields: list[Field]) -> int:
    """The product of a tensor's whole numbers, as of a shape; 0 for one that is none."""
    if (_DATA_TYPE, _INT64) not in [field[:2] for field in fields]:
        return 0
    numbers = [value for field, value, _, _ in fields if field == _WHOLE_NUMBERS and value >= 0]
    for field, value, first, last in fields:
        if value < 0 and field == _RAW and last - first <= 8 * MAX_DIMENSIONS:
            numbers += struct.unpack(f"<{(last - first) // 8}q", content[first:first + (last - first) // 8 * 8])
        elif value < 0 and field == _WHOLE_NUMBERS and last - first <= 10 * MAX_DIMENSIONS:
            while first < last:
                number, first = _varint(content, first, last)       # noqa: PLW2901
                numbers.append(number)
    return math.prod(max(1, number) for number in numbers) if len(numbers) <= MAX_DIMENSIONS else 0


def _locations(content: mmap.mmap) -> Iterator[str]:
    for kind, fields in _messages(content):
        has_entries = any(field in _INSIDE[kind] and value < 0 for field, value, _, _ in fields)
        if kind == "tensor" and not has_entries and (_DATA_LOCATION, _EXTERNAL) in [field[:2] for field in fields]:
            yield ""
        if kind == "entry" and b"location" in _texts(content, fields, _KEY):
            yield from (text.decode("utf-8", "replace") for text in _texts(content, fields, _VALUE) or {b""})


def _messages(content: mmap.mmap) -> Iterator[tuple[str, list[Field]]]:
    """Every message on the way to the tensors, with its kind. Raises ValueError."""
    waiting = [("model", 0, len(content), 0)]
    n_fields = 0
    while waiting:
        kind, start, end, depth = waiting.pop()
        fields = list(_fields(content, start, end, MAX_FIELDS - n_fields))
        n_fields += len(fields)
        inside = [
            (_INSIDE[kind][field], first, last, depth + 1) for field, value, first, last in fields
            if field in _INSIDE[kind] and value < 0
        ]
        if inside and depth == MAX_DEPTH:
            raise ValueError("it is nested too deeply")
        waiting += inside
        yield kind, fields


def _texts(content: mmap.mmap, fields: list[Field], wanted: int) -> set[bytes]:
    return {content[first:last] for field, value, first, last in fields if field == wanted and value < 0}


def _fields(content: mmap.mmap, at: int, end: int, most: int) -> Iterator[Field]:
    """The fields of one message. Raises ValueError: damaged, or more than `most`."""
    while at < end:
        tag, at = _varint(content, at, end)
        wire, value, first = tag & 7, -1, at
        if wire == _VARINT:
            value, at = _varint(content, at, end)
        elif wire == _BYTES:
            length, first = _varint(content, at, end)
            at = first + length
        elif wire in _FIXED:
            at += _FIXED[wire]
        else:
            raise ValueError("it is damaged")
        most -= 1
        if at > end or most < 0 or not 0 < tag >> 3 <= MAX_NUMBER:
            raise ValueError("it is damaged, or has too many parts")
        yield tag >> 3, value, first, at


def _varint(content: mmap.mmap, at: int, end: int) -> tuple[int, int]:
    """A whole number of at most 10 bytes, and where it ends."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= end:
            break
        byte = content[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("it is damaged")
