"""Which files an ONNX graph takes its weights from, read before ONNX Runtime opens it.

A graph may name any file of the computer, and some versions of ONNX Runtime open whatever it names, or read their own
memory where it says so. Only the fields on the way to the tensors are looked at; no tensor is read.

Source: onnx.proto of ONNX 1.18 (numbers of the fields), and the encoding of protocol buffers.
"""

from __future__ import annotations

import mmap
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


def _locations(content: mmap.mmap) -> Iterator[str]:
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
        if kind == "tensor" and not inside and (_DATA_LOCATION, _EXTERNAL) in [field[:2] for field in fields]:
            yield ""
        if kind == "entry" and b"location" in _texts(content, fields, _KEY):
            yield from (text.decode("utf-8", "replace") for text in _texts(content, fields, _VALUE) or {b""})


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
