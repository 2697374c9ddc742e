"""Point cache files (.pc2) that a Mesh Cache modifier plays: where they lie, and how they are written."""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterable

import bpy

from ...engine import OutputError
from ...engine.values.types import FloatArray

# PC2: mark, version, vertices, first frame, frames per sample, samples; then float32 x, y, z
HEADER = struct.Struct("<12siiffi")
SUFFIX = " lip sync cache"              # of the folder beside a .blend file


def folder_for(chosen: str) -> str:
    """The chosen folder for caches, else one beside the open file. Raises OutputError when that is not saved."""
    if chosen:
        return os.path.abspath(bpy.path.abspath(chosen))
    if not bpy.data.filepath:
        raise OutputError(
            "A point cache lies beside the .blend file, and this one is not saved yet. Save it, or choose a cache "
            "folder in Output."
        )
    return os.path.splitext(bpy.data.filepath)[0] + SUFFIX


def write(folder: str, name: str, frames: Iterable[FloatArray], size: tuple[int, int]) -> str:
    """Write one cache, whole or not at all.

    Args:
        name: of the file, without its ending; what no file system takes is left out.
        frames: positions (n, 3) frame by frame; size: number of frames and n.
    Returns:
        Path of the file. Raises OutputError.
    """
    n_frames, n_vertices = size
    path = os.path.join(folder, re.sub(r'[<>:"/\\|?*\x00-\x1f]+', "_", name).strip(" .") + ".pc2")
    part = f"{path}.{os.getpid()}.part"
    try:
        os.makedirs(folder, exist_ok=True)
        with open(part, "wb") as file:
            file.write(HEADER.pack(b"POINTCACHE2\0", 1, n_vertices, 0.0, 1.0, n_frames))
            for positions in frames:
                file.write(positions.astype("<f4").tobytes())
        os.replace(part, path)
    except OSError as error:
        if os.path.exists(part):
            os.remove(part)
        raise OutputError(
            f"Cannot write the point cache {path}: {error.strerror or error}. Choose another cache folder in Output."
        ) from error
    return path


def relative(path: str) -> str:
    """A path as .blend files keep it: relative to the saved file, so that both can be moved together."""
    try:
        return bpy.path.relpath(path) if bpy.data.filepath else path
    except ValueError:          # on another drive of Windows
        return path
