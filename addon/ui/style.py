"""The panel "Voice and Style" with its sub-panels Life and Fine Tuning."""

from __future__ import annotations

import bpy

from ..host.editors import in_editors
from ..host.layout import paragraph, property_split
from ..host.translations import CONTEXT
from ..models.panel import draw_model
from ..take import catalog
from ..take.choices import REGIONS
from .style_presets import UNITALKER_PT_style_presets

LIFE = ("blinks", "brow_raises", "head_motion", "eye_motion", "breath")
TITLE_SHARE = 0.27          # of the width, for the names of the regions
MAX_SEED = 9999             # of a new seed: easy to read and to write down


class Style:
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
        layout.prop(settings, "strength", slider=True)
        layout.prop(settings, "smooth", slider=True)
        layout.prop(settings, "live")
        if settings.live and settings.live_note:
            paragraph(context, self.layout, settings.live_note, 'INFO')


class Life:
    bl_idname = "UNITALKER_PT_life"
    bl_parent_id = Style.bl_idname
    bl_label = "Life"
    bl_translation_context = CONTEXT
    bl_order = 0
    bl_options = {'DEFAULT_CLOSED'}

    def draw(self, context: bpy.types.Context) -> None:
        """A switch and an amount for each kind, then the seed."""
        settings, layout = context.scene.unitalker, property_split(self.layout)
        column = layout.column()
        for name in LIFE:
            row = column.row(heading=settings.bl_rna.properties[name].name, align=True)
            row.prop(settings, f"use_{name}", text="")
            amount = row.row(align=True)
            amount.active = getattr(settings, f"use_{name}")
            amount.prop(settings, name, text="", slider=True)
        row = layout.row(align=True)
        row.prop(settings, "seed")
        row.operator("unitalker.new_seed", text="", icon='FILE_REFRESH')


class FineTuning:
    bl_idname = "UNITALKER_PT_fine_tuning"
    bl_parent_id = Style.bl_idname
    bl_label = "Fine Tuning"
    bl_order = 1
    bl_options = {'DEFAULT_CLOSED'}

    def draw(self, context: bpy.types.Context) -> None:
        """Articulation, anticipation, then a table: region by gain, offset and smoothing."""
        settings, layout = context.scene.unitalker, self.layout
        column = property_split(layout.column())
        column.prop(settings, "articulation", slider=True)
        column.prop(settings, "anticipation")
        table = layout.column(align=True)
        _row(table, "", "Gain", "Offset", "Smooth")
        for region in REGIONS:
            title, cells = _split(table)
            title.label(text=settings.bl_rna.properties[f"gain_{region}"].name)
            cells.prop(settings, f"gain_{region}", text="", slider=True)
            cells.prop(settings, f"offset_{region}", text="")
            cells.prop(settings, f"smooth_{region}", text="", slider=True)


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


CLASSES = (UNITALKER_OT_new_seed, *in_editors(Style, Life, FineTuning))
