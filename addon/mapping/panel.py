"""The panel "Map It Yourself": rows of controls, what drives the active one, two poses, suggestions, saving."""

from __future__ import annotations

import bpy

from ..host.editors import in_3d_view, tool
from ..host.layout import property_split
from ..host.translations import translate, translate_plural
from .labels import control_name, label

HINTS_SHOWN = 10                # channels of the unmatched list before "and n more"
ROWS = 6                        # of the list
ICONS = {'shape_key': 'SHAPEKEY_DATA', 'bone': 'BONE_DATA', 'property': 'PROPERTIES'}


class UNITALKER_UL_mapping(bpy.types.UIList):
    """One row: the control, then its channels."""

    bl_idname = "UNITALKER_UL_mapping"

    def draw_item(
        self, _context: bpy.types.Context, layout: bpy.types.UILayout, _data: object, item: bpy.types.PropertyGroup,
        _icon: int, _active: object, _property: str,
    ) -> None:
        """Draw it; a control that the character lacks has a warning sign."""
        split = layout.split(factor=0.55)
        icon = ICONS[item.kind] if item.found else 'ERROR'
        split.label(text=label(item) or translate("Choose a control"), icon=icon, translate=False)
        names = [source.channel for source in item.sources if source.channel]
        more = f" + {len(names) - 2}" if len(names) > 2 else ""
        split.label(text=", ".join(names[:2]) + more or translate("no channel"), translate=False)

    def filter_items(
        self, _context: bpy.types.Context, data: bpy.types.PropertyGroup, name: str,
    ) -> tuple[list[int], list[int]]:
        """Search in controls and channels."""
        wanted = self.filter_name.casefold()
        rows = getattr(data, name)
        if not wanted:
            return [], []
        texts = (f"{label(row)} {' '.join(source.channel for source in row.sources)}".casefold() for row in rows)
        return [self.bitflag_filter_item if (wanted in text) != self.use_filter_invert else 0 for text in texts], []


class UNITALKER_MT_mapping(bpy.types.Menu):
    bl_label = "Mapping"

    def draw(self, _context: bpy.types.Context) -> None:
        """Files and closing."""
        self.layout.operator("unitalker.mapping_export", text="Export...", icon='EXPORT')
        self.layout.operator("unitalker.preset_load", text="Import Preset...", icon='IMPORT')
        self.layout.separator()
        self.layout.operator("unitalker.mapping_close", icon='X')


def draw_mapping(context: bpy.types.Context, layout: bpy.types.UILayout) -> None:
    """The way in, or the open mapping."""
    opened = context.scene.unitalker_mapping
    if not opened.is_open:
        row = layout.row(align=True)
        row.operator("unitalker.mapping_start", text="Edit Preset", icon='GREASEPENCIL').empty = False
        row.operator("unitalker.mapping_start", text="New", icon='FILE_NEW').empty = True
        return
    row = layout.row(align=True)
    row.prop(opened, "title", text="")
    row.menu("UNITALKER_MT_mapping", text="", icon='DOWNARROW_HLT')
    layout.operator(
        "unitalker.mapping_save", text="Save and Use" if opened.changed else "Saved",
        icon='FILE_TICK' if opened.changed else 'CHECKMARK',
    )
    row = layout.row()
    row.template_list("UNITALKER_UL_mapping", "", opened, "targets", opened, "active", rows=ROWS)
    column = row.column(align=True)
    column.operator("unitalker.mapping_add", text="", icon='ADD')
    column.operator("unitalker.mapping_remove", text="", icon='REMOVE')
    if 0 <= opened.active < len(opened.targets):
        _draw_row(layout, opened.targets[opened.active])
    row = layout.row(align=True)
    eye = 'HIDE_OFF' if opened.preview else 'HIDE_ON'
    row.operator("unitalker.mapping_preview", icon=eye, depress=opened.preview)
    row.prop(opened, "amount", slider=True)
    _draw_poses(layout, opened)
    _draw_hints(layout, opened)


def _draw_row(layout: bpy.types.UILayout, row: bpy.types.PropertyGroup) -> None:
    """The active control, its channels, and how they become its value."""
    root, layout = layout, layout.box()
    layout.row(align=True).prop(row, "kind", expand=True)
    layout.prop(row, "control", text="", icon=ICONS[row.kind], placeholder="Choose a control")
    if row.kind == 'bone':
        line = layout.row(align=True)
        line.prop(row, "path", text="")
        line.prop(row, "component" if row.path == 'rotation_quaternion' else "axis", expand=True)
        if row.path == 'rotation_euler':
            layout.prop(row, "degrees")
        elif row.path == 'location':
            layout.prop(row, "to_limit")
    if not row.found:
        layout.label(text="Not on this character", icon='ERROR')
    column = layout.column(align=True)
    for index, source in enumerate(row.sources):
        line = column.row(align=True)
        line.prop(source, "shown", text="", icon='HIDE_OFF' if source.shown else 'HIDE_ON')
        line.prop(source, "channel", text="", placeholder="Channel")
        line.prop(source, "weight", text="")
        line.operator("unitalker.mapping_channel_remove", text="", icon='X').index = index
    column.operator("unitalker.mapping_channel_add", icon='ADD')
    column = layout.column(align=True)
    column.prop(row, "gain", slider=True)
    column.prop(row, "offset")
    line = layout.row(align=True)
    line.prop(row, "limited", text="Limits")
    ends = line.row(align=True)
    ends.active = row.limited
    ends.prop(row, "low", text="")
    ends.prop(row, "high", text="")
    header, body = root.panel("unitalker_mapping_more", default_closed=True)
    header.label(text="More")
    if body:
        property_split(body)
        for name in ("gamma", "combine", "share", "blend"):
            body.prop(row, name)


def _draw_poses(layout: bpy.types.UILayout, opened: bpy.types.PropertyGroup) -> None:
    header, body = layout.panel("unitalker_mapping_poses", default_closed=True)
    header.label(text="Learn from Two Poses")
    if body:
        body.prop(opened, "channel", text="", placeholder="Channel")
        row = body.row(align=True)
        row.operator("unitalker.mapping_record_rest", icon='CHECKMARK' if opened.rest_pose else 'RADIOBUT_OFF')
        row.operator("unitalker.mapping_record_extreme", icon='RADIOBUT_OFF')


def _draw_hints(layout: bpy.types.UILayout, opened: bpy.types.PropertyGroup) -> None:
    """Channels that drive nothing, with controls that could be meant: one click each."""
    channels: dict[str, list[bpy.types.PropertyGroup]] = {}
    for hint in opened.hints:
        channels.setdefault(hint.channel, []).append(hint)
    if not channels:
        return
    header, body = layout.panel("unitalker_mapping_hints", default_closed=True)
    title = translate_plural(len(channels), "1 Channel Without a Control", "{} Channels Without a Control")
    header.label(text=title, translate=False)
    if not body:
        return
    for channel, hints in list(channels.items())[:HINTS_SHOWN]:
        column = body.column(align=True)
        column.label(text=channel, translate=False)
        for hint in [hint for hint in hints if hint.control]:
            name = hint.control if hint.kind == 'shape_key' else control_name(hint.control)
            text = f"{name}  ({hint.score:.0%})"
            button = column.operator("unitalker.mapping_accept", text=text, icon='ADD', translate=False)
            button.channel, button.kind, button.control = channel, hint.kind, hint.control
    if len(channels) > HINTS_SHOWN:
        body.label(text=translate("and {} more", len(channels) - HINTS_SHOWN), translate=False)


CLASSES = (
    UNITALKER_UL_mapping, UNITALKER_MT_mapping,
    *in_3d_view(tool("UNITALKER_PT_mapping", "Map It Yourself", 3, draw_mapping)),
)
