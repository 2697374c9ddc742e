"""Open and save .blend files without a window; a file is written whole or not at all."""

from __future__ import annotations

import os

import bpy

from ...engine import EngineError, OutputError
from ..pictures.complete_file import is_whole_blend


class ShotError(EngineError):
    """A .blend file cannot be opened, or has no such scene."""


def open_shot(path: str) -> None:
    """Open a .blend file, without its window layout. Raises ShotError; which file is open then is not known."""
    if not os.path.isfile(path):
        raise ShotError(f"Blend file not found: {path}. Check the path.")
    try:
        bpy.ops.wm.open_mainfile(filepath=path, load_ui=False)
    except RuntimeError as error:
        reason = " ".join(str(error).split()).removeprefix("Error: ")
        raise ShotError(f"Cannot open {path}: {reason}. Open it in Blender and save it again.") from error


def save_shot(path: str) -> None:
    """Save the open file under a name, whole or not at all; the open file keeps its own name. Raises OutputError."""
    part = f"{path}.{os.getpid()}.part.blend"
    try:
        bpy.ops.wm.save_as_mainfile(filepath=part, copy=True, check_existing=False)
        if not is_whole_blend(part):        # a compressed file on a full disk: Blender 4.5 to 5.2 say that all is well
            raise OSError("the disk is full")
        os.replace(part, path)
    except (OSError, RuntimeError) as error:
        reason = " ".join(str(error).split()).removeprefix("Error: ")
        raise OutputError(
            f"Cannot write {path}: {reason}. Choose a folder that you may write to, with room for it."
        ) from error
    finally:
        for left in (part, f"{part}@"):         # Blender writes to the second name first
            if os.path.exists(left):
                os.remove(left)


def scene_named(name: str) -> bpy.types.Scene:
    """A scene of the open file; empty takes the active one. Raises ShotError."""
    scene = bpy.data.scenes.get(name) if name else bpy.context.scene
    if scene is None:
        raise ShotError(f"Scene not found: {name!r}. The file has: {', '.join(bpy.data.scenes.keys())}.")
    return scene
