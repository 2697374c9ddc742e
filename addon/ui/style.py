"""The panel "Voice and Style" with its sub-panels Mood, Life and Fine Tuning."""

from __future__ import annotations

import bpy

from ...engine.values.settings import REGIONS
from ..host.editors import in_editors
from ..host.layout import paragraph, property_split
from ..host.translations import CONTEXT, translate
from ..models.panel import draw_model
from ..take import catalog
from ..take.character_mood import NAMES, object_of
from .sections import draw_field, draw_section, in_section
from .style_presets import UNITALKER_PT_style_presets

TITLE_SHARE = 0.27          # of the width, for the names of the regions
MAX_SEED = 9999             # of a new seed: easy to read and to write down


class StylePanel:
    bl_idname = "UNITALKER_PT_style"
    bl_label = "Voice and Style"
    bl_order = 3

    def draw_header_preset(self, _context: bpy.types.Context) -> None:
        """The user's own styles."""
        UNITALKER_PT_style_presets.draw_panel_header(self.layout)

    def draw(self, context: bpy.types.Context) -> None:
        """Intensity, performance, mood; model, identity and blend; whether changes are applied at once."""
        settings, layout = context.scene.unitalker, property_split(self.layout)
        draw_section(layout, settings, "performance")
        _draw_still_parts(context, self.layout)
        column = layout.column(align=True)
        column.prop(settings, "mood_pick")
        if settings.mood:
            draw_section(column, settings, "mood amount")
        draw_model(context, layout, settings)
        problem = catalog.model_problem(settings)
        if problem:
            paragraph(context, self.layout, problem, 'ERROR')
        _draw_style(context, self.layout, layout)
        layout.prop(settings, "live")
        if settings.live and settings.live_note:
            paragraph(context, self.layout, settings.live_note, 'INFO')


def _draw_still_parts(context: bpy.types.Context, layout: bpy.types.UILayout) -> None:
    """What of the performance this character has nothing for."""
    settings, fit = context.scene.unitalker, catalog.fit(context)
    still = [settings.bl_rna.properties[name].name for name in fit.still if getattr(settings, name)]
    if still:
        names = ", ".join(map(translate, still))
        quiet = layout.column()
        quiet.active = False
        paragraph(context, quiet, translate("No key or bone for: {}", names))


def _draw_style(context: bpy.types.Context, panel: bpy.types.UILayout, layout: bpy.types.UILayout) -> None:
    """Amount of the style, grey with its reason where the identity is neutral; smoothing."""
    settings = context.scene.unitalker
    is_neutral = settings.style_from == 'IDENTITY' and settings.identity in ("", "pivot") and not settings.identity_2
    for option in in_section("style"):
        row = layout.row()
        row.enabled = option.name != "strength" or not is_neutral
        draw_field(row, settings, option)
        if not row.enabled:
            paragraph(context, panel, "The identity is neutral: it has no style to add", 'INFO')


class MoodPanel:
    bl_idname = "UNITALKER_PT_mood"
    bl_parent_id = StylePanel.bl_idname
    bl_label = "Mood"
    bl_order = 0
    bl_options = {'DEFAULT_CLOSED'}

    def draw(self, context: bpy.types.Context) -> None:
        """Where the mood shows, and when it comes and goes."""
        layout = property_split(self.layout.column())
        layout.active = bool(context.scene.unitalker.mood)
        draw_section(layout, context.scene.unitalker, "mood")
        row = self.layout.row(align=True)
        row.operator("unitalker.mood_from_sliders")
        row.operator("unitalker.mood_remove", text="", icon='X')
        _draw_character_mood(context, self.layout)


def _draw_character_mood(context: bpy.types.Context, layout: bpy.types.UILayout) -> None:
    """The sliders of the character, which can be keyed."""
    obj = object_of(context)
    header, body = layout.panel("unitalker_character_mood", default_closed=True)
    header.label(text="Keyed on the Character")
    if body and obj is not None:
        row = body.row(align=True)
        row.operator("unitalker.mood_from_voice")
        row.operator("unitalker.mood_on_frames")
        column = property_split(body.column(align=True))
        for name in NAMES:
            column.prop(obj.unitalker_mood, name, slider=True)
        for mood in catalog.own_moods(context.scene.unitalker):
            item, label = obj.unitalker_mood.own.get(mood), mood.capitalize()
            if item is not None:
                column.prop(item, "amount", text=label, slider=True, translate=False)
            else:
                column.operator("unitalker.mood_slider", text=label, icon='ADD', translate=False).mood = mood


class LifePanel:
    bl_idname = "UNITALKER_PT_life"
    bl_parent_id = StylePanel.bl_idname
    bl_label = "Life"
    bl_translation_context = CONTEXT
    bl_order = 1
    bl_options = {'DEFAULT_CLOSED'}

    def draw(self, context: bpy.types.Context) -> None:
        """A switch and an amount for each kind, then the seed."""
        settings, layout = context.scene.unitalker, property_split(self.layout)
        draw_section(layout.column(), settings, "life")
        look = layout.row()
        look.active = settings.use_eye_motion
        look.prop(settings, "look_at")
        row = layout.row(align=True)
        row.prop(settings, "seed")
        row.operator("unitalker.new_seed", text="", icon='FILE_REFRESH')


class FineTuningPanel:
    bl_idname = "UNITALKER_PT_fine_tuning"
    bl_parent_id = StylePanel.bl_idname
    bl_label = "Fine Tuning"
    bl_order = 2
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
        header, body = layout.panel("unitalker_manner_regions", default_closed=True)
        header.label(text="Finer Regions")
        if body:
            draw_section(property_split(body.column(align=True)), settings, "manner regions")


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


CLASSES = (UNITALKER_OT_new_seed, *in_editors(StylePanel, MoodPanel, LifePanel, FineTuningPanel))
