"""The panel Preview: play with sound, overlay, contact sheet, playblast."""

from __future__ import annotations

import bpy

from ..host.editors import in_editors
from ..host.job import Job
from ..host.layout import paragraph, property_split
from ..host.operator_base import draw_progress
from ..overlay import overlay
from ..pictures.folder import folder_of
from . import playback


class Preview:
    bl_idname = "UNITALKER_PT_preview"
    bl_label = "Preview"
    bl_order = 9
    bl_options = {'DEFAULT_CLOSED'}

    def draw(self, context: bpy.types.Context) -> None:
        """Playing, then what is drawn over the strips."""
        chosen, layout = context.scene.unitalker_preview, self.layout
        playing = playback.is_playing()
        row = layout.row(align=True)
        row.scale_y = 1.3
        row.operator("unitalker.preview", text="Stop" if playing else "Play Take", icon='PAUSE' if playing else 'PLAY')
        row.prop(chosen, "loop", text="", icon='FILE_REFRESH')
        row.prop(context.scene, "use_audio_scrub", text="", icon='PLAY_SOUND')
        layout.prop(chosen, "overlay")
        if chosen.overlay:
            property_split(layout.column()).prop(chosen, "channels")
            if overlay.problem():
                paragraph(context, layout, overlay.problem(), 'INFO')


class Pictures:
    bl_idname = "UNITALKER_PT_preview_pictures"
    bl_label = "Pictures and Film"
    bl_parent_id = "UNITALKER_PT_preview"

    def draw(self, context: bpy.types.Context) -> None:
        """The two buttons with their choices; the progress takes their place."""
        chosen, layout = context.scene.unitalker_preview, self.layout
        if context.scene.camera is None:
            layout.operator("unitalker.face_camera", icon='OUTLINER_OB_CAMERA')
            paragraph(context, layout, "The scene has no camera, and pictures are what it sees.", 'INFO')
        if Job.current is not None:
            row = layout.row(align=True)
            draw_progress(row)
        else:
            layout.operator("unitalker.contact_sheet", icon='IMAGE_DATA')
        column = property_split(layout.column(align=True))
        column.prop(chosen, "pick")
        column.prop(chosen, "count")
        column.prop(chosen, "tile_px")
        column.prop(chosen, "close_up")
        _draw_file(layout, chosen.last_sheet, 'IMAGE_DATA')
        if Job.current is None:
            layout.operator("unitalker.playblast", icon='FILE_MOVIE')
        column = property_split(layout.column(align=True))
        column.prop(chosen, "span")
        column.prop(chosen, "percentage")
        _draw_file(layout, chosen.last_film, 'FILE_MOVIE')
        column = property_split(layout.column())
        column.prop(chosen, "look")
        column.prop(chosen, "folder", placeholder="Beside the .blend file")
        if not folder_of(chosen.folder):
            paragraph(context, layout, "Save the .blend file first, or choose a folder.", 'INFO')
        if context.scene.camera is not None:
            layout.operator("unitalker.face_camera", icon='OUTLINER_OB_CAMERA')


def _draw_file(layout: bpy.types.UILayout, path: str, icon: str) -> None:
    """What was written last, to be opened."""
    if not path:
        return
    row = layout.row(align=True)
    row.operator("unitalker.open_file", text=bpy.path.basename(path), icon=icon, translate=False).filepath = path
    button = row.operator("unitalker.open_file", text="", icon='FILE_FOLDER')
    button.filepath, button.folder = path, True


CLASSES = in_editors(Preview, Pictures)
