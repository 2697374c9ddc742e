"""The panel "Phones": what is said when, as a list to edit beside the markers on the timeline."""

from __future__ import annotations

import bpy

from ..host.editors import TOOLS, in_editors
from ..host.layout import paragraph
from . import symbols
from .operators import active_take

ROWS = 8
MARKER_EDITORS = ('DOPESHEET_EDITOR', 'GRAPH_EDITOR', 'SEQUENCE_EDITOR', 'NLA_EDITOR')
MARKERS_PX = 70         # of an editor's height at scale 1: the ruler and the strip of markers below it


class UNITALKER_UL_phones(bpy.types.UIList):
    """Phones with their frames."""

    bl_idname = "UNITALKER_UL_phones"

    def draw_item(
        self, _context: bpy.types.Context, layout: bpy.types.UILayout, _data: object, row: bpy.types.PropertyGroup,
        _icon: int, _active: object,
        _property: str,
    ) -> None:
        """Type, start, end."""
        line = layout.row(align=True)
        line.alert = bool(row.problem)
        line.prop(row, "kind", text="", emboss=False, translate=False)
        line.prop(row, "start_frame", text="", emboss=False)
        line.prop(row, "end_frame", text="", emboss=False)

    def filter_items(self, _context: bpy.types.Context, data: object, name: str) -> tuple[list[int], list[int]]:
        """Phones whose symbol, class or example word has the searched text."""
        wanted = self.filter_name.casefold()
        if not wanted:
            return [], []
        words = {
            label: f"{symbols.symbol(label)} {label} {word}".casefold() for label, word in symbols.EXAMPLES.items()
        }
        return [
            self.bitflag_filter_item if wanted in words.get(row.label, "") else 0 for row in getattr(data, name)
        ], []


class UNITALKER_UL_shown_takes(bpy.types.UIList):
    """Takes whose phones are shown."""

    bl_idname = "UNITALKER_UL_shown_takes"

    def draw_item(
        self, _context: bpy.types.Context, layout: bpy.types.UILayout, _data: object, take: bpy.types.PropertyGroup,
        _icon: int, _active: object,
        _property: str,
    ) -> None:
        """Name of the take."""
        layout.label(text=take.title, icon='MARKER_HLT' if take.visible else 'MARKER', translate=False)


class Phones:
    bl_idname = "UNITALKER_PT_phones"
    bl_label = "Phonemes"
    bl_parent_id = TOOLS
    bl_order = 0
    bl_options = {'DEFAULT_CLOSED'}

    def draw(self, context: bpy.types.Context) -> None:
        """Show and hide; the list and the edits."""
        shown, layout = context.scene.unitalker_phones, self.layout
        row = layout.row(align=True)
        row.operator("unitalker.phones_show", icon='MARKER_HLT')
        take = active_take(context)
        if take is not None and take.visible:
            row.operator("unitalker.phones_hide", text="", icon='HIDE_ON')
        if len(shown.takes) > 1:
            layout.template_list(
                "UNITALKER_UL_shown_takes", "", shown, "takes", shown, "active_take", rows=min(4, len(shown.takes))
            )
        if take is not None and take.visible:
            if not markers_are_seen(context):
                paragraph(context, layout, "No editor is high enough for markers: drag up the Timeline's edge.", 'INFO')
            if len(take.words):
                layout.row(align=True).prop(shown, "tracks")
            _draw_list(layout, take)
            _draw_edits(layout, shown)
        if shown.problem:
            paragraph(context, layout, shown.problem, 'ERROR')


def markers_are_seen(context: bpy.types.Context) -> bool:
    """Whether an editor of a screen that is open has room for markers; true where no editor has a time axis."""
    scale = context.preferences.system.ui_scale
    heights = [
        region.height
        for window in context.window_manager.windows for area in window.screen.areas if area.type in MARKER_EDITORS
        for region in area.regions if region.type == 'WINDOW'
    ]
    return not heights or max(heights) >= MARKERS_PX * scale


def _draw_list(layout: bpy.types.UILayout, take: bpy.types.PropertyGroup) -> None:
    row = layout.row()
    row.template_list("UNITALKER_UL_phones", "", take, "rows", take, "active_row", rows=ROWS)
    buttons = row.column(align=True)
    for place, icon in (('BEFORE', 'TRIA_UP'), ('AFTER', 'ADD')):
        buttons.operator_context = 'INVOKE_DEFAULT'
        buttons.operator("unitalker.phone_add", text="", icon=icon).place = place
    buttons.operator("unitalker.phone_remove", text="", icon='REMOVE')
    if 0 <= take.active_row < len(take.rows):
        chosen = take.rows[take.active_row]
        column = layout.column(align=True)
        column.use_property_split, column.use_property_decorate = True, False
        for name in ("kind", "start_frame", "end_frame"):
            column.prop(chosen, name)


def _draw_edits(layout: bpy.types.UILayout, shown: bpy.types.PropertyGroup) -> None:
    row = layout.row(align=True)
    row.scale_y = 1.2
    row.operator("unitalker.phones_apply", icon='CHECKMARK')
    row.operator("unitalker.phones_as_heard", text="", icon='LOOP_BACK')
    layout.prop(shown, "auto")


CLASSES = (UNITALKER_UL_phones, UNITALKER_UL_shown_takes, *in_editors(Phones))
