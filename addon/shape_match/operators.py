"""Operators and properties of Match by Shape and of From Vertices."""

from collections.abc import Callable
from functools import partial

import bpy
from bpy.props import BoolProperty, CollectionProperty, FloatProperty, IntProperty, PointerProperty, StringProperty

from ... import engine
from ..host.operator_base import BUSY_ELSE, OnWorker, attempt
from ..host.polls import only_if
from ..host.steps import InSteps, Work
from ..host.translations import translate_plural
from . import capture_work, vertex_work, work


class UNITALKER_PG_shape_row(bpy.types.PropertyGroup):
    channel: StringProperty(name="Channel", description="Face channel")
    keys: StringProperty(name="Keys", description="Shape keys and weights that look like it, as JSON")
    score: FloatProperty(
        name="Likeness", description="1 moves the same places in the same directions as the test head, 0 nothing alike",
    )
    use: BoolProperty(name="Use", description="Write this channel into the preset")


def _row_changed(state: bpy.types.PropertyGroup, context: bpy.types.Context) -> None:
    """Another row was clicked: show that one, if one is shown."""
    if state.shown:
        try:
            work().show(context)
        except engine.EngineError:      # the character is gone, and what was shown with it
            state.shown = ""


class UNITALKER_PG_shapes(bpy.types.PropertyGroup):
    rows: CollectionProperty(type=UNITALKER_PG_shape_row)
    active: IntProperty(name="Active Channel", update=_row_changed)
    unmatched: StringProperty(name="Not Found", description="Channels that no key looks like")
    unused: StringProperty(name="Not Used", description="Keys that look like no channel")
    shown: StringProperty(
        name="Shown", description="Sliders that are set for looking, and their values before, as JSON",
    )


class UNITALKER_OT_shape_match(OnWorker, bpy.types.Operator):
    bl_idname = "unitalker.shape_match"
    bl_label = "Match by Shape"
    bl_description = (
        "Compare each shape key of the character with the poses of the test head, whatever the keys are called. "
        "Changes nothing on the character"
    )

    BUSY = BUSY_ELSE
    TITLE = "Comparing"

    def _gather(self, context: bpy.types.Context) -> object:
        self._request = work().gather(context)
        return partial(work().compute, self._request)

    def _finish(self, context: bpy.types.Context, result: Callable[[], object]) -> set[str]:
        return attempt(self, context, lambda: work().show_proposal(context, result(), self._request), "{}")

    def _fail(self, _context: bpy.types.Context, error: Exception) -> set[str]:
        self.report({'ERROR'}, str(error))
        return {'CANCELLED'}


class _OnProposal:
    """Needs a proposal."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Only while there are rows."""
        rows = context.scene.unitalker_shapes.rows
        return only_if(cls, len(rows), "Nothing was matched yet: press Match by Shape first")


class UNITALKER_OT_shape_show(_OnProposal, bpy.types.Operator):
    """Move the sliders that were found for the chosen channel, or put them back. Makes no keys"""

    bl_idname = "unitalker.shape_show"
    bl_label = "Show"
    bl_options = {'UNDO', 'INTERNAL'}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Show or put back."""
        shown = context.scene.unitalker_shapes.shown
        return attempt(self, context, partial(work().hide if shown else work().show, context))


class UNITALKER_OT_shape_save(_OnProposal, bpy.types.Operator):
    """Write the ticked channels as one of your own presets, and choose it"""

    bl_idname = "unitalker.shape_save"
    bl_label = "Save as Preset"

    name: StringProperty(name="Name", description="Name of the new preset")

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Ask for the name."""
        character = context.scene.unitalker.character or context.view_layer.objects.active
        self.name = f"{character.name} by shape" if character else "By shape"
        return context.window_manager.invoke_props_dialog(self)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Write it."""
        return attempt(self, context, partial(work().save, context, self.name or "By shape"), "{}")


class UNITALKER_OT_shape_close(_OnProposal, bpy.types.Operator):
    """Forget the proposal; presets that were saved stay"""

    bl_idname = "unitalker.shape_close"
    bl_label = "Close"
    bl_options = {'UNDO', 'INTERNAL'}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Clear the list."""
        return attempt(self, context, partial(work().close, context))


class UNITALKER_OT_shape_markers(bpy.types.Operator):
    bl_idname = "unitalker.shape_markers"
    bl_label = "Add Markers"
    bl_description = (
        "Add markers where mouth, eyes, nose and chin probably are. "
        "Move those that are off: they then tell how the face lies"
    )
    bl_options = {'REGISTER', 'UNDO'}

    remove: BoolProperty(name="Remove", description="Delete the markers instead")

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Add or delete them."""
        if self.remove:
            return attempt(self, context, partial(work().remove_markers, context), _markers_removed)
        return attempt(self, context, partial(work().add_markers, context), _markers_added)


def _markers_removed(number: int) -> str:
    return translate_plural(number, "1 marker removed", "{} markers removed")


def _markers_added(number: int) -> str:
    return translate_plural(number, "1 marker added", "{} markers added")


def _is_mesh(_group: bpy.types.PropertyGroup, obj: bpy.types.Object) -> bool:
    return obj.type == 'MESH'


class UNITALKER_PG_vertices(bpy.types.PropertyGroup):
    source: PointerProperty(
        name="Moving Mesh", type=bpy.types.Object, poll=_is_mesh,
        description="A mesh of the character's topology whose vertices move: "
        "a FLAME or VOCASET head, a capture, a point cache",
    )
    smooth: FloatProperty(
        name="Smooth", description="How much changes from frame to frame are avoided; 0 takes each frame alone",
        min=0, max=10, soft_max=2,
    )


class UNITALKER_OT_shape_solve(InSteps, bpy.types.Operator):
    bl_idname = "unitalker.shape_solve"
    bl_label = "Keys from Vertices"
    bl_description = (
        "Find the slider values that move the character's vertices as those of the moving mesh, "
        "on the preview range or all frames, and key them as a take"
    )
    bl_options = {'REGISTER', 'UNDO'}

    TITLE = "Reading vertices"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """With a mesh to read, in object mode, while nothing else is made."""
        if not cls.free():
            return False
        return only_if(cls, context.scene.unitalker_vertices.source is not None, "Choose a Moving Mesh first") \
            and only_if(cls, context.mode in ('OBJECT', 'POSE'), "Leave Edit Mode first")

    def _work(self, context: bpy.types.Context) -> Work:
        chosen = context.scene.unitalker_vertices
        return vertex_work().solve(vertex_work().gather(context, chosen.source, chosen.smooth))

    def _end(self, context: bpy.types.Context) -> set[str]:
        """Write what was solved: an error of that, too, is one line."""
        try:
            return super()._end(context)
        except engine.EngineError as error:
            self.report({'ERROR'}, str(error))
            return {'CANCELLED'}

    def _finish(self, context: bpy.types.Context, result: object) -> None:
        text, warnings = vertex_work().write(context, result)
        for warning in warnings:
            self.report({'WARNING'}, warning)
        self.report({'INFO'}, text)


class UNITALKER_OT_capture_import(bpy.types.Operator):
    bl_idname = "unitalker.capture_import"
    bl_label = "Import Face Capture"
    bl_description = (
        "Key a take of Live Link Face, MediaPipe or another capture with ARKit names on the character, from the "
        "current frame on"
    )
    bl_options = {'REGISTER', 'UNDO'}

    filepath: StringProperty(name="File", description="The capture: .csv, .json or .npz", subtype='FILE_PATH')
    filter_glob: StringProperty(default="*.csv;*.json;*.npz", options={'HIDDEN'})
    keep_rest: BoolProperty(
        name="Keep Resting Face", description="Leave in what the face shows while it rests, such as a smile",
    )

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Ask for the file."""
        context.window_manager.fileselect_add(self)
        return {'RUNNING_MODAL'}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Key it; what is wrong is one line."""
        try:
            text, warnings = capture_work().key_capture(context, self.filepath, self.keep_rest)
        except engine.EngineError as error:
            self.report({'ERROR'}, str(error))
            return {'CANCELLED'}
        for warning in warnings:
            self.report({'WARNING'}, warning)
        self.report({'INFO'}, text)
        return {'FINISHED'}


def register() -> None:
    """Where the proposal and the moving mesh are kept; call it after the classes are registered."""
    bpy.types.Scene.unitalker_shapes = PointerProperty(type=UNITALKER_PG_shapes)
    bpy.types.Scene.unitalker_vertices = PointerProperty(type=UNITALKER_PG_vertices)


def unregister() -> None:
    """Take them away again."""
    work().pictures.forget()
    del bpy.types.Scene.unitalker_vertices
    del bpy.types.Scene.unitalker_shapes


CLASSES = (
    UNITALKER_PG_shape_row, UNITALKER_PG_shapes, UNITALKER_OT_shape_match, UNITALKER_OT_shape_show,
    UNITALKER_OT_shape_save, UNITALKER_OT_shape_close, UNITALKER_OT_shape_markers, UNITALKER_PG_vertices,
    UNITALKER_OT_shape_solve, UNITALKER_OT_capture_import,
)
