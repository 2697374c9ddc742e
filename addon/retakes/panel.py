"""Sub-panel "Retakes" of Tools: the mouth alone, a piece of a take, a take that goes on, and fewer keys."""

from __future__ import annotations

import bpy

from ..host.editors import in_editors, tool
from ..host.job import Job
from ..host.operator_base import draw_progress


def draw_retakes(context: bpy.types.Context, layout: bpy.types.UILayout) -> None:
    """With the panel's sound; the fade that two of them have."""
    if Job.current is not None:
        draw_progress(layout.row(align=True))
    column = layout.column(align=True)
    column.operator("unitalker.redo_mouth", icon='MOD_MASK')
    column.operator("unitalker.punch_in", icon='NLA_PUSHDOWN')
    column.operator("unitalker.continue_last", icon='FRAME_NEXT')
    column.prop(context.scene.unitalker, "crossfade")
    column = layout.column(align=True)
    column.operator("unitalker.speak_text", icon='TEXT')
    column.prop(context.scene.unitalker, "speaking_rate", slider=True)
    column.prop(context.scene.unitalker, "start_frame")
    layout.operator("unitalker.clean_action", icon='BRUSH_DATA')


CLASSES = in_editors(tool("UNITALKER_PT_retakes", "Retakes", 2, draw_retakes))
