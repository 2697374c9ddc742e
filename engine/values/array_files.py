"""NumPy's .npy and .npz files from anywhere: sizes are checked before anything is unfolded, nothing is unpickled.

NumPy's own readers believe what a header says, unfold whatever a zip promises and fail in a dozen ways. Here whatever
is wrong with a file is one ArrayFileError, whose text is a part of a sentence.
"""

from __future__ import annotations

import math
import os
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

MAX_BYTES = 256 * 2**20     # unfolded, and as float32: a vertex head of 23,370 vertices without PCA is 72 MB
MAX_HEADER_BYTES = 10_000
CHUNK_BYTES = 4 * 2**20
_MAGIC = b"\x93NUMPY"
_TYPE = re.compile(r"'descr'\s*:\s*'([<>|=]?[fiubUS]\d{1,9})'")
_ORDER = re.compile(r"'fortran_order'\s*:\s*(True|False)")
_SHAPE = re.compile(r"'shape'\s*:\s*\(([\d,\sL]*)\)")
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)       # NumPy writes no others
_ENCRYPTED = 1


class ArrayFileError(ValueError):
    """A file is no .npy or .npz that can be used: damaged, too large, or with other things than numbers and texts."""


@dataclass(frozen=True)
class _Header:
    """What a .npy says of its array.

    Attributes:
        order: C or F, as NumPy has it.
        offset: of the first number in the file, in bytes.
    """

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    order: str
    offset: int

    @property
    def n_bytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize


def read_array(path: str | Path, most_bytes: int = MAX_BYTES) -> NDArray[Any]:
    """The array of a .npy. Raises ArrayFileError; OSError where the file cannot be read."""
    with open(path, "rb") as file:
        return _read(file, os.fstat(file.fileno()).st_size, most_bytes)


def map_array(path: str | Path) -> NDArray[Any]:
    """The array of a .npy, mapped from the disk. Raises as read_array."""
    with open(path, "rb") as file:
        header = _header(file, os.fstat(file.fileno()).st_size)
    try:
        mapped: NDArray[Any] = np.memmap(
            path, header.dtype, "r", header.offset, header.shape, header.order,     # type: ignore[call-overload]
        )
        return mapped
    except ValueError as error:
        raise ArrayFileError(str(error)) from error


def read_arrays(file: str | Path | IO[bytes], most_bytes: int = MAX_BYTES) -> dict[str, NDArray[Any]]:
    """The arrays of a .npz by their names. Raises ArrayFileError.

    Args:
        most_bytes: of all arrays together.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            _check_members(members, most_bytes)
            arrays, left = {}, most_bytes
            for member in members:
                with archive.open(member) as content:
                    array = _read(content, member.file_size, left)
                left -= _held_bytes(array.shape, array.dtype)
                arrays[member.filename.removesuffix(".npy")] = array
            return arrays
    except ArrayFileError:
        raise
    except Exception as error:      # zipfile raises a different kind for each way in which a zip can be broken
        raise ArrayFileError(str(error) or type(error).__name__) from error


def _check_members(members: list[zipfile.ZipInfo], most_bytes: int) -> None:
    total = sum(member.file_size for member in members)
    if total > most_bytes + MAX_HEADER_BYTES * len(members):
        raise ArrayFileError(f"it unfolds to {total:,} bytes, at most {most_bytes:,} are read")
    for member in members:
        if not member.filename.endswith(".npy"):
            raise ArrayFileError(f"{member.filename[:60]!r} in it is no array")
        if member.compress_type not in _METHODS or member.flag_bits & _ENCRYPTED:
            lack = "is encrypted or packed in a way that NumPy does not use"
            raise ArrayFileError(f"{member.filename[:60]!r} in it {lack}")


def _read(file: IO[bytes], file_bytes: int, most_bytes: int) -> NDArray[Any]:
    header = _header(file, file_bytes)
    held = _held_bytes(header.shape, header.dtype)
    if held > most_bytes:
        limit = f"takes {held:,} bytes, at most {most_bytes:,} are read"
        raise ArrayFileError(f"an array {header.shape} of {header.dtype} {limit}")
    content = np.empty(header.n_bytes, np.uint8)
    for start in range(0, len(content), CHUNK_BYTES):
        part = memoryview(content)[start:start + CHUNK_BYTES]       # type: ignore[arg-type]
        if file.readinto(part) != len(part):      # type: ignore[attr-defined]
            raise ArrayFileError("it ends too early")
    if not header.dtype.itemsize:
        return np.zeros(header.shape, header.dtype)
    array: NDArray[Any] = content.view(header.dtype)
    return array.reshape(header.shape, order=header.order)      # type: ignore[call-overload, no-any-return]


def _header(file: IO[bytes], file_bytes: int) -> _Header:
    start = file.read(12)
    if not start.startswith(_MAGIC) or len(start) < 12 or start[6] not in (1, 2, 3):
        raise ArrayFileError("it does not begin as a .npy")
    length_bytes = 2 if start[6] == 1 else 4
    offset = 8 + length_bytes + int.from_bytes(start[8:8 + length_bytes], "little")
    if not 12 <= offset <= MAX_HEADER_BYTES:
        raise ArrayFileError(f"its header takes {offset:,} bytes, at most {MAX_HEADER_BYTES:,} are read")
    text = (start[8 + length_bytes:] + file.read(offset - 12)).decode("latin-1")
    kind, order, shape = (pattern.search(text) for pattern in (_TYPE, _ORDER, _SHAPE))
    if kind is None or order is None or shape is None:
        raise ArrayFileError("it does not hold one array of numbers or texts")
    try:
        sizes = tuple(int(size) for size in shape[1].replace("L", "").split(",") if size.strip())
        header = _Header(np.dtype(kind[1]), sizes, "F" if order[1] == "True" else "C", offset)
    except (TypeError, ValueError) as error:
        raise ArrayFileError(f"its header cannot be read ({str(error)[:80]})") from error
    if len(sizes) > 8 or header.n_bytes > file_bytes - offset:
        promise = f"{str(sizes)[:60]} of {header.dtype}"
        raise ArrayFileError(f"its header promises {promise}, the file holds {file_bytes:,} bytes")
    return header


def _held_bytes(shape: tuple[int, ...], dtype: np.dtype[Any]) -> int:
    """Bytes of an array, or of the float32 that is made of smaller numbers."""
    return math.prod(shape) * max(dtype.itemsize, 4)
