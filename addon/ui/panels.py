"""The panels Audio, Character and Output of the sidebar tab "Lip Sync".

They draw what is in memory already: no file is read and no mesh walked per draw.
"""

from __future__ import annotations

import bpy

from ..host.editors import in_editors
from ..host.layout import paragraph, property_split
from ..host.translations import translate
from ..models.panel import draw_vertices
from ..sound.strips import strip_in_use
from ..take import catalog
from .sections import draw_section
from .style_presets import UNITALKER_PT_output_presets

NAMES_SHOWN = 12                # names that are listed before "and n more"


class AudioPanel:
    bl_idname = "UNITALKER_PT_audio"
    bl_label = "Audio"
    bl_order = 0

    def draw(self, context: bpy.types.Context) -> None:
        """Strip, file or speaker."""
        settings, layout = context.scene.unitalker, self.layout
        layout.row().prop(settings, "source", expand=True)
        layout = property_split(layout)
        if settings.source == 'STRIP':
            layout.prop(settings, "strip", icon='SOUND', placeholder=strip_in_use(context))
        elif settings.source == 'FILE':
            row = layout.row(align=True)
            row.prop(settings, "audio")
            row.operator("unitalker.sound_to_strip", text="", icon='SEQ_SEQUENCER')
            layout.prop(settings, "start_frame")
        else:
            layout.prop(settings, "speaker")
        layout.prop(settings, "audio_channel")
        header, body = self.layout.panel("unitalker_transcript", default_closed=True)
        header.label(text="Transcript")
        if body:
            _draw_transcript(body, settings)


class CharacterPanel:
    bl_idname = "UNITALKER_PT_character"
    bl_label = "Character"
    bl_order = 1

    def draw(self, context: bpy.types.Context) -> None:
        """Object and preset, and how well they fit."""
        settings, layout = context.scene.unitalker, property_split(self.layout)
        layout.prop(settings, "character", placeholder="Active object")
        layout.prop(settings, "with_related")
        row = layout.row(align=True)
        row.prop(settings, "preset_pick")
        row.menu("UNITALKER_MT_presets", text="", icon='DOWNARROW_HLT')
        fit = catalog.fit(context)
        if fit.problem:
            paragraph(context, self.layout, fit.problem, 'ERROR')
        else:
            paragraph(context, self.layout, fit.line, 'CHECKMARK')
        for sentence in catalog.obstacles(context):
            paragraph(context, self.layout, sentence, 'INFO')
        if fit.unfit:
            _draw_ways(context, self.layout, fit.has_keys)
        if fit.linked:
            self.layout.operator("unitalker.make_override", icon='LIBRARY_DATA_OVERRIDE')
        if fit.missing:
            header, body = self.layout.panel("unitalker_missing", default_closed=True)
            header.label(text=translate("{} not found", len(fit.missing)), translate=False)
            if body:
                paragraph(context, body, _list(fit.missing))


def _draw_ways(context: bpy.types.Context, layout: bpy.types.UILayout, has_keys: bool) -> None:
    """What helps where no preset does: its panels, opened on the spot, since they may be in another editor."""
    column = layout.box().column(align=True)
    if has_keys:
        paragraph(context, column, "Compare what its shape keys do with a known face:")
        column.popover("UNITALKER_PT_shapes", text="Match by Shape", icon='VIEWZOOM')
        column.separator()
    paragraph(context, column, "Choose what moves each of its controls:")
    column.popover("UNITALKER_PT_mapping", text="Map It Yourself", icon='GREASEPENCIL')
    column.separator()
    paragraph(context, column, "Key some seconds by hand, and let it learn from them:")
    column.popover("UNITALKER_PT_teach", text="Teach", icon='FCURVE')


class UNITALKER_MT_presets(bpy.types.Menu):
    bl_label = "Presets"

    def draw(self, _context: bpy.types.Context) -> None:
        """The user's own presets, and looking again for files."""
        self.layout.operator("unitalker.preset_save", icon='FILE_NEW')
        self.layout.operator("unitalker.preset_load", icon='FILEBROWSER')
        self.layout.separator()
        self.layout.operator("unitalker.refresh", icon='FILE_REFRESH')


class OutputPanel:
    bl_idname = "UNITALKER_PT_output"
    bl_label = "Output"
    bl_order = 4
    bl_options = {'DEFAULT_CLOSED'}

    def draw_header_preset(self, _context: bpy.types.Context) -> None:
        """The user's own sets of these choices."""
        UNITALKER_PT_output_presets.draw_panel_header(self.layout)

    def draw(self, context: bpy.types.Context) -> None:
        """Where the keys go, over which frames, and how they run."""
        settings, layout = context.scene.unitalker, property_split(self.layout)
        if catalog.gives_vertices(settings):
            draw_vertices(layout, settings)
        _draw_destination(layout, settings)
        _draw_range(layout, settings)
        draw_section(layout, settings, "output")


def _draw_destination(layout: bpy.types.UILayout, settings: bpy.types.PropertyGroup) -> None:
    column = layout.column(align=True)
    column.prop(settings, "destination")
    if settings.destination == 'NLA':
        column.prop(settings, "nla_blend", text="Blend")
        column.prop(settings, "nla_influence", slider=True)
    if settings.destination != 'SLOT':
        layout.prop(settings, "action", icon='ACTION', placeholder="Automatic")
    layout.prop(settings, "existing")


def _draw_range(layout: bpy.types.UILayout, settings: bpy.types.PropertyGroup) -> None:
    layout.prop(settings, "use_range")
    if settings.use_range:
        column = layout.column(align=True)
        column.prop(settings, "range_start", text="Start")
        column.prop(settings, "range_end", text="End")
        layout.prop(settings, "crossfade")


def _draw_transcript(layout: bpy.types.UILayout, settings: bpy.types.PropertyGroup) -> None:
    """A line or a text data-block, and its language."""
    if settings.transcript_text is None:
        layout.prop(settings, "transcript", text="", placeholder="What is said")
    layout.template_ID(settings, "transcript_text", new="text.new", open="text.open")
    property_split(layout).prop(settings, "language", placeholder="By its script")


def _list(names: tuple[str, ...]) -> str:
    more = len(names) - NAMES_SHOWN
    return ", ".join(names[:NAMES_SHOWN]) + (translate(" and {} more", more) if more > 0 else "")


CLASSES = (UNITALKER_MT_presets, *in_editors(AudioPanel, CharacterPanel, OutputPanel))
