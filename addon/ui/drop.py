"""Sound files: dropped on the 3D view, opened from the search, put into the Sequencer."""

import os
from functools import partial
from types import ModuleType

import bpy
from bpy.props import BoolProperty, CollectionProperty, IntProperty, StringProperty

from ..host.operator_base import attempt, idle, redraw
from ..host.polls import only_if
from ..host.preferences import own
from ..host.translations import translate
from ..take import catalog

# What this Blender plays; films are left to the 3D view's own drop.
EXTENSIONS = ";".join(sorted(bpy.path.extensions_audio))


def _work() -> ModuleType:
    from . import dropped  # needs NumPy and the engine, which registering must not load

    return dropped


class UNITALKER_OT_sound_open(bpy.types.Operator):
    """A sound file becomes the panel's; several files become lines of the scene's list."""

    bl_idname = "unitalker.sound_open"
    bl_label = "Lip Sync from Sound File"
    bl_description = (
        "Choose a sound file for the lip sync, and make it at once where the character can be keyed. "
        "Several files become lines of the scene's list. The same as dropping files on the character"
    )
    bl_options = {'UNDO'}

    filepath: StringProperty(name="File", description="The sound file", subtype='FILE_PATH', options={'SKIP_SAVE'})
    directory: StringProperty(subtype='DIR_PATH', options={'HIDDEN', 'SKIP_SAVE'})
    files: CollectionProperty(type=bpy.types.OperatorFileListElement, options={'HIDDEN', 'SKIP_SAVE'})
    filter_sound: BoolProperty(default=True, options={'HIDDEN'})
    filter_movie: BoolProperty(default=True, options={'HIDDEN'})
    filter_folder: BoolProperty(default=True, options={'HIDDEN'})
    character: StringProperty(
        name="Character", description="Name of the object; empty takes the panel's, else the active one",
        options={'SKIP_SAVE'},
    )
    generate: BoolProperty(
        name="Generate", description="Make the lip sync at once; the add-on preferences say what is usual",
        options={'SKIP_SAVE'},
    )

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        """Not while a lip sync is being made."""
        return idle(cls)

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """A dropped file comes with its path; without one, ask for it."""
        if not self.filepath and not self.files:
            context.window_manager.fileselect_add(self)
            return {'RUNNING_MODAL'}
        self.character = self.character or _work().under_pointer(context, event)
        return self.execute(context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Choose the sound and the character, then generate."""
        paths = [os.path.join(self.directory, file.name) for file in self.files if file.name] or [self.filepath]
        settings = context.scene.unitalker
        settings.source, settings.audio, settings.start_frame = 'FILE', paths[0], context.scene.frame_current
        if self.character in context.scene.objects:
            settings.character = context.scene.objects[self.character]
        if len(paths) > 1:
            _work().add_rows(context, paths)
            added = translate("{} lines added to the scene's list: check who says what, then Generate All.", len(paths))
            self.report({'INFO'}, added)
            return {'FINISHED'}
        name = os.path.basename(paths[0])
        self.report({'INFO'}, translate("{} starts on frame {}.", name, context.scene.frame_current))
        if self._generates(context):
            self._generate(context)
        return {'FINISHED'}

    def _generate(self, context: bpy.types.Context) -> None:
        """Press the button; its error is reported again here, since nobody sees the button's own report."""
        try:
            bpy.ops.unitalker.animate('INVOKE_DEFAULT', add_strip=True)
        except RuntimeError:
            self.report({'ERROR'}, context.scene.unitalker.result)

    def _generates(self, context: bpy.types.Context) -> bool:
        preferences = own(context)
        wanted = preferences.generate_on_drop if preferences is not None else True
        if self.properties.is_property_set("generate"):
            wanted = self.generate
        return wanted and not catalog.fit(context).problem


class UNITALKER_OT_sound_to_strip(bpy.types.Operator):
    """The chosen sound file becomes a strip."""

    bl_idname = "unitalker.sound_to_strip"
    bl_label = "Lip Sync File to Sequencer"
    bl_description = (
        "Put the chosen sound file into the Sequencer, so that it is heard while the lips move, "
        "and use that strip from now on"
    )
    bl_options = {'REGISTER', 'UNDO'}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Only with a file."""
        return only_if(cls, context.scene.unitalker.audio, "Choose a sound file in Audio first")

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Add the strip and choose it."""
        return attempt(self, context, partial(_work().to_strip, context), "{}")


class UNITALKER_OT_audio_choose(bpy.types.Operator):
    """A sound file becomes the panel's, or that of a line of the scene's list."""

    bl_idname = "unitalker.audio_choose"
    bl_label = "Choose Sound File"
    bl_options = {'REGISTER', 'UNDO', 'INTERNAL'}

    filepath: StringProperty(name="File", subtype='FILE_PATH', options={'SKIP_SAVE'})
    filter_sound: BoolProperty(default=True, options={'HIDDEN'})
    filter_movie: BoolProperty(default=True, options={'HIDDEN'})
    filter_folder: BoolProperty(default=True, options={'HIDDEN'})
    row: IntProperty(name="Line", description="Of the scene's list; -1 is the panel", default=-1, options={'HIDDEN'})

    @classmethod
    def description(cls, context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        """What the button is for, and the whole path."""
        path = _owner(context, properties.row).audio
        return "\n".join([translate("Choose the sound file"), *[path] * bool(path)])

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Open the file browser where the present file lies."""
        self.filepath = bpy.path.abspath(_owner(context, self.row).audio)
        context.window_manager.fileselect_add(self)
        return {'RUNNING_MODAL'}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Choose it."""
        _owner(context, self.row).audio = self.filepath
        redraw(context)
        return {'FINISHED'}


def _owner(context: bpy.types.Context, row: int) -> bpy.types.PropertyGroup:
    rows = context.scene.unitalker_cast.rows
    return rows[row] if 0 <= row < len(rows) else context.scene.unitalker


def draw_file(layout: bpy.types.UILayout, path: str) -> None:
    """The name of the panel's sound file, which a field with the whole path would cut off; a click chooses another."""
    name = bpy.path.basename(path)
    layout.operator(
        "unitalker.audio_choose", text=name or "Choose a Sound File", icon='FILE_SOUND', translate=not name,
    )


class UNITALKER_FH_sound(bpy.types.FileHandler):
    """What Blender asks when files are dropped"""

    bl_idname = "UNITALKER_FH_sound"
    bl_label = "Lip Sync"
    bl_import_operator = UNITALKER_OT_sound_open.bl_idname
    bl_file_extensions = EXTENSIONS

    @classmethod
    def poll_drop(cls, context: bpy.types.Context) -> bool:
        """The 3D view; the Sequencer keeps Blender's own drop."""
        return context.area is not None and context.area.type == 'VIEW_3D'


CLASSES = (UNITALKER_OT_sound_open, UNITALKER_OT_sound_to_strip, UNITALKER_OT_audio_choose, UNITALKER_FH_sound)
