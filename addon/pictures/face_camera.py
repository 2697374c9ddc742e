"""A camera that looks at the face of a character."""

from __future__ import annotations

import bpy
import numpy as np
from mathutils import Vector

from ..character.character import members
from . import face_region

LENS_MM = 85.0              # a portrait's
LEAST_SIZE_M = 1e-4        # of a flat or tiny face: the camera needs some distance
FILL = 0.5                  # of the picture's height that the face takes
NAME = "Face Camera"


def add(context: bpy.types.Context, character: str, with_related: bool) -> bpy.types.Object:
    """Make a camera before the face and make it the scene's. Raises RigError when there is no face."""
    face = face_region.find_face(members(context, character, with_related))
    low, high = face_region.box_of(context, face)
    data = bpy.data.cameras.new(NAME)
    data.lens = LENS_MM
    camera = bpy.data.objects.new(NAME, data)
    context.scene.collection.objects.link(camera)
    render = context.scene.render
    wide = render.resolution_x * render.pixel_aspect_x >= render.resolution_y * render.pixel_aspect_y
    data.sensor_fit = 'VERTICAL' if wide else 'HORIZONTAL'
    sensor_mm = data.sensor_height if wide else data.sensor_width
    side = np.array((-face.front[1], face.front[0], 0.0))
    size = float(max(abs(side) @ (high - low), high[2] - low[2], LEAST_SIZE_M))
    deep = float(abs(face.front) @ (high - low))
    away = size / FILL * LENS_MM / sensor_mm
    middle = Vector((low + high) / 2)
    camera.location = middle + Vector(face.front) * (away + deep / 2)
    camera.rotation_euler = (middle - camera.location).to_track_quat('-Z', 'Y').to_euler()
    data.clip_start, data.clip_end = min(data.clip_start, away / 100), max(data.clip_end, 10 * away)
    context.scene.camera = camera
    context.view_layer.update()
    return camera
