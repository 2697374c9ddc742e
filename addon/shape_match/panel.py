"""The panel "Match by Shape": its list, its operators. What they do lives in shape_match.py."""

import json
from collections.abc import Callable
from functools import partial

import bpy
from bpy.props import BoolProperty, CollectionProperty, FloatProperty, IntProperty, PointerProperty, StringProperty

from ..host.editors import in_3d_view
from ..host.layout import paragraph
from ..host.operator_base import BUSY_ELSE, OnWorker, attempt
from ..host.polls import only_if
from ..host.translations import translate, translate_plural
from ..take import catalog

ROWS = 8                # of the list
KEYS_SHOWN = 2          # of a channel, in the list
PICTURE_SCALE = 5.5     # of the two pictures, in heights of a button


class UNITALKER_PG_shape_row(bpy.types.PropertyGroup):
    channel: StringProperty(name="Channel", description="Face channel")
    keys: StringProperty(name="Keys", description="Shape keys and weights that look like it, as JSON")
    score: FloatProperty(name="Likeness", description="1 moves the same places in the same directions as the test head, 0 nothing alike")
    use: BoolProperty(name="Use", description="Write this channel into the preset")


def _row_changed(state: bpy.types.PropertyGroup, context: bpy.types.Context) -> None:
    """Another row was clicked: show that one, if one is shown."""
    if state.shown:
        from ... import engine
        from . import match as shape_match

        try:
            shape_match.show(context)
        except engine.EngineError:      # the character is gone, and what was shown with it
            state.shown = ""


class UNITALKER_PG_shapes(bpy.types.PropertyGroup):
    rows: CollectionProperty(type=UNITALKER_PG_shape_row)
    active: IntProperty(name="Active Channel", update=_row_changed)
    unmatched: StringProperty(name="Not Found", description="Channels that no key looks like")
    unused: StringProperty(name="Not Used", description="Keys that look like no channel")
    shown: StringProperty(name="Shown", description="Sliders that are set for looking, and their values before, as JSON")


class UNITALKER_OT_shape_match(OnWorker, bpy.types.Operator):
    """Compare each shape key of the character with the poses of the test head, whatever the keys are called. Changes nothing on the character"""

    bl_idname = "unitalker.shape_match"
    bl_label = "Match by Shape"

    BUSY = BUSY_ELSE
    TITLE = "Comparing"

    def _gather(self, context: bpy.types.Context) -> object:
        from . import match as shape_match

        self._request = shape_match.gather(context)
        return partial(shape_match.compute, self._request)

    def _finish(self, context: bpy.types.Context, result: Callable[[], object]) -> set[str]:
        from . import match as shape_match

        return attempt(self, context, lambda: shape_match.keep(context, result(), self._request), "{}")

    def _fail(self, _context: bpy.types.Context, error: Exception) -> set[str]:
        self.report({'ERROR'}, str(error))
        return {'CANCELLED'}


class _OnProposal:
    """Needs a proposal."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Only while there are rows."""
        return only_if(cls, len(context.scene.unitalker_shapes.rows), "Nothing was matched yet: press Match by Shape first")


class UNITALKER_OT_shape_show(_OnProposal, bpy.types.Operator):
    """Move the sliders that were found for the chosen channel, or put them back. Makes no keys"""

    bl_idname = "unitalker.shape_show"
    bl_label = "Show"
    bl_options = {'UNDO', 'INTERNAL'}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Show or put back."""
        from . import match as shape_match

        shown = context.scene.unitalker_shapes.shown
        return attempt(self, context, partial(shape_match.hide if shown else shape_match.show, context))


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
        from . import match as shape_match

        def work() -> str:
            preset, path = shape_match.save(context, self.name or "By shape")
            catalog.refresh()
            context.scene.unitalker.preset = preset
            shape_match.hide(context)
            return path

        return attempt(self, context, work, "Saved {}")


class UNITALKER_OT_shape_close(_OnProposal, bpy.types.Operator):
    """Forget the proposal; presets that were saved stay"""

    bl_idname = "unitalker.shape_close"
    bl_label = "Close"
    bl_options = {'UNDO', 'INTERNAL'}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Clear the list."""
        from . import match as shape_match

        return attempt(self, context, partial(shape_match.close, context))


class UNITALKER_OT_shape_markers(bpy.types.Operator):
    """Add markers where mouth, eyes, nose and chin probably are. Move those that are off: they then tell how the face lies"""

    bl_idname = "unitalker.shape_markers"
    bl_label = "Add Markers"
    bl_options = {'REGISTER', 'UNDO'}

    remove: BoolProperty(name="Remove", description="Delete the markers instead")

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Add or delete them."""
        from . import match as shape_match

        work = shape_match.remove_markers if self.remove else shape_match.add_markers
        return attempt(self, context, partial(work, context), _markers_removed if self.remove else _markers_added)


def _markers_removed(number: int) -> str:
    return translate_plural(number, "1 marker removed", "{} markers removed")


def _markers_added(number: int) -> str:
    return translate_plural(number, "1 marker added", "{} markers added")


class UNITALKER_UL_shapes(bpy.types.UIList):
    """One channel: tick, name, keys; how alike they are is told below the list."""

    bl_idname = "UNITALKER_UL_shapes"

    def draw_item(
        self, _context: bpy.types.Context, layout: bpy.types.UILayout, _data: object, item: bpy.types.PropertyGroup, _icon: int, _active: object,
        _property: str,
    ) -> None:
        """Draw it."""
        layout.prop(item, "use", text="")
        split = layout.split(factor=0.62)        # the whole channel: at its end stands Left or Right
        split.label(text=item.channel, translate=False)
        names = [name for name, _ in json.loads(item.keys)]
        split.label(text=", ".join(names[:KEYS_SHOWN]) + (f" + {len(names) - KEYS_SHOWN}" if len(names) > KEYS_SHOWN else ""), translate=False)


class Shapes:
    bl_idname = "UNITALKER_PT_shapes"
    bl_label = "Match by Shape"
    bl_order = 11
    bl_options = {'DEFAULT_CLOSED'}

    def draw(self, context: bpy.types.Context) -> None:
        """The way in, then the proposal."""
        state, layout = context.scene.unitalker_shapes, self.layout
        if not len(state.rows):
            paragraph(context, layout, "For keys whose names tell nothing: finds by their shapes which one is which.")
        layout.operator("unitalker.shape_match", text="Match Again" if len(state.rows) else "Match by Shape", icon='VIEWZOOM')
        row = layout.row(align=True)
        row.operator("unitalker.shape_markers", icon='EMPTY_AXIS').remove = False
        row.operator("unitalker.shape_markers", text="", icon='X').remove = True
        if len(state.rows):
            _draw_proposal(context, layout, state)


def _draw_proposal(context: bpy.types.Context, layout: bpy.types.UILayout, state: bpy.types.PropertyGroup) -> None:
    layout.template_list("UNITALKER_UL_shapes", "", state, "rows", state, "active", rows=ROWS)
    if 0 <= state.active < len(state.rows):
        row = state.rows[state.active]
        _draw_pictures(layout, row)
        keys = ", ".join(f"{name} x {weight:.2f}" for name, weight in json.loads(row.keys))
        paragraph(context, layout, translate("{}: {}, likeness {}", row.channel, keys, f"{row.score:.2f}"))
        layout.operator("unitalker.shape_show", text="Put Back" if state.shown else "Show on the Character", icon='HIDE_OFF', depress=bool(state.shown))
    _draw_names(context, layout, "unitalker_channels_not_found", state.unmatched, _not_found)
    _draw_names(context, layout, "unitalker_keys_not_used", state.unused, _not_used)
    row = layout.row(align=True)
    row.operator("unitalker.shape_save", icon='FILE_TICK')
    row.operator("unitalker.shape_close", text="", icon='X')


def _draw_names(context: bpy.types.Context, layout: bpy.types.UILayout, panel: str, names: str, title: Callable[[int], str]) -> None:
    if names:
        header, body = layout.panel(panel, default_closed=True)
        header.label(text=title(names.count(", ") + 1), translate=False)
        if body:
            paragraph(context, body, names)


def _not_found(channels: int) -> str:
    return translate_plural(channels, "1 channel not found", "{} channels not found")


def _not_used(keys: int) -> str:
    return translate_plural(keys, "1 key not used", "{} keys not used")


def _draw_pictures(layout: bpy.types.UILayout, row: bpy.types.PropertyGroup) -> None:
    """The pose on the test head, and what the keys make of the character."""
    from .pictures import icons

    shown = icons(row.channel, row.keys)
    if shown is not None:
        pair = layout.row()
        for icon in shown:
            pair.template_icon(icon_value=icon, scale=PICTURE_SCALE)


def register() -> None:
    """Where the proposal is kept; call it after the classes are registered."""
    bpy.types.Scene.unitalker_shapes = PointerProperty(type=UNITALKER_PG_shapes)


def unregister() -> None:
    """Take it away again."""
    from .pictures import forget

    forget()
    del bpy.types.Scene.unitalker_shapes


CLASSES = (
    UNITALKER_PG_shape_row, UNITALKER_PG_shapes, UNITALKER_OT_shape_match, UNITALKER_OT_shape_show, UNITALKER_OT_shape_save,
    UNITALKER_OT_shape_close, UNITALKER_OT_shape_markers, UNITALKER_UL_shapes, *in_3d_view(Shapes),
)
