"""Sub-panel "Teach" of the sidebar tab: a name, the button, and how well each control was learned."""

from __future__ import annotations

import bpy

from ..host.editors import in_3d_view, tool
from ..host.job import Job
from ..host.layout import paragraph, property_split
from ..host.operator_base import draw_progress
from ..host.translations import translate_plural
from ..take import catalog
from . import work

CONTROLS_SHOWN = 60         # lines of the list of controls


def draw_teach(context: bpy.types.Context, layout: bpy.types.UILayout) -> None:
    """What to do, name, start, button, result."""
    settings = context.scene.unitalker
    paragraph(
        context, layout,
        "Key 5 to 20 seconds of the sound by hand, with any controls of the character, then press Teach.", 'INFO',
    )
    if Job.current is None and settings.preset.lower().endswith(".npz") and work().is_outdated(context):
        box = layout.box()
        paragraph(context, box, "The chosen head was taught on another version of the model.", 'ERROR')
        box.operator("unitalker.teach_again", icon='FILE_REFRESH')
    column = property_split(layout.column())
    column.prop(settings, "teach_name")
    column.prop(settings, "teach_start")
    row = layout.row(align=True)
    if Job.current is not None:
        draw_progress(row)
    else:
        row.enabled = bool(settings.teach_name.strip())
        row.operator("unitalker.teach", icon='FCURVE')
    if settings.teach_result:
        _draw_result(context, layout, settings)
    for line in catalog.damaged_heads():
        paragraph(context, layout, line, 'ERROR')


def _draw_result(context: bpy.types.Context, layout: bpy.types.UILayout, settings: bpy.types.PropertyGroup) -> None:
    box = layout.box()
    paragraph(context, box, settings.teach_result, 'ERROR' if settings.teach_failed else 'CHECKMARK')
    lines = settings.teach_details.splitlines()
    controls = [line for line in lines if ": r " in line]
    for line in [line for line in lines if line not in controls]:
        paragraph(context, box, line)
    if controls:
        header, body = layout.panel("unitalker_taught_controls", default_closed=len(controls) > 8)
        header.label(text=translate_plural(len(controls), "1 control", "{} controls"), translate=False)
        if body:
            for line in controls[:CONTROLS_SHOWN]:
                paragraph(context, body, line)


CLASSES = in_3d_view(tool("UNITALKER_PT_teach", "Teach", 5, draw_teach))
