"""What happens with dropped and chosen sound files: whose face they are for, lines of the scene's list, strips."""

from __future__ import annotations

import os
from collections.abc import Sequence

import bpy
from bpy_extras.view3d_utils import region_2d_to_origin_3d, region_2d_to_vector_3d
from mathutils import Vector

from ...engine import AudioError, EngineError
from ..cast.rows import guess
from ..character.character import gather
from ..host.translations import translate
from ..sound.clip import find_file
from ..sound.strips import sequencer_scene

MAX_CHANNEL = 128           # of the Sequencer


def under_pointer(context: bpy.types.Context, event: bpy.types.Event) -> str:
    """Name of the character that a 3D view shows under the pointer; empty when there is none that can be keyed."""
    region, space = context.region, context.space_data
    if region is None or region.type != 'WINDOW' or getattr(space, "region_3d", None) is None:
        return ""
    place = Vector((event.mouse_x - region.x, event.mouse_y - region.y))
    origin = region_2d_to_origin_3d(region, space.region_3d, place)
    direction = region_2d_to_vector_3d(region, space.region_3d, place)
    hit, _, _, _, obj, _ = context.scene.ray_cast(context.evaluated_depsgraph_get(), origin, direction)
    if not hit:
        return ""
    try:
        gather(context, obj.name, context.scene.unitalker.with_related)
    except EngineError:
        return ""
    return obj.name


def add_rows(context: bpy.types.Context, paths: Sequence[str]) -> None:
    """A line of the scene's list for each file, with the character that its name suggests, else the panel's."""
    for path in paths:
        row = context.scene.unitalker_cast.add()
        row.source, row.audio, row.start_frame = 'FILE', path, context.scene.frame_current
        row.character = guess(context, row) or context.scene.unitalker.character


def to_strip(context: bpy.types.Context) -> str:
    """Make the chosen sound file a strip and choose that; a line that says so. Raises AudioError."""
    settings = context.scene.unitalker
    clip = find_file(context, settings.audio, settings.start_frame)
    strip = add_strip(context, clip.path, int(clip.start_frame))
    settings.source, settings.strip = 'STRIP', strip.name
    return translate("Strip {!r} starts on frame {}.", strip.name, int(clip.start_frame))


def add_strip(context: bpy.types.Context, path: str, frame: int) -> bpy.types.Strip:
    """Add a sound strip above all others. Raises AudioError: Blender cannot play the file, or has no room."""
    if getattr(context.workspace, "sequencer_scene", context) is None:     # from 5.0 on: it would show nothing
        context.workspace.sequencer_scene = context.scene
    scene = sequencer_scene(context)
    editor = scene.sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    channel = max((strip.channel for strip in strips), default=0) + 1
    if channel > MAX_CHANNEL:
        raise AudioError(
            f"All {MAX_CHANNEL} channels of the Sequencer in scene {scene.name!r} are in use. "
            "Move or remove a strip on the top one."
        )
    if not hasattr(strips, "new_sound"):
        raise AudioError("This Blender was built without sound, so it has no sound strips. Use the sound as a file.")
    try:
        return strips.new_sound(os.path.splitext(os.path.basename(path))[0], path, channel, frame)
    except RuntimeError as error:
        problem = f"Blender cannot play {path} ({str(error).strip()})."
        raise AudioError(f"{problem} Convert it to wav, or use the sound as a file.") from error
