"""The retiming keys of a strip: on which frame which part of its content plays.

Blender's Python interface gives the frames of the keys of some kinds of strips, but never the content that belongs
to them. Every .blend file describes the layout of Blender's own data by name, so a small one tells where the keys lie
in the strip; they are then read, never written. Those names are the same from 4.2 to 5.2, the layout is not.
Main thread only.
"""

from __future__ import annotations

import ctypes
import functools
import os
import re
import struct
import tempfile
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import bpy

STRIP, KEY = "Sequence", "SeqRetimingHandle"        # as files name them, whatever Blender's source says today
SIZES = {"int": "<i", "float": "<f", "double": "<d"}
POINTER = "<Q"
STARTS_TRANSITION = 1       # flag of a key from which the speed changes gradually up to the next one
MAX_KEYS = 100_000          # more than any strip has: memory that is read wrongly


@dataclass(frozen=True)
class RetimingKey:
    """One retiming key.

    Attributes:
        frame: on which it lies, counted from the start of the strip's content.
        share: how much of the content has been played there, 0 to 1.
        starts_transition: whether the speed changes gradually from here to the next key.
    """

    frame: float
    share: float
    starts_transition: bool


@dataclass(frozen=True)
class _Layout:
    """Of a structure in memory: its size in bytes and, by name of the field, position and format."""

    size: int
    fields: dict[str, tuple[int, str]]

    def read(self, address: int, field: str) -> float:
        """A number of the structure at an address."""
        position, form = self.fields[field]
        return float(struct.unpack(form, ctypes.string_at(address + position, struct.calcsize(form)))[0])


def keys_of(strip: bpy.types.Strip) -> tuple[RetimingKey, ...]:
    """The retiming keys of a strip, a meta strip or a scene strip in their order; () when it plays at its own speed.

    Raises:
        LookupError: this Blender keeps them in a way that is not known.
    """
    of_strip, of_key = _layouts()
    address = strip.as_pointer()
    if not _is_strip(strip, address, of_strip):
        raise LookupError("strips lie differently in memory")
    n_keys = int(of_strip.read(address, "retiming_handle_num"))
    position, _ = of_strip.fields["*retiming_handles"]
    first = struct.unpack(POINTER, ctypes.string_at(address + position, struct.calcsize(POINTER)))[0]
    if n_keys < 2 or not first:
        return ()
    if n_keys > MAX_KEYS:
        raise LookupError(f"{n_keys} retiming keys")
    keys = tuple(_key(first + number * of_key.size, of_key) for number in range(n_keys))
    if keys[0].frame != 0 or any(after.frame <= before.frame for before, after in pairwise(keys)):
        raise LookupError("retiming keys out of order")
    return keys


def n_content_frames(strip: bpy.types.Strip) -> int:
    """How many frames of content all of a strip's keys span."""
    of_strip, _ = _layouts()
    length = int(of_strip.read(strip.as_pointer(), "len"))
    return length if bpy.app.version >= (5, 0, 0) else length - 1       # up to 4.5 the last key lies on the last frame


def _key(address: int, layout: _Layout) -> RetimingKey:
    flag = int(layout.read(address, "flag"))
    return RetimingKey(
        layout.read(address, "strip_frame_index"), layout.read(address, "retiming_factor"),
        bool(flag & STARTS_TRANSITION),
    )


def _is_strip(strip: bpy.types.Strip, address: int, layout: _Layout) -> bool:
    """Whether the layout fits: the strip's own name must lie where it says, behind two letters for the kind."""
    position, _ = layout.fields["name[64]"]
    stored = ctypes.string_at(address + position, 64).split(b"\0")[0]
    return stored.decode(errors="replace").endswith(strip.name)


@functools.cache
def _layouts() -> tuple[_Layout, _Layout]:
    """The layouts of a strip and of a retiming key in this Blender. Raises LookupError."""
    with tempfile.TemporaryDirectory(prefix="lipsync_") as folder:
        path = os.path.join(folder, "layout.blend")
        try:
            text = bpy.data.texts.new("Layout")     # writing no data-block at all frees memory twice in Blender 4.2
            try:
                bpy.data.libraries.write(path, {text}, compress=False)
            finally:
                bpy.data.texts.remove(text)
            found = _parse(Path(path).read_bytes(), (STRIP, KEY))
        except (AttributeError, OSError, RuntimeError, ValueError, struct.error) as error:
            raise LookupError(str(error)) from error
    wanted = ("len", "retiming_handle_num", "*retiming_handles", "name[64]"), ("strip_frame_index", "retiming_factor")
    for layout, names in zip(found, wanted, strict=True):
        if missing := [name for name in names if name not in layout.fields]:
            raise LookupError(f"no {missing[0]}")
    return found[0], found[1]


def _parse(content: bytes, wanted: tuple[str, ...]) -> list[_Layout]:
    """Layouts of named structures from the description in a .blend file: names, types, sizes, structures."""
    start = content.index(b"SDNANAME")
    names, at = _texts(content, start, start + 8)
    types, at = _texts(content, start, at + 4)
    sizes = struct.unpack_from(f"<{len(types)}h", content, at + 4)
    at = _aligned(start, at + 4 + 2 * len(types)) + 4
    (n_structures,) = struct.unpack_from("<i", content, at)
    at += 4
    layouts: dict[str, _Layout] = {}
    for _ in range(n_structures):
        kind, n_fields = struct.unpack_from("<hh", content, at)
        numbers = struct.unpack_from(f"<{2 * n_fields}h", content, at + 4)
        at += 4 + 4 * n_fields
        if types[kind] in wanted:
            fields = [(types[of], names[name], sizes[of]) for of, name in zip(numbers[::2], numbers[1::2], strict=True)]
            layouts[types[kind]] = _Layout(sizes[kind], _positions(fields))
    return [layouts[name] for name in wanted]


def _positions(fields: list[tuple[str, str, int]]) -> dict[str, tuple[int, str]]:
    """Position and format of each field (type, name, size of the type); pointers and arrays are marked in the name."""
    positions, at = {}, 0
    for kind, name, size in fields:
        is_pointer = name.startswith(("*", "("))
        positions[name] = at, POINTER if is_pointer else SIZES.get(kind, "<i")
        count = 1
        for length in re.findall(r"\[(\d+)\]", name):
            count *= int(length)
        at += (struct.calcsize(POINTER) if is_pointer else size) * count
    return positions


def _texts(content: bytes, start: int, at: int) -> tuple[list[str], int]:
    """A counted list of texts that end in a zero byte, and where the next part begins."""
    (count,) = struct.unpack_from("<i", content, at)
    parts = content[at + 4:].split(b"\0", count)[:count]
    return [part.decode() for part in parts], _aligned(start, at + 4 + sum(map(len, parts)) + count)


def _aligned(start: int, at: int) -> int:
    """Parts begin at whole multiples of four bytes."""
    return start + (at - start + 3) // 4 * 4
