"""The panel "Voice and Style" with its sub-panels Life and Fine Tuning."""

from __future__ import annotations

import bpy

from ...engine.values.settings import REGIONS
from ..host.editors import in_editors
from ..host.layout import paragraph, property_split
from ..host.translations import CONTEXT
from ..models.panel import draw_model
from ..take import catalog
from .sections import draw_field, draw_section, in_section
from .style_presets import UNITALKER_PT_style_presets

TITLE_SHARE = 0.27          # of the width, for the names of the regions
MAX_SEED = 9999             # of a new seed: easy to read and to write down


class StylePanel:
    bl_idname = "UNITALKER_PT_style"
    bl_label = "Voice and Style"
    bl_order = 2

    def draw_header_preset(self, _context: bpy.types.Context) -> None:
        """The user's own styles."""
        UNITALKER_PT_style_presets.draw_panel_header(self.layout)

    def draw(self, context: bpy.types.Context) -> None:
        """Model, identity and blend, strength, smoothing; whether changes are applied at once."""
        settings, layout = context.scene.unitalker, property_split(self.layout)
        draw_model(context, layout, settings)
        problem = catalog.model_problem(settings)
        if problem:
            paragraph(context, self.layout, problem, 'ERROR')
        draw_section(layout, settings, "style")
        layout.prop(settings, "live")
        if settings.live and settings.live_note:
            paragraph(context, self.layout, settings.live_note, 'INFO')


class LifePanel:
    bl_idname = "UNITALKER_PT_life"
    bl_parent_id = StylePanel.bl_idname
    bl_label = "Life"
    bl_translation_context = CONTEXT
    bl_order = 0
    bl_options = {'DEFAULT_CLOSED'}

    def draw(self, context: bpy.types.Context) -> None:
        """A switch and an amount for each kind, then the seed."""
        settings, layout = context.scene.unitalker, property_split(self.layout)
        draw_section(layout.column(), settings, "life")
        row = layout.row(align=True)
        row.prop(settings, "seed")
        row.operator("unitalker.new_seed", text="", icon='FILE_REFRESH')


class FineTuningPanel:
    bl_idname = "UNITALKER_PT_fine_tuning"
    bl_parent_id = StylePanel.bl_idname
    bl_label = "Fine Tuning"
    bl_order = 1
    bl_options = {'DEFAULT_CLOSED'}

    def draw(self, context: bpy.types.Context) -> None:
        """Articulation, anticipation, then a table: region by gain, offset and smoothing."""
        settings, layout = context.scene.unitalker, self.layout
        draw_section(property_split(layout.column()), settings, "fine tuning")
        table = layout.column(align=True)
        _row(table, "", "Gain", "Offset", "Smooth")
        for region in REGIONS:
            title, cells = _split(table)
            rows = in_section(f"region {region}")
            title.label(text=rows[0].title)
            for option in rows:
                draw_field(cells, settings, option, "")


def _row(table: bpy.types.UILayout, title: str, *texts: str) -> None:
    left, cells = _split(table)
    left.label(text=title)
    for text in texts:
        cells.label(text=text, text_ctxt=CONTEXT)


def _split(table: bpy.types.UILayout) -> tuple[bpy.types.UILayout, bpy.types.UILayout]:
    split = table.split(factor=TITLE_SHARE, align=True)
    title = split.row()         # before the cells: what comes first stands left
    return title, split.row(align=True)


class UNITALKER_OT_new_seed(bpy.types.Operator):
    """Other blinks, glances and nods, by another number"""

    bl_idname = "unitalker.new_seed"
    bl_label = "New Lip Sync Seed"
    bl_options = {'REGISTER', 'UNDO'}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Draw a number."""
        import random

        context.scene.unitalker.seed = random.randint(1, MAX_SEED)
        return {'FINISHED'}


CLASSES = (UNITALKER_OT_new_seed, *in_editors(StylePanel, LifePanel, FineTuningPanel))
