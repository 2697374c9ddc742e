"""The panel "Match by Shape" with its list, and "From Vertices" below it."""

import json
from collections.abc import Callable

import bpy

from ..host.editors import in_3d_view, tool
from ..host.layout import paragraph, property_split
from ..host.translations import translate, translate_plural
from . import work

ROWS = 8                # of the list
KEYS_SHOWN = 2          # of a channel, in the list
PICTURE_SCALE = 5.5     # of the two pictures, in heights of a button


class UNITALKER_UL_shapes(bpy.types.UIList):
    """One channel: tick, name, keys; how alike they are stands below the list."""

    bl_idname = "UNITALKER_UL_shapes"

    def draw_item(
        self, _context: bpy.types.Context, layout: bpy.types.UILayout, _data: object, item: bpy.types.PropertyGroup,
        _icon: int, _active: object, _property: str,
    ) -> None:
        """Draw it."""
        layout.prop(item, "use", text="")
        split = layout.split(factor=0.62)        # the whole channel: at its end stands Left or Right
        split.label(text=item.channel, translate=False)
        names = [name for name, _ in json.loads(item.keys)]
        more = f" + {len(names) - KEYS_SHOWN}" if len(names) > KEYS_SHOWN else ""
        split.label(text=", ".join(names[:KEYS_SHOWN]) + more, translate=False)


def draw_shapes(context: bpy.types.Context, layout: bpy.types.UILayout) -> None:
    """The way in, then the proposal."""
    state = context.scene.unitalker_shapes
    if not len(state.rows):
        paragraph(context, layout, "For keys whose names tell nothing: finds by their shapes which one is which.")
    layout.operator(
        "unitalker.shape_match", text="Match Again" if len(state.rows) else "Match by Shape", icon='VIEWZOOM',
    )
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
        layout.operator(
            "unitalker.shape_show", text="Put Back" if state.shown else "Show on the Character",
            icon='HIDE_OFF', depress=bool(state.shown),
        )
    _draw_names(context, layout, "unitalker_channels_not_found", state.unmatched, _not_found)
    _draw_names(context, layout, "unitalker_keys_not_used", state.unused, _not_used)
    row = layout.row(align=True)
    row.operator("unitalker.shape_save", icon='FILE_TICK')
    row.operator("unitalker.shape_close", text="", icon='X')


def _draw_names(
    context: bpy.types.Context, layout: bpy.types.UILayout, panel: str, names: str, title: Callable[[int], str],
) -> None:
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
    shown = work().pictures.icons(row.channel, row.keys)
    if shown is not None:
        pair = layout.row()
        for icon in shown:
            pair.template_icon(icon_value=icon, scale=PICTURE_SCALE)


class Vertices:
    bl_idname = "UNITALKER_PT_vertices"
    bl_label = "From Vertices"
    bl_parent_id = "UNITALKER_PT_shapes"
    bl_options = {'DEFAULT_CLOSED'}

    def draw(self, context: bpy.types.Context) -> None:
        """What to read, and the button."""
        layout, chosen = self.layout, context.scene.unitalker_vertices
        paragraph(
            context, layout,
            "Turns the motion of another mesh's vertices into keys of the character, where both have one topology.",
        )
        column = property_split(layout.column())
        column.prop(chosen, "source")
        column.prop(chosen, "smooth")
        layout.operator("unitalker.shape_solve", icon='MOD_MESHDEFORM')


CLASSES = (
    UNITALKER_UL_shapes,
    *in_3d_view(tool("UNITALKER_PT_shapes", "Match by Shape", 4, draw_shapes), Vertices),
)
