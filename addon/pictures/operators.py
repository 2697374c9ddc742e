"""Operators of pictures and films: camera on the face, contact sheet, playblast."""

import os
from functools import partial
from types import ModuleType

import bpy
from bpy.props import BoolProperty, StringProperty

from ..host.operator_base import attempt
from ..host.polls import only_if
from ..host.steps import InSteps, Work
from ..host.translations import translate
from ..take.making import has_take

FIRST_DRAW_S = 0.3      # by then a new window has its size


def _plan() -> ModuleType:
    from . import plan  # needs NumPy and the engine, which registering must not load

    return plan


class UNITALKER_OT_face_camera(bpy.types.Operator):
    """Add a camera that looks at the character's face and make it the scene's; other cameras stay"""

    bl_idname = "unitalker.face_camera"
    bl_label = "Camera on Face"
    bl_options = {'REGISTER', 'UNDO'}

    character: StringProperty(name="Character", description="Name of the object; empty takes the panel's")

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """In object mode."""
        return only_if(cls, context.mode in ('OBJECT', 'POSE'), "Leave Edit Mode first")

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Add it."""
        name = self.character or context.scene.unitalker.character_name
        return attempt(self, context, partial(_add_camera, context, name), "{!r} is the scene's camera now.")


def _add_camera(context: bpy.types.Context, character: str) -> str:
    return _plan().face_camera.add(context, character, context.scene.unitalker.with_related).name


class _Written(InSteps):
    """What contact sheet and playblast have in common: whose take, and where to."""

    character: StringProperty(name="Character", description="Name of the object; empty takes the panel's")
    take: StringProperty(
        name="Take", description="Name of the take; empty takes the one of the active strip or at the current frame",
    )
    filepath: StringProperty(
        name="File", subtype='FILE_PATH',
        description="File to write; empty makes a name in the panel's folder, or beside the .blend file",
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """With a take and a camera, while nothing else is made."""
        if not cls.free() or not has_take(cls):
            return False
        return only_if(cls, context.scene.camera is not None, "The scene has no camera: press Camera on Face")

    def _wanted(self, context: bpy.types.Context) -> object:
        return _plan().Wanted.of(context, self.character, self.take, self.filepath)


class UNITALKER_OT_contact_sheet(_Written, bpy.types.Operator):
    """Frames of the take in one picture."""

    bl_idname = "unitalker.contact_sheet"
    bl_label = "Contact Sheet"
    bl_description = (
        "Draw the telling frames of the take through the scene's camera, side by side in one picture, "
        "each with time, phoneme and word"
    )

    TITLE = "Drawing frames"

    def _work(self, context: bpy.types.Context) -> Work:
        return _plan().sheet(context, self._wanted(context))

    def _finish(self, context: bpy.types.Context, result: object) -> None:
        image = bpy.data.images.load(result, check_existing=True)
        image.reload()
        context.scene.unitalker_preview.last_sheet = result
        self.report({'INFO'}, translate("Contact sheet: {}", result))
        if not bpy.app.background:
            _show(context, image)


class UNITALKER_OT_playblast(_Written, bpy.types.Operator):
    """Film the take through the scene's camera, with sound, to an mp4 file"""

    bl_idname = "unitalker.playblast"
    bl_label = "Playblast"

    TITLE = "Filming"

    def _work(self, context: bpy.types.Context) -> Work:
        plan = _plan()
        return plan.playblast.make(plan.film(context, self._wanted(context)))

    def _finish(self, context: bpy.types.Context, result: object) -> None:
        if result.warning:
            self.report({'WARNING'}, result.warning)
        context.scene.unitalker_preview.last_film = result.path
        self.report({'INFO'}, translate("Playblast: {}", result.path))


class UNITALKER_OT_open_file(bpy.types.Operator):
    """Open it with the program that this computer has for it"""

    bl_idname = "unitalker.open_file"
    bl_label = "Open"
    bl_options = {'INTERNAL'}

    filepath: StringProperty(name="File", options={'HIDDEN'})
    folder: BoolProperty(name="Folder", options={'HIDDEN'})

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        """File or folder."""
        return "Open the folder that it is in" if properties.folder else cls.__doc__

    def execute(self, _context: bpy.types.Context) -> set[str]:
        """Open it, if it is still there."""
        path = os.path.dirname(self.filepath) if self.folder else self.filepath
        if not os.path.exists(path):
            self.report({'ERROR'}, f"It is not there any more: {path}. Make it again.")
            return {'CANCELLED'}
        return bpy.ops.wm.path_open(filepath=path)


def _show(context: bpy.types.Context, image: bpy.types.Image) -> None:
    """In an Image Editor that is open, else in a window of its own, as a render."""
    area = next((area for area in context.screen.areas if area.type == 'IMAGE_EDITOR'), None)
    if area is None:
        before = set(context.window_manager.windows)
        bpy.ops.wm.window_new()
        made = next((window for window in context.window_manager.windows if window not in before), None)
        if made is None:
            return
        area = made.screen.areas[0]
        area.ui_type = 'IMAGE_EDITOR'
        bpy.app.timers.register(partial(_fit, image.name), first_interval=FIRST_DRAW_S)
    area.spaces.active.image = image


def _fit(name: str) -> None:
    """The whole picture in each window that shows only it; a window that was closed meanwhile is not there any more."""
    for window in bpy.context.window_manager.windows:
        area = window.screen.areas[0]
        image = area.spaces.active.image if area.type == 'IMAGE_EDITOR' and len(window.screen.areas) == 1 else None
        if image is None or image.name != name:
            continue
        region = next(region for region in area.regions if region.type == 'WINDOW')
        with bpy.context.temp_override(window=window, area=area, region=region):
            bpy.ops.image.view_all(fit_view=True)


CLASSES = (UNITALKER_OT_face_camera, UNITALKER_OT_contact_sheet, UNITALKER_OT_playblast, UNITALKER_OT_open_file)
