"""The panel "Generate": the button or the progress, why it is grey, then the last result with its list of channels."""

from __future__ import annotations

import bpy

from ..host.editors import in_editors
from ..host.job import Job
from ..host.layout import paragraph
from ..host.operator_base import draw_progress
from ..host.polls import only_if
from ..host.translations import translate
from ..sound.strips import SEVERAL, strip_in_use
from ..take import catalog

BUTTON = "unitalker_button"     # pointer that the panel gives its button: scripts and the search have their own options
LIST_WIDTH = 16                 # of the list of channels, in units of the interface
COLUMNS = 2


class Generate:
    bl_idname = "UNITALKER_PT_generate"
    bl_label = "Generate"
    bl_order = 2

    def draw(self, context: bpy.types.Context) -> None:
        """Draw it; the button's tooltip and the line under it say why it is grey."""
        settings, layout = context.scene.unitalker, self.layout
        row = layout.row(align=True)
        row.scale_y = 1.6
        if Job.current is not None:
            draw_progress(row)
            return
        row.context_pointer_set(BUTTON, settings)
        row.operator("unitalker.animate", icon='PLAY')
        row.operator("unitalker.clear", text="", icon='TRASH')
        if why := problem(context):
            paragraph(context, layout, why, 'INFO')
        if settings.result:
            _draw_result(context, layout.box(), settings)


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


def _draw_result(context: bpy.types.Context, box: bpy.types.UILayout, settings: bpy.types.PropertyGroup) -> None:
    paragraph(context, box, settings.result, 'ERROR' if settings.result_failed else 'CHECKMARK')
    mapped, missing = settings.result_mapped.splitlines(), settings.result_missing.splitlines()
    if mapped or missing:
        counts = translate("{} mapped, {} missing", len(mapped), len(missing))
        box.popover("UNITALKER_PT_channels", text=counts, translate=False)
    for line in settings.result_details.splitlines():
        paragraph(context, box, line, 'INFO')


class UNITALKER_PT_channels(bpy.types.Panel):
    """Which channels of the model move something on this character, and which it has nothing for"""

    bl_space_type = 'PROPERTIES'
    bl_region_type = 'HEADER'
    bl_label = "Channels of the Last Result"
    bl_ui_units_x = LIST_WIDTH

    def draw(self, context: bpy.types.Context) -> None:
        """Missing first: that is what somebody looks for."""
        settings, layout = context.scene.unitalker, self.layout
        for title, names, icon in (
            ("Missing on this character", settings.result_missing.splitlines(), 'X'),
            ("Mapped", settings.result_mapped.splitlines(), 'CHECKMARK'),
        ):
            if names:
                layout.label(text=title)
                grid = layout.box().grid_flow(columns=COLUMNS, align=True)
                grid.scale_y = 0.8
                for name in names:
                    grid.label(text=name, icon=icon, translate=False)
        layout.operator("unitalker.copy_result", icon='COPYDOWN')


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
    return "\n".join([settings.result, *settings.result_details.splitlines(), *lists])


CLASSES = (UNITALKER_OT_copy_result, UNITALKER_PT_channels, *in_editors(Generate))
