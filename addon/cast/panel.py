"""The panel "Scene": the list of lines, what the chosen one does differently, Generate All, and strips that takes
follow."""

from __future__ import annotations

import bpy

from ..host.editors import in_editors
from ..host.job import Job
from ..host.layout import paragraph, property_split
from ..host.operator_base import draw_progress
from ..take import catalog
from . import work

ROWS = 4
SOURCE_ICONS = {'STRIP': 'SOUND', 'FILE': 'FILE_SOUND', 'SPEAKER': 'SPEAKER'}
KIND_ICONS = {'NEW': 'BLANK1', 'DONE': 'CHECKMARK', 'WARNING': 'INFO', 'FAILED': 'ERROR'}


class UNITALKER_UL_cast(bpy.types.UIList):
    """Lines with their characters; the arrow under the list opens a search."""

    bl_idname = "UNITALKER_UL_cast"

    def draw_item(
        self, _context: bpy.types.Context, layout: bpy.types.UILayout, _data: object, row: bpy.types.PropertyGroup,
        _icon: int, _active: object,
        _name: str,
    ) -> None:
        """Switch, sound, character, result."""
        line = layout.row(align=True)
        line.prop(row, "use", text="")
        names = line.split(factor=0.55)
        names.active = row.use
        icon = 'HIDE_OFF' if row.listens else SOURCE_ICONS[row.source]
        names.label(text=row.title(), icon=icon, translate=False)
        names.label(
            text=row.character.name if row.character else "No character",
            icon='OUTLINER_OB_ARMATURE' if row.character else 'QUESTION', translate=not row.character,
        )
        line.label(text="", icon=KIND_ICONS[row.kind])

    def filter_items(self, _context: bpy.types.Context, data: object, name: str) -> tuple[list[int], list[int]]:
        """Lines whose sound, character or result has the searched text; in their own order unless sorted by name."""
        rows = getattr(data, name)
        wanted = self.filter_name.casefold()
        texts = [f"{row.title()} {row.character.name if row.character else ''} {row.result}".casefold() for row in rows]
        flags = [self.bitflag_filter_item if wanted in text else 0 for text in texts] if wanted else []
        order = (
            bpy.types.UI_UL_list.sort_items_helper(list(enumerate(texts)), key=lambda item: item[1])
            if self.use_filter_sort_alpha else []
        )
        return flags, order


class Cast:
    bl_idname = "UNITALKER_PT_cast"
    bl_label = "Scene"
    bl_order = 5
    bl_options = {'DEFAULT_CLOSED'}

    def draw(self, context: bpy.types.Context) -> None:
        """The list, the chosen line, the button or the progress, the result."""
        cast, layout = context.scene.unitalker_cast, self.layout
        row = layout.row()
        row.template_list("UNITALKER_UL_cast", "", cast, "rows", cast, "active", rows=ROWS)
        buttons = row.column(align=True)
        buttons.operator_menu_enum("unitalker.cast_add", "what", text="", icon='ADD')
        buttons.operator("unitalker.cast_remove", text="", icon='REMOVE')
        buttons.separator()
        buttons.operator("unitalker.cast_duplicate", text="", icon='DUPLICATE')
        buttons.operator("unitalker.cast_guess", text="", icon='VIEWZOOM')
        if len(cast.rows) > 1:
            buttons.separator()
            buttons.operator("unitalker.cast_move", text="", icon='TRIA_UP').direction = 'UP'
            buttons.operator("unitalker.cast_move", text="", icon='TRIA_DOWN').direction = 'DOWN'
        if cast.chosen() is not None:
            _draw_row(context, layout, cast.chosen())
        _draw_button(context, layout, cast)
        layout.separator()
        column = layout.column()
        column.prop(cast, "follow")
        column.operator("unitalker.follow", icon='FILE_REFRESH')
        if cast.follow_note:
            paragraph(context, column, cast.follow_note, 'INFO')


def _draw_row(context: bpy.types.Context, layout: bpy.types.UILayout, row: bpy.types.PropertyGroup) -> None:
    """The chosen line; what it does not choose is the panel's."""
    box = layout.box()
    box.row().prop(row, "source", expand=True)
    column = property_split(box).column()
    if row.source == 'FILE':
        name = bpy.path.basename(row.audio)
        column.operator(
            "unitalker.audio_choose", text=name or "Choose a Sound File", icon='FILE_SOUND', translate=not name,
        ).row = context.scene.unitalker_cast.active
        column.prop(row, "start_frame")
    else:
        column.prop(row, "strip" if row.source == 'STRIP' else "speaker", icon=SOURCE_ICONS[row.source])
    column.prop(row, "character")
    column.prop(row, "listens")
    _draw_own(column, row, "own_identity", "identity")
    _draw_own(column, row, "own_mood", "mood")
    _draw_own(column, row, "own_channel", "audio_channel")
    if not row.listens:
        _draw_words(column, row)
    if row.result:
        paragraph(context, box, row.result, KIND_ICONS[row.kind])


def _draw_words(column: bpy.types.UILayout, row: bpy.types.PropertyGroup) -> None:
    if row.transcript_text is None:
        column.prop(row, "transcript", placeholder="What is said")
    column.prop(row, "transcript_text")


def _draw_own(column: bpy.types.UILayout, row: bpy.types.PropertyGroup, switch: str, name: str) -> None:
    """A choice that counts only while its switch is on."""
    line = column.row(align=True, heading=row.bl_rna.properties[name].name)
    line.prop(row, switch, text="")
    value = line.row(align=True)
    value.active = getattr(row, switch)
    value.prop(row, name, text="")


def _draw_button(context: bpy.types.Context, layout: bpy.types.UILayout, cast: bpy.types.PropertyGroup) -> None:
    row = layout.row(align=True)
    row.scale_y = 1.4
    if Job.current is not None:
        draw_progress(row)
    else:
        row.operator("unitalker.cast_generate", icon='KEYFRAME_HLT')
    for sentence in work().meeting_lines(context, cast.rows, catalog.length_s) if len(cast.rows) > 1 else ():
        paragraph(context, layout, sentence, 'INFO')
    if cast.result:
        paragraph(context, layout, cast.result, 'ERROR' if cast.failed else 'CHECKMARK')


CLASSES = (UNITALKER_UL_cast, *in_editors(Cast))
