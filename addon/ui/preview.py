"""The panel Preview with its choices at Scene.unitalker_preview: play with sound, overlay, contact sheet, playblast."""

import bpy
from bpy.props import BoolProperty, EnumProperty, IntProperty, PointerProperty, StringProperty

from ..host.editors import TOOLS, in_editors
from ..host.job import Job
from ..host.layout import paragraph, property_split
from ..host.operator_base import draw_progress
from ..overlay import overlay
from ..preview import playback
from ..take.choices import RELATIVE_PATHS

CHANNELS = "jawOpen, mouthClose, mouthPucker"
PICKS = (
    ('PHONES', "Telling Phonemes", "Where lips meet, open widest or are roundest, spread over the take"),
    ('EVEN', "Evenly", "At equal distances"),
)
LOOKS = (
    ('SOLID', "Solid", "As the 3D view's Solid mode, with textures: quick"),
    ('RENDER', "Render", "With the scene's own renderer and its settings: as slow as that is"),
)
SPANS = (
    ('TAKE', "Take", "From the first frame of the take to its last"),
    ('SCENE', "Scene", "The frame range of the scene"),
)


def _switched(_owner: object, _context: bpy.types.Context) -> None:
    overlay.sync()


class UNITALKER_PG_preview(bpy.types.PropertyGroup):
    """The panel's state."""

    overlay: BoolProperty(
        name="Overlay", update=_switched,
        description="Draw waveform, phonemes and curves of the take over its strip in the Sequencer, "
        "and in the Timeline, Dope Sheet and Graph Editor",
    )
    channels: StringProperty(
        name="Curves", default=CHANNELS,
        description="Channels whose curves are drawn, at most six, with commas between: "
        "ARKit's names, or names of this rig",
    )
    loop: BoolProperty(name="Loop", description="Start over at the end, until it is stopped")
    count: IntProperty(
        name="Pictures", description="How many frames the contact sheet shows at most",
        default=12, min=1, max=60, soft_max=24,
    )
    pick: EnumProperty(name="Frames", description="Which frames the contact sheet shows", items=PICKS)
    close_up: BoolProperty(
        name="Close-Up", default=True,
        description="Show only the face, large and in the middle; else all that the camera sees",
    )
    mouth: BoolProperty(
        name="Mouth", description="Of the face show only the mouth, with its lips as large as they get",
    )
    tile_px: IntProperty(
        name="Width", description="Width of each picture", default=320, min=64, max=2048, subtype='PIXEL',
    )
    percentage: IntProperty(
        name="Size", description="Of the scene's resolution, for the playblast",
        default=50, min=5, max=200, soft_max=100, subtype='PERCENTAGE',
    )
    look: EnumProperty(name="Look", description="How pictures and film are drawn", items=LOOKS)
    span: EnumProperty(name="Frames", description="Which frames are filmed", items=SPANS)
    folder: StringProperty(
        name="Folder", description="Where pictures and films go; empty takes the folder of the .blend file",
        subtype='DIR_PATH', options=RELATIVE_PATHS,
    )
    last_sheet: StringProperty(name="Contact Sheet", description="The file that was written last")
    last_film: StringProperty(name="Playblast", description="The file that was written last")


class Preview:
    bl_idname = "UNITALKER_PT_preview"
    bl_label = "Preview"
    bl_parent_id = TOOLS
    bl_order = 1
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
            draw_progress(layout.row(align=True))
        else:
            layout.operator("unitalker.contact_sheet", icon='IMAGE_DATA')
        column = property_split(layout.column(align=True))
        column.prop(chosen, "pick")
        column.prop(chosen, "count")
        column.prop(chosen, "tile_px")
        row = column.row(align=True, heading="Close-Up")
        row.prop(chosen, "close_up", text="")
        part = row.row()
        part.active = chosen.close_up
        part.prop(chosen, "mouth")
        _draw_file(layout, chosen.last_sheet, 'IMAGE_DATA')
        layout.operator("unitalker.playblast", icon='FILE_MOVIE')
        column = property_split(layout.column(align=True))
        column.prop(chosen, "span")
        column.prop(chosen, "percentage")
        _draw_file(layout, chosen.last_film, 'FILE_MOVIE')
        column = property_split(layout.column())
        column.prop(chosen, "look")
        column.prop(chosen, "folder", placeholder="Beside the .blend file")
        if not chosen.folder and not bpy.data.filepath:
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


CLASSES = (UNITALKER_PG_preview, *in_editors(Preview, Pictures))


def register() -> None:
    """Give every scene its settings."""
    bpy.types.Scene.unitalker_preview = PointerProperty(type=UNITALKER_PG_preview)


def unregister() -> None:
    """Take them away; what .blend files hold stays in them."""
    del bpy.types.Scene.unitalker_preview
