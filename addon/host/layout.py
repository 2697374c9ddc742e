"""Pieces that every panel of ours draws: a paragraph that wraps, and fields in two columns."""

from __future__ import annotations

import bpy

from .translations import translate, wrap

CHARACTER_WIDTH_PX = 7.2        # of the interface font at scale 1, on average, for wrapping


def property_split(layout: bpy.types.UILayout) -> bpy.types.UILayout:
    """Names to the left, fields to the right, no dots for animating what is a setting."""
    layout.use_property_split = True
    layout.use_property_decorate = False
    return layout


def paragraph(
    context: bpy.types.Context, layout: bpy.types.UILayout, text: str, icon: str = 'NONE', rows: int = 1,
) -> None:
    """A sentence over as many lines as the region is wide, in the user's language where it is known.

    rows: so many lines it takes at least, so that what stands below stays where it is.
    """
    width = context.region.width / context.preferences.system.ui_scale
    column = layout.column(align=True)
    column.scale_y = 0.8
    lines = wrap(translate(text), max(20, int((width - 60) / CHARACTER_WIDTH_PX)))
    for number, line in enumerate([*lines, *[""] * (rows - len(lines))]):
        column.label(text=line, icon=icon if number == 0 else ('BLANK1' if icon != 'NONE' else 'NONE'), translate=False)
