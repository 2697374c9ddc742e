"""The panel "Generate": Generate and Play or the progress, one sentence, and the last result's details in a fold."""

from __future__ import annotations

import bpy

from ..host.editors import in_editors
from ..host.job import Job
from ..host.layout import paragraph
from ..host.operator_base import describe
from ..host.polls import only_if
from ..host.translations import translate, translate_plural
from ..preview import playback
from ..sound.strips import SEVERAL, strip_in_use
from ..take import catalog
from ..take_list import list as takes_list

BUTTON = "unitalker_button"     # pointer that the panel gives its button: scripts and the search have their own options
COLUMN_WIDTH = 8                # of the list of channels, in units of the interface
LEAST_COLUMNS = 2
NAME_PX = 18                    # height of a name in it, at scale 1
LIST_SHARE = 0.4                # of the window's height, for its names: it unfolds above or below the middle
READY = "Ready: press Generate."
MESSAGE_ROWS = 2                # lines under the buttons that are always there, so that nothing below moves


class Generate:
    bl_idname = "UNITALKER_PT_generate"
    bl_label = "Generate"
    bl_order = 2

    def draw(self, context: bpy.types.Context) -> None:
        """Buttons, what there is to say, its details: as high before, during and after a job."""
        settings, layout = context.scene.unitalker, self.layout
        _draw_buttons(layout, settings)
        text, icon = _message(context)
        paragraph(context, layout.box(), text, icon, MESSAGE_ROWS)
        _draw_gone(context, layout)
        _draw_details(context, layout, settings)


def _draw_gone(context: bpy.types.Context, layout: bpy.types.UILayout) -> None:
    """An offer to remove what takes left whose strips were deleted, as of a recording that was replaced."""
    if takes_list.is_stale(context):
        takes_list.fill_soon()
    gone = takes_list.gone(context)
    if gone:
        text = translate_plural(len(gone), "Remove 1 Take Without Its Strip", "Remove {} Takes Without Their Strips")
        layout.operator("unitalker.takes_clear_gone", text=text, icon='UNLINKED', translate=False)


def _draw_buttons(layout: bpy.types.UILayout, settings: bpy.types.PropertyGroup) -> None:
    """Generate, Play and Clear; while a job runs, its bar, Play and Cancel."""
    row = layout.row(align=True)
    row.scale_y = 1.6
    job, playing = Job.current, playback.is_playing()
    if job is not None:
        row.progress(factor=job.fraction, type='BAR', text=f"{job.fraction:.0%}")
    else:
        row.context_pointer_set(BUTTON, settings)
        row.operator("unitalker.animate", text="Generate", icon='KEYFRAME_HLT').add_strip = True
    row.operator("unitalker.preview", text="Stop" if playing else "Play", icon='PAUSE' if playing else 'PLAY')
    if job is not None:
        row.operator("unitalker.cancel", text="", icon='X')
    else:
        row.operator("unitalker.clear", text="", icon='TRASH')


def _message(context: bpy.types.Context) -> tuple[str, str]:
    """What the panel says, and its icon: the job, what is missing, or what the last run did."""
    settings = context.scene.unitalker
    if Job.current is not None:
        return describe(Job.current), 'TIME'
    if settings.result_failed:
        return settings.result, 'ERROR'
    if why := problem(context):
        return why, 'INFO'
    if not settings.result:
        return READY, 'INFO'
    is_whole = settings.result_counts and not settings.result_missing and not settings.result_warnings
    return settings.result, 'CHECKMARK' if is_whole else 'INFO'


def problem(context: bpy.types.Context) -> str:
    """What is missing before the panel's button can work; empty when it may be pressed."""
    settings = context.scene.unitalker
    if settings.source == 'STRIP' and not settings.strip:
        found = strip_in_use(context)
        if not found:
            return "Add a sound strip in the Video Sequencer, or choose File."
        if found == SEVERAL:
            return "Pick a sound strip in Audio."
    if settings.source == 'FILE' and not settings.audio:
        return "Choose a sound file in Audio."
    if settings.source == 'SPEAKER' and settings.speaker is None:
        return "Choose a speaker in Audio."
    if settings.destination == 'SLOT' and "slots" not in bpy.types.Action.bl_rna.properties:
        return "Actions have slots from Blender 4.4 on: choose Own Action or NLA Strip in Output."
    if catalog.fit(context).problem:
        return "This character cannot be keyed yet: see Character."
    return catalog.model_problem(settings)


def asks(context: bpy.types.Context) -> bool:
    """Whether the panel's own button is asking, not a script or the search."""
    return getattr(context, BUTTON, None) is not None


def _draw_details(context: bpy.types.Context, layout: bpy.types.UILayout, settings: bpy.types.PropertyGroup) -> None:
    """Counts and sentences of the last result; the title says how many of them warn."""
    header, body = layout.panel("unitalker_details", default_closed=True)
    header.active = bool(settings.result)
    header.label(text="Details")
    details = settings.result_details.splitlines()
    if details:
        notes = translate_plural(len(details), "1 note", "{} notes")
        header.label(text=notes, icon='INFO' if settings.result_warnings else 'NONE', translate=False)
    if not body:
        return
    mapped, missing = settings.result_mapped.splitlines(), settings.result_missing.splitlines()
    if mapped or missing:
        counts = translate("{} mapped, {} missing", len(mapped), len(missing))
        body.popover("UNITALKER_PT_channels", text=counts, translate=False)
    for number, line in enumerate(details):
        paragraph(context, body, line, 'INFO' if number < settings.result_warnings else 'NONE')
    paragraph(context, body, settings.result_counts)


class UNITALKER_PT_channels(bpy.types.Panel):
    """Which channels of the model move something on this character, and which it has nothing for"""

    bl_space_type = 'PROPERTIES'
    bl_region_type = 'HEADER'
    bl_label = "Channels of the Last Result"
    bl_ui_units_x = LEAST_COLUMNS * COLUMN_WIDTH

    def draw(self, context: bpy.types.Context) -> None:
        """Missing first: that is what somebody looks for. As many columns as the window needs to hold all of it."""
        settings, layout = context.scene.unitalker, self.layout
        columns = _columns(context, len(settings.result_mapped.splitlines() + settings.result_missing.splitlines()))
        layout.ui_units_x = columns * COLUMN_WIDTH
        for title, names, icon in (
            ("Missing on this character", settings.result_missing.splitlines(), 'X'),
            ("Mapped", settings.result_mapped.splitlines(), 'CHECKMARK'),
        ):
            if names:
                layout.label(text=title)
                grid = layout.box().grid_flow(columns=columns, align=True)
                grid.scale_y = 0.8
                for name in names:
                    grid.label(text=name, icon=icon, translate=False)
        layout.operator("unitalker.copy_result", icon='COPYDOWN')


def _columns(context: bpy.types.Context, names: int) -> int:
    """Columns in which so many names do not grow over the window."""
    rows = max(1, int(LIST_SHARE * context.window.height / (NAME_PX * context.preferences.system.ui_scale)))
    return max(LEAST_COLUMNS, -(-names // rows))


class UNITALKER_OT_copy_result(bpy.types.Operator):
    """Copy the last result with its warnings and channels as text, for a mail or a bug report"""

    bl_idname = "unitalker.copy_result"
    bl_label = "Copy Lip Sync Result"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Only when there is a result."""
        return only_if(cls, context.scene.unitalker.result, "No lip sync has been made in this scene yet")

    def execute(self, context: bpy.types.Context) -> set[str]:
        """To the clipboard."""
        context.window_manager.clipboard = as_text(context.scene.unitalker)
        self.report({'INFO'}, translate("Copied"))
        return {'FINISHED'}


def as_text(settings: bpy.types.PropertyGroup) -> str:
    """The last result in lines."""
    lists = [
        f"{title}: {', '.join(names.splitlines())}"
        for title, names in (("Missing", settings.result_missing), ("Mapped", settings.result_mapped)) if names
    ]
    details = settings.result_details.splitlines()
    return "\n".join([settings.result, *details, *[settings.result_counts] * bool(settings.result_counts), *lists])


CLASSES = (UNITALKER_OT_copy_result, UNITALKER_PT_channels, *in_editors(Generate))
