"""A picture of a lower face for models that take one: read, cut and made small."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..values.array_files import ArrayFileError, read_array
from ..values.errors import SettingError
from ..values.types import FloatArray

SIDE = 48                   # pixels
GAMMA = 2.2                 # of a picture file; models see linear light
MAX_PIXELS = 2**25          # of a file: more is no still of a face
TOP, HEIGHT = 0.55, 0.45    # of the picture's height where the lower face begins, and its share
PNG = b"\x89PNG\r\n\x1a\n"
CHANNELS = {0: 1, 2: 3, 4: 2, 6: 4}     # of PNG's colour types; palettes are left out


def read_still(path: str) -> FloatArray:
    """The lower face of a picture file: a face from the front that fills the picture.

    Args:
        path: PNG of 8 bits, or .npy (h, w, 3) in 0..1 that shows the lower face alone.
    Returns:
        (3, SIDE, SIDE) float32 in linear light, 0..1, red first.
    Raises:
        SettingError: missing, or no such file.
    """
    try:
        if Path(path).suffix == ".npy":
            return _shrunk(np.asarray(read_array(path), np.float32))
        pixels = _read_png(Path(path).read_bytes()) / np.float32(255)
    except (OSError, ArrayFileError, ValueError, struct.error, zlib.error) as error:
        raise SettingError(
            f"Picture {path} cannot be read ({error}). Give a PNG of 8 bits of a face from the front."
        ) from error
    height, width = pixels.shape[:2]
    side = min(round(HEIGHT * height), width)
    top, left = min(round(TOP * height), height - side), (width - side) // 2
    return _shrunk(pixels[top:top + side, left:left + side] ** np.float32(GAMMA))


def read_picture(path: str, side: int) -> FloatArray:
    """A whole picture as its file has it: (3, side, side) float32, 0..1, red first.

    Args:
        path: PNG of 8 bits; its middle square is taken.
    Raises:
        SettingError: missing, or no such file.
    """
    try:
        pixels = _read_png(Path(path).read_bytes()) / np.float32(255)
        height, width = pixels.shape[:2]
        square = min(height, width)
        top, left = (height - square) // 2, (width - square) // 2
        return _shrunk(pixels[top:top + square, left:left + square], side)
    except (OSError, ValueError, struct.error, zlib.error) as error:
        raise SettingError(f"Picture {path} cannot be read ({error}). Give a PNG of 8 bits.") from error


def _shrunk(pixels: FloatArray, side: int = SIDE) -> FloatArray:
    """(h, w, 3) -> (3, side, side): means of what each pixel covers."""
    if pixels.ndim != 3 or pixels.shape[2] != 3 or min(pixels.shape[:2]) < side or not np.isfinite(pixels).all():
        raise ValueError(f"it has shape {pixels.shape}, at least {side} x {side} pixels of 3 colours are needed")
    for axis in (0, 1):
        edges = np.linspace(0, pixels.shape[axis], side + 1).round().astype(int)
        pixels = np.add.reduceat(pixels, edges[:-1], axis=axis)
        pixels = pixels / np.diff(edges).reshape([-1 if i == axis else 1 for i in range(3)])
    return np.asarray(pixels.clip(0, 1).transpose(2, 0, 1), np.float32)


def _read_png(data: bytes) -> NDArray[np.uint8]:
    """(h, w, 3) of a PNG (PNG specification, third edition: 8 bits, not interlaced, no palette)."""
    if data[:8] != PNG:
        raise ValueError("it is no PNG")
    chunks, at = [], 8
    while at + 8 <= len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        chunks.append((kind, data[at + 8:at + 8 + length]))
        at += 12 + length
    header = dict(chunks).get(b"IHDR", b"")[:13]
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", header)
    if depth != 8 or colour not in CHANNELS or interlaced or not 0 < width * height <= MAX_PIXELS:
        raise ValueError(f"{width} x {height} pixels of {depth} bits, colour type {colour}, interlaced {interlaced}")
    channels = CHANNELS[colour]
    size = height * (1 + width * channels)
    packed = b"".join(content for kind, content in chunks if kind == b"IDAT")
    rows = np.frombuffer(zlib.decompressobj().decompress(packed, size), np.uint8)
    if len(rows) != size:
        raise ValueError(f"it holds {len(rows)} bytes of {size}")
    pixels = _unfiltered(rows.reshape(height, -1), channels).reshape(height, width, channels)
    return pixels[:, :, :3] if channels >= 3 else np.repeat(pixels[:, :, :1], 3, axis=2)


def _unfiltered(rows: NDArray[np.uint8], channels: int) -> NDArray[np.uint8]:
    """Undo the filter of each row; its number comes first."""
    kinds, given = rows[:, 0], rows[:, 1:].astype(np.int64)
    above = np.zeros(given.shape[1], np.int64)
    for kind, row in zip(kinds, given, strict=True):
        _unfilter(int(kind), row, above, channels)
        above = row
    return given.astype(np.uint8)


def _unfilter(kind: int, row: NDArray[np.int64], above: NDArray[np.int64], channels: int) -> None:
    if kind == 2:
        row += above
    elif kind == 1:
        row[:] = np.cumsum(row.reshape(-1, channels), axis=0).reshape(-1)
    elif kind in (3, 4):
        _unfilter_by_pixels(kind, row.reshape(-1, channels), above.reshape(-1, channels))
    elif kind:
        raise ValueError(f"a row has the filter {kind}")
    row &= 255


def _unfilter_by_pixels(kind: int, row: NDArray[np.int64], above: NDArray[np.int64]) -> None:
    """Average and Paeth look at the pixel before, so they go one by one."""
    left = corner = np.zeros(row.shape[1], np.int64)
    columns = np.arange(row.shape[1])
    for place, over in enumerate(above):
        if kind == 3:
            guess = (left + over) // 2
        else:
            near = np.stack([left, over, corner])
            guess = near[np.abs(near - (left + over - corner)).argmin(axis=0), columns]
        row[place] = (row[place] + guess) & 255
        left, corner = row[place], over
