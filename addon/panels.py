"""Sidebar tab "Lip Sync" of the 3D view: Audio, Character, Voice and Style, Output, and the button.

Draws only what catalog.py keeps: no file is read and no mesh walked per draw.
"""

from __future__ import annotations

import textwrap

import bpy

from . import catalog
from .job import Job
from .model_panel import draw_model, draw_vertices
from .operators import MISSING

CHARACTER_WIDTH_PX = 7.2        # of the interface font at scale 1, on average, for wrapping
SEVERAL = "Pick one"            # shown in the empty field when several sound strips could be meant
MISSING_SHOWN = 12              # names that are listed before "and n more"


class _Panel:
    bl_space_type = 'VIEW_3D'
    bl_region_type = 'UI'
    bl_category = "Lip Sync"


class UNITALKER_PT_audio(_Panel, bpy.types.Panel):
    bl_label = "Audio"
    bl_order = 0

    def draw(self, context: bpy.types.Context) -> None:
        """Strip, file or speaker."""
        settings, layout = context.scene.unitalker, self.layout
        layout.row().prop(settings, "source", expand=True)
        layout = _split(layout)
        if settings.source == 'STRIP':
            layout.prop(settings, "strip", icon='SOUND', placeholder=_strip_in_use(context))
        elif settings.source == 'FILE':
            layout.prop(settings, "audio")
            layout.prop(settings, "start_frame")
        else:
            layout.prop(settings, "speaker")
        header, body = self.layout.panel("unitalker_transcript", default_closed=True)
        header.label(text="Transcript")
        if body:
            _draw_transcript(body, settings)


class UNITALKER_PT_character(_Panel, bpy.types.Panel):
    bl_label = "Character"
    bl_order = 1

    def draw(self, context: bpy.types.Context) -> None:
        """Object and preset, and how well they fit."""
        settings, layout = context.scene.unitalker, _split(self.layout)
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
        if fit.linked:
            self.layout.operator("unitalker.make_override", icon='LIBRARY_DATA_OVERRIDE')
        if fit.missing:
            header, body = self.layout.panel("unitalker_missing", default_closed=True)
            header.label(text=f"{len(fit.missing)} not found")
            if body:
                paragraph(context, body, _list(fit.missing))


class UNITALKER_MT_presets(bpy.types.Menu):
    bl_label = "Presets"

    def draw(self, _context: bpy.types.Context) -> None:
        """The user's own presets, and looking again for files."""
        self.layout.operator("unitalker.preset_save", icon='FILE_NEW')
        self.layout.operator("unitalker.preset_load", icon='FILEBROWSER')
        self.layout.separator()
        self.layout.operator("unitalker.refresh", icon='FILE_REFRESH')


class UNITALKER_PT_style(_Panel, bpy.types.Panel):
    bl_label = "Voice and Style"
    bl_order = 2

    def draw(self, context: bpy.types.Context) -> None:
        """Model, identity, strength, smoothing, gains."""
        settings, layout = context.scene.unitalker, _split(self.layout)
        draw_model(layout, settings)
        problem = catalog.model_problem(settings)
        if problem:
            paragraph(context, self.layout, problem, 'ERROR')
        layout.prop(settings, "strength", slider=True)
        layout.prop(settings, "smooth", slider=True)
        column = layout.column(align=True)
        column.prop(settings, "gain_jaw", text="Gain Jaw", slider=True)
        for region in ("lips", "cheeks", "brows"):
            column.prop(settings, f"gain_{region}", slider=True)


class UNITALKER_PT_output(_Panel, bpy.types.Panel):
    bl_label = "Output"
    bl_order = 3
    bl_options = {'DEFAULT_CLOSED'}

    def draw(self, context: bpy.types.Context) -> None:
        """Action, keys, shift."""
        settings, layout = context.scene.unitalker, _split(self.layout)
        if catalog.gives_vertices(settings):
            draw_vertices(layout, settings)
        layout.prop(settings, "action", icon='ACTION', placeholder="Automatic")
        layout.prop(settings, "existing")
        layout.prop(settings, "sliders")
        layout.prop(settings, "interpolation")
        row = layout.row(heading="Fewer Keys", align=True)
        row.prop(settings, "reduce", text="")
        error = row.row()
        error.active = settings.reduce
        error.prop(settings, "max_error", text="")
        layout.prop(settings, "shift_frames")


class UNITALKER_PT_generate(_Panel, bpy.types.Panel):
    bl_label = "Generate"
    bl_options = {'HIDE_HEADER'}
    bl_order = 4

    def draw(self, context: bpy.types.Context) -> None:
        """The button or the progress, then the last result."""
        settings, layout = context.scene.unitalker, self.layout
        if Job.current is not None:
            _draw_progress(layout, Job.current)
            return
        problem = _problem(context)
        row = layout.row(align=True)
        row.scale_y = 1.6
        button = row.row(align=True)
        button.enabled = not problem
        button.operator("unitalker.animate", icon='PLAY')
        row.operator("unitalker.clear", text="", icon='TRASH')
        if problem:
            paragraph(context, layout, problem, 'INFO')
        elif settings.result:
            _draw_result(context, layout, settings)


def _draw_transcript(layout: bpy.types.UILayout, settings: bpy.types.PropertyGroup) -> None:
    """A line or a text data-block, and its language."""
    if settings.transcript_text is None:
        layout.prop(settings, "transcript", text="", placeholder="What is said")
    layout.template_ID(settings, "transcript_text", new="text.new", open="text.open")
    _split(layout).prop(settings, "language", placeholder="By its script")


def _draw_progress(layout: bpy.types.UILayout, job: Job) -> None:
    row = layout.row(align=True)
    row.scale_y = 1.6
    text = "Stopping" if job.cancelling else f"{job.title}... {job.fraction:.0%}"
    row.progress(factor=job.fraction, type='BAR', text=text)
    row.operator("unitalker.cancel", text="", icon='X')


def _draw_result(context: bpy.types.Context, layout: bpy.types.UILayout, settings: bpy.types.PropertyGroup) -> None:
    box = layout.box()
    paragraph(context, box, settings.result, 'ERROR' if settings.result_failed else 'CHECKMARK')
    details = settings.result_details.splitlines()
    for line in [line for line in details if not line.startswith(MISSING)]:
        paragraph(context, box, line)
    for line in [line for line in details if line.startswith(MISSING)]:
        header, body = layout.panel("unitalker_result_missing", default_closed=True)
        header.label(text=MISSING)
        if body:
            paragraph(context, body, line.removeprefix(MISSING).lstrip(" :"))


def _problem(context: bpy.types.Context) -> str:
    """Why the button is grey; empty when it may be pressed."""
    settings = context.scene.unitalker
    if settings.source == 'STRIP' and not settings.strip and not _strip_in_use(context):
        return "Add a sound strip in the Video Sequencer, or choose File."
    if settings.source == 'STRIP' and not settings.strip and _strip_in_use(context) == SEVERAL:
        return "Pick a sound strip in Audio."
    if settings.source == 'FILE' and not settings.audio:
        return "Choose a sound file in Audio."
    if settings.source == 'SPEAKER' and settings.speaker is None:
        return "Choose a speaker in Audio."
    return "This character cannot be keyed yet: see Character below." if catalog.fit(context).problem else ""


def _strip_in_use(context: bpy.types.Context) -> str:
    """Name of the sound strip that an empty field means; empty when there is no sound strip."""
    scene = getattr(context.workspace, "sequencer_scene", None) or context.scene
    editor = scene.sequence_editor
    if editor is None:
        return ""
    active = editor.active_strip
    strips = editor.strips_all if hasattr(editor, "strips_all") else editor.sequences_all
    sounds = [active] if active is not None and active.type == 'SOUND' else [strip for strip in strips if strip.type == 'SOUND']
    return sounds[0].name if len(sounds) == 1 else (SEVERAL if sounds else "")


def _split(layout: bpy.types.UILayout) -> bpy.types.UILayout:
    layout.use_property_split = True
    layout.use_property_decorate = False
    return layout


def paragraph(context: bpy.types.Context, layout: bpy.types.UILayout, text: str, icon: str = 'NONE') -> None:
    """A sentence over as many lines as the region is wide."""
    width = context.region.width / context.preferences.system.ui_scale
    column = layout.column(align=True)
    column.scale_y = 0.8
    for number, line in enumerate(textwrap.wrap(text, max(20, int((width - 60) / CHARACTER_WIDTH_PX)))):
        column.label(text=line, icon=icon if number == 0 else ('BLANK1' if icon != 'NONE' else 'NONE'))


def _list(names: tuple[str, ...]) -> str:
    more = len(names) - MISSING_SHOWN
    return ", ".join(names[:MISSING_SHOWN]) + (f" and {more} more" if more > 0 else "")


CLASSES = (
    UNITALKER_MT_presets, UNITALKER_PT_audio, UNITALKER_PT_character, UNITALKER_PT_style, UNITALKER_PT_output, UNITALKER_PT_generate,
)
