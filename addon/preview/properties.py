"""What the animator chooses in the panel Preview: one group at Scene.unitalker_preview."""

import bpy
from bpy.props import BoolProperty, EnumProperty, IntProperty, PointerProperty, StringProperty

from ..overlay import overlay
from ..take.choices import RELATIVE_PATHS

CHANNELS = "jawOpen, mouthClose, mouthPucker"
PICKS = (
    ('PHONES', "Telling Phones", "Where lips meet, open widest or are roundest, spread over the take"),
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
        description="Draw waveform, phones and curves of the take over its strip in the Sequencer, and in the Timeline, Dope Sheet and Graph Editor",
    )
    channels: StringProperty(
        name="Curves", default=CHANNELS,
        description="Channels whose curves are drawn, at most six, with commas between: ARKit's names, or names of this rig",
    )
    loop: BoolProperty(name="Loop", description="Start over at the end, until it is stopped")
    count: IntProperty(name="Pictures", description="How many frames the contact sheet shows at most", default=12, min=1, max=60, soft_max=24)
    pick: EnumProperty(name="Frames", description="Which frames the contact sheet shows", items=PICKS)
    close_up: BoolProperty(name="Close-Up", default=True, description="Show only the face, large and in the middle; else all that the camera sees")
    tile_px: IntProperty(name="Width", description="Width of each picture", default=320, min=64, max=2048, subtype='PIXEL')
    percentage: IntProperty(
        name="Size", description="Of the scene's resolution, for the playblast", default=50, min=5, max=200, soft_max=100, subtype='PERCENTAGE',
    )
    look: EnumProperty(name="Look", description="How pictures and film are drawn", items=LOOKS)
    span: EnumProperty(name="Frames", description="Which frames are filmed", items=SPANS)
    folder: StringProperty(
        name="Folder", description="Where pictures and films go; empty takes the folder of the .blend file", subtype='DIR_PATH', options=RELATIVE_PATHS,
    )
    last_sheet: StringProperty(name="Contact Sheet", description="The file that was written last")
    last_film: StringProperty(name="Playblast", description="The file that was written last")


CLASSES = (UNITALKER_PG_preview,)


def register() -> None:
    """Give every scene its settings."""
    bpy.types.Scene.unitalker_preview = PointerProperty(type=UNITALKER_PG_preview)


def unregister() -> None:
    """Take them away; what .blend files hold stays in them."""
    del bpy.types.Scene.unitalker_preview
