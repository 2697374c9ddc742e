"""The panels Audio, Character, Output and Tools of the sidebar tab "Lip Sync".

They draw what is in memory already: no file is read and no mesh walked per draw.
"""

from __future__ import annotations

import bpy

from ..host.editors import TOOLS, in_editors
from ..host.layout import paragraph, property_split
from ..host.translations import translate
from ..mapping.panel import draw_mapping
from ..models.panel import draw_vertices
from ..shape_match.panel import draw_shapes
from ..sound.strips import frames_of, strip_in_use
from ..take import catalog
from ..take.properties import collect
from ..teach.panel import draw_teach
from .drop import draw_file
from .sections import draw_section
from .style_presets import UNITALKER_PT_output_presets

# fold, title, icon, and what draws it
WAYS = (
    ("shapes", "Match by Shape", 'VIEWZOOM', draw_shapes),
    ("mapping", "Map It Yourself", 'GREASEPENCIL', draw_mapping),
    ("teach", "Teach", 'FCURVE', draw_teach),
)
NAMES_SHOWN = 12                # names that are listed before "and n more"
TITLE_SHARE = 0.4               # of the width, for names left of fields, as Blender splits them
WORDS_SHOWN = 24                # letters of a transcript that stand in its folded title


class AudioPanel:
    bl_idname = "UNITALKER_PT_audio"
    bl_label = "Audio"
    bl_order = 0

    def draw(self, context: bpy.types.Context) -> None:
        """Strip, file or speaker: two rows each, so that a change of the source moves nothing."""
        settings, layout = context.scene.unitalker, self.layout
        layout.row().prop(settings, "source", expand=True)
        layout = property_split(layout.column())
        if settings.source == 'STRIP':
            layout.prop(settings, "strip", icon='SOUND', placeholder=strip_in_use(context))
            _labelled(layout, "Frames").label(text=frames_of(context, settings.strip) or "None", translate=False)
        elif settings.source == 'FILE':
            row = _labelled(layout, "File")
            draw_file(row, settings.audio)
            row.operator("unitalker.sound_to_strip", text="", icon='SEQ_SEQUENCER')
            layout.prop(settings, "start_frame")
        else:
            layout.prop(settings, "speaker")
            _labelled(layout, "").label(text="")
        layout.prop(settings, "audio_channel")
        if catalog.takes_transcript(settings) or settings.transcript or settings.transcript_text:
            header, body = self.layout.panel("unitalker_transcript", default_closed=True)
            header.label(text="Transcript")
            if said := _said(settings):
                header.label(text=said, translate=False)
            if body:
                _draw_transcript(body, settings)
        if catalog.takes_picture(settings) or settings.picture:
            layout.prop(settings, "picture")


def _said(settings: bpy.types.PropertyGroup) -> str:
    """The beginning of the transcript, or the name of its text; seen while the box is folded."""
    if settings.transcript_text is not None:
        return settings.transcript_text.name
    words = settings.transcript
    return words if len(words) <= WORDS_SHOWN else f"{words[:WORDS_SHOWN].rstrip()}..."


def _labelled(layout: bpy.types.UILayout, title: str) -> bpy.types.UILayout:
    """A row with its name at the left, as Blender draws fields, for what is no field."""
    split = layout.split(factor=TITLE_SHARE)
    name = split.row()
    name.alignment = 'RIGHT'
    name.label(text=title)
    return split.row(align=True)


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
        icon = 'ERROR' if fit.problem else 'INFO' if fit.missing else 'CHECKMARK'
        paragraph(context, self.layout, fit.problem or fit.line, icon)
        for sentence in (*catalog.obstacles(context), *catalog.would_replace(context, collect(context, {}))):
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
    """What helps where no preset does, to be unfolded on the spot: the panels of Tools may be in another editor."""
    for name, title, icon, draw in WAYS:
        if has_keys or draw is not draw_shapes:
            header, body = layout.panel(f"unitalker_way_{name}", default_closed=True)
            header.label(text=title, icon=icon)
            if body:
                body.use_property_split = False
                draw(context, body)


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
    bl_parent_id = "UNITALKER_PT_generate"
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


class ToolsPanel:
    bl_idname = TOOLS
    bl_label = "Tools"
    bl_order = 6
    bl_options = {'DEFAULT_CLOSED'}

    def draw(self, _context: bpy.types.Context) -> None:
        """Nothing of its own: phonemes, preview, other rigs and export are panels inside."""


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


CLASSES = (UNITALKER_MT_presets, *in_editors(AudioPanel, CharacterPanel, OutputPanel, ToolsPanel))
