"""Parts of the panel that hold plain fields, drawn from the table of options."""

from __future__ import annotations

import bpy

from ...engine.values.option_row import Option
from ..take.options import OPTIONS


def in_section(section: str) -> list[Option]:
    """The rows that a part of the panel draws."""
    return [option for option in OPTIONS if option.section == section]


def draw_section(layout: bpy.types.UILayout, settings: bpy.types.PropertyGroup, section: str) -> None:
    """A field for each row; one with a switch stands beside it, and is pale while that is off."""
    for option in in_section(section):
        if not option.switch:
            draw_field(layout, settings, option)
            continue
        row = layout.row(heading=settings.bl_rna.properties[option.switch].name, align=True)
        row.prop(settings, option.switch, text="")
        value = row.row(align=True)
        value.active = getattr(settings, option.switch)
        draw_field(value, settings, option, "")


def draw_field(
    layout: bpy.types.UILayout, settings: bpy.types.PropertyGroup, option: Option, title: str | None = None,
) -> None:
    """One field; a factor is a slider. title: in place of its own."""
    given = {} if title is None else {"text": title}
    layout.prop(settings, option.name, slider=option.unit == "factor", **given)
