"""Keys from a face capture in a file: Live Link Face, MediaPipe or arrays become a take on the character.

The engine reads and cleans the file and knows the preset; keys begin at the scene's current frame, and Clear removes
them like those of any other take.
"""

from __future__ import annotations

from pathlib import Path

import bpy

from ...engine.files.capture_file import read_capture
from ...engine.rig.presets import choose
from ...engine.rig.retarget import retarget
from ..host.preferences import engine_preferences
from ..host.scene import scene_fps
from ..host.translations import translate
from ..keying import parts
from ..keying.write import write as write_keys
from ..take.look_up import panel_character


def key_capture(context: bpy.types.Context, path: str, keep_rest: bool) -> tuple[str, tuple[str, ...]]:
    """Key the character; a sentence and warnings. Raises EngineError kinds."""
    character, fps = panel_character(context), scene_fps(context.scene)
    capture = read_capture(bpy.path.abspath(path), fps, keep_rest=keep_rest)
    rig = character.rig(context.scene.unitalker.preset, engine_preferences(context).preset_folders)
    curves = retarget(capture.motion, choose(rig), rig)
    first = float(context.scene.frame_current)
    name = Path(path).stem
    line = parts.Line(f"{name} capture", first, first + len(capture.motion.weights) - 1, fps)
    warnings = write_keys(character, curves, line, parts.KeyOptions()).warnings
    text = translate(
        "{} ({}) on frames {} to {}", name, capture.source, f"{line.first_frame:g}", f"{line.last_frame:g}",
    )
    return text, (*capture.notes, *warnings)
