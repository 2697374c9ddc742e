"""The panel "Takes": the lines that the character says, and what can be done with one of them."""

from __future__ import annotations

import bpy

from ..host.editors import in_editors
from ..host.layout import paragraph
from ..host.translations import translate
from ..take import catalog
from . import list as takes_list
from .operators import span_of_scene

ROWS = 3


class UNITALKER_UL_takes(bpy.types.UIList):
    def draw_item(      # as Blender calls it
        self, _context: bpy.types.Context, layout: bpy.types.UILayout, _data: object, item: object, _icon: int,
        _active: object, _name: str,
    ) -> None:
        """Line and frames."""
        row = layout.row()
        icon = 'UNLINKED' if item.gone else 'SOUND' if item.known else 'QUESTION'
        name = translate("{} (strip deleted)", item.line) if item.gone else item.line
        row.label(text=name, icon=icon, translate=False)
        frames = row.row()
        frames.alignment = 'RIGHT'
        frames.label(text=f"{item.first_frame:g} - {item.last_frame:g}", translate=False)


class Takes:
    bl_idname = "UNITALKER_PT_takes"
    bl_label = "Takes"
    bl_order = 4
    bl_options = {'DEFAULT_CLOSED'}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Once there is a character or a sound."""
        return not catalog.nothing_chosen(context)

    def draw(self, context: bpy.types.Context) -> None:
        """The list, buttons for the chosen take, then the range."""
        layout, manager = self.layout, context.window_manager
        if takes_list.is_stale(context):
            takes_list.fill_soon()
        if takes_list.is_of_later_blender():
            paragraph(
                context, layout,
                "A later Blender made this file, and this one reads the keys of one mesh only. Make the take again, "
                "and save under another name: saving here drops the others.", 'ERROR',
            )
        row = layout.row()
        row.template_list(
            "UNITALKER_UL_takes", "", manager, "unitalker_takes", manager, "unitalker_take_index", rows=ROWS
        )
        column = row.column(align=True)
        column.operator("unitalker.take_load", text="", icon='IMPORT')
        column.operator("unitalker.take_remake", text="", icon='FILE_REFRESH')
        column.operator("unitalker.take_clear", text="", icon='TRASH')
        layout.operator("unitalker.take_mine", icon='USER')
        _draw_range(layout, context)


def _draw_range(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    settings = context.scene.unitalker
    column = layout.column(align=True)
    if context.scene.use_preview_range:
        first, last = span_of_scene(context)
        column.label(text=translate("Preview range: {} - {}", first, last), icon='PREVIEW_RANGE', translate=False)
    else:
        row = column.row(align=True)
        row.prop(settings, "range_start", text="Start")
        row.prop(settings, "range_end", text="End")
    column.prop(settings, "crossfade")
    row = column.row(align=True)
    row.operator("unitalker.regenerate_range", icon='MOD_TIME')
    row.operator("unitalker.clear_range", text="", icon='TRASH')


CLASSES = (UNITALKER_UL_takes, *in_editors(Takes))
