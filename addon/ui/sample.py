"""What Try It adds: a test head, a line of speech as a strip, their keys, and a view of the face."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path

import bpy
from mathutils import Euler, Vector

from ...engine import AudioError
from ..take import make
from ..take.making import show_summary
from ..take.options import Options
from ..take.properties import collect
from . import test_head
from .dropped import add_strip

SAMPLE = Path(__file__).parents[2] / "sample.flac"      # build.py puts it there
MARGIN_M = 1.5              # between the head and what is in the scene already
CENTRE_M = 0.17             # of the head, above its neck
VIEW_M = 1.0                # from the 3D view to the head
CAMERA_M, CAMERA_LENS_MM = 1.5, 85.0        # the whole head, as a portrait
UPRIGHT = (math.pi / 2, 0.0, 0.0)           # rotation of a camera that looks along +Y
FRESH = {       # choices of an earlier take that would not fit the sample
    "use_range": False, "audio_channel": 0, "transcript": "", "transcript_text": "", "with_related": True,
    "preset": "auto", "head": "", "action": "",
}


def add_head(context: bpy.types.Context) -> bpy.types.Object:
    """The test head beside whatever is in the scene, selected; and a camera in front of it where the scene has none."""
    right = _right_end(context.scene.objects)
    face = test_head.build_test_head(context)
    face.location = (0.0 if right is None else right + MARGIN_M, 0.0, 0.0)
    test_head.select_alone(context, face)
    context.scene.unitalker.character = face
    if context.scene.camera is None:
        context.scene.camera = _add_camera(context, face)
    return face


def choose_sound(context: bpy.types.Context) -> dict[str, object]:
    """The sample as a strip that the .blend file keeps, else as a file; the choices for its take."""
    settings, start = context.scene.unitalker, context.scene.frame_start
    try:
        strip = add_strip(context, str(SAMPLE), start)
    except AudioError:
        settings.source, settings.audio, settings.start_frame = 'FILE', str(SAMPLE), start
        return {"audio": str(SAMPLE), "start_frame": start}
    if strip.sound.packed_file is None:
        strip.sound.pack()          # the file plays on, also without the extension
    settings.source, settings.strip = 'STRIP', strip.name
    return {"strip": strip.name}


def make_keys(context: bpy.types.Context, given: dict[str, object]) -> str:
    """One take of these choices, in line: the sample is short. Returns what was made in words; raises EngineError."""
    request = make.gather(context, Options(**collect(context, {**FRESH, **given})))
    summary = make.write(request, make.compute(request))
    show_summary(context, summary)
    return summary.words


def show(context: bpy.types.Context, face: bpy.types.Object) -> None:
    """Turn the 3D view, or all of them if the click was elsewhere, to the face from the front."""
    if context.area is not None and context.area.type == 'VIEW_3D':
        areas = [context.area]
    else:
        areas = [area for area in context.screen.areas if area.type == 'VIEW_3D'] if context.screen is not None else []
    for area in areas:
        view = area.spaces.active.region_3d
        view.view_perspective = 'PERSP'
        view.view_rotation = Euler(UPRIGHT).to_quaternion()
        view.view_location = face.location + Vector((0.0, 0.0, CENTRE_M))
        view.view_distance = VIEW_M


def _right_end(objects: Iterable[bpy.types.Object]) -> float | None:
    """The largest x of all that takes up room; None in an empty scene."""
    solid = [obj for obj in objects if obj.type not in ('CAMERA', 'LIGHT', 'EMPTY')]
    return max(((obj.matrix_world @ Vector(corner)).x for obj in solid for corner in obj.bound_box), default=None)


def _add_camera(context: bpy.types.Context, face: bpy.types.Object) -> bpy.types.Object:
    data = bpy.data.cameras.new("LipSync Camera")
    data.lens = CAMERA_LENS_MM
    camera = bpy.data.objects.new("LipSync Camera", data)
    context.collection.objects.link(camera)
    camera.location = face.location
    camera.location.y -= CAMERA_M
    camera.location.z += CENTRE_M
    camera.rotation_euler = UPRIGHT
    return camera
