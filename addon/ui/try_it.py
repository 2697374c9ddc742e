"""Try It: a test head, a line of speech as a strip, a view of the face and its keys, in one click and one undo step."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import bpy

from ..host.editors import in_editors
from ..host.job import Job
from ..host.layout import paragraph
from ..host.operator_base import idle
from ..host.polls import only_if
from ..host.translations import translate
from ..take import catalog
from ..take.properties import collect

SAMPLE = Path(__file__).parents[2] / "sample.flac"      # build.py puts it there
MARGIN_M = 1.5              # between the head and what is in the scene already
CENTRE_M = 0.17             # of the head, above its neck
VIEW_M = 1.0                # from the 3D view to the head
CAMERA_M, CAMERA_LENS_MM = 1.5, 85.0        # the whole head, as a portrait
FRESH = {       # choices of an earlier take that would not fit the sample
    "use_range": False, "audio_channel": 0, "transcript": "", "transcript_text": "", "with_related": True, "preset": "auto", "head": "", "action": "",
}


class UNITALKER_OT_try_it(bpy.types.Operator):
    """Add a head, a line of speech and its lip sync, to see what this add-on does. Nothing else in the scene is touched, and one undo takes all of it back"""

    bl_idname = "unitalker.try_it"
    bl_label = "Try Lip Sync"
    bl_options = {'REGISTER', 'UNDO'}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """In Object Mode, with nothing running."""
        if not idle(cls):
            return False
        return only_if(cls, context.mode == 'OBJECT', "Leave Edit Mode first: a new head is added in Object Mode")

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Add it all; keys last, since only they can fail."""
        from ... import engine

        face = add_head(context)
        try:
            given = {**choose_sound(context), "character": face.name}
            line = make_keys(context, given)
        except engine.EngineError as error:
            self.report({'ERROR'}, f"The head is there, its keys are not: {error}")
            return {'FINISHED'}         # with its undo step
        finally:
            show(context, face)
        self.report({'INFO'}, translate("{}. Press Space to play.", line))
        return {'FINISHED'}


def add_head(context: bpy.types.Context) -> bpy.types.Object:
    """The test head beside whatever is in the scene, selected; and a camera in front of it where the scene has none."""
    from .test_head import build_test_head

    right = _right_end(context.scene.objects)
    face = build_test_head(context)
    face.location = (0.0 if right is None else right + MARGIN_M, 0.0, 0.0)
    for selected in list(context.selected_objects):
        selected.select_set(False)
    face.select_set(True)
    context.view_layer.objects.active = face
    context.scene.unitalker.character = face
    if context.scene.camera is None:
        context.scene.camera = _add_camera(context, face)
    return face


def choose_sound(context: bpy.types.Context) -> dict[str, object]:
    """The sample as a strip that the file keeps, or as a file where Blender was built without sound. Gives the choices for one take."""
    from ... import engine
    from .drop import add_strip

    settings, start = context.scene.unitalker, context.scene.frame_start
    try:
        strip = add_strip(context, str(SAMPLE), start)
    except engine.AudioError:
        settings.source, settings.audio, settings.start_frame = 'FILE', str(SAMPLE), start
        return {"audio": str(SAMPLE), "start_frame": start}
    if strip.sound.packed_file is None:
        strip.sound.pack()          # the file plays on, also without the extension
    settings.source, settings.strip = 'STRIP', strip.name
    return {"strip": strip.name}


def make_keys(context: bpy.types.Context, given: dict[str, object]) -> str:
    """One take of these choices, in line: the sample is short. Gives the line that tells what was made; raises EngineError."""
    from ..take import make

    request = make.gather(context, make.Options(**collect(context, {**FRESH, **given})))
    summary = make.write(request, make.compute(request))
    settings = context.scene.unitalker
    settings.result, settings.result_failed, settings.result_details = summary.line, False, "\n".join(summary.warnings)
    settings.result_mapped, settings.result_missing = "\n".join(summary.mapped), "\n".join(summary.missing)
    return summary.line


def show(context: bpy.types.Context, face: bpy.types.Object) -> None:
    """Turn the 3D view, or all of them if the click was elsewhere, to the face from the front."""
    from mathutils import Euler, Vector

    if context.area is not None and context.area.type == 'VIEW_3D':
        areas = [context.area]
    else:
        areas = [area for area in context.screen.areas if area.type == 'VIEW_3D'] if context.screen is not None else []
    for area in areas:
        view = area.spaces.active.region_3d
        view.view_perspective = 'PERSP'
        view.view_rotation = Euler((1.5707963, 0.0, 0.0)).to_quaternion()
        view.view_location = face.location + Vector((0.0, 0.0, CENTRE_M))
        view.view_distance = VIEW_M


def _right_end(objects: Iterable[bpy.types.Object]) -> float | None:
    """The largest x of all that takes up room; None in an empty scene."""
    from mathutils import Vector

    return max(((obj.matrix_world @ Vector(corner)).x for obj in objects if obj.type not in ('CAMERA', 'LIGHT', 'EMPTY') for corner in obj.bound_box), default=None)


def _add_camera(context: bpy.types.Context, face: bpy.types.Object) -> bpy.types.Object:
    data = bpy.data.cameras.new("LipSync Camera")
    data.lens = CAMERA_LENS_MM
    camera = bpy.data.objects.new("LipSync Camera", data)
    context.collection.objects.link(camera)
    camera.location = face.location
    camera.location.y -= CAMERA_M
    camera.location.z += CENTRE_M
    camera.rotation_euler = (1.5707963, 0.0, 0.0)
    return camera


class TryIt:
    bl_idname = "UNITALKER_PT_try_it"
    bl_label = "Try It"
    bl_order = 0                # with Audio, and registered before it: a lower number would move the tab about

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """While there is neither a character nor a sound."""
        return catalog.nothing_chosen(context) and Job.current is None

    def draw(self, context: bpy.types.Context) -> None:
        """What it is, and the button."""
        paragraph(context, self.layout, "New here? One click adds a head that speaks. One undo takes it away.")
        row = self.layout.row()
        row.scale_y = 1.4
        row.operator("unitalker.try_it", text="Try It", icon='USER')


CLASSES = (UNITALKER_OT_try_it, *in_editors(TryIt))
