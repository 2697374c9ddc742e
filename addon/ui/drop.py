"""Sound files: dropped on the 3D view, opened from the search, put into the Sequencer."""

import os
from collections.abc import Sequence

import bpy
from bpy.props import BoolProperty, CollectionProperty, StringProperty

from ..host.operator_base import idle
from ..host.polls import only_if
from ..host.preferences import own
from ..host.translations import translate

EXTENSIONS = ";".join(sorted(bpy.path.extensions_audio))        # what this Blender plays; films are left to the 3D view's own drop
MAX_CHANNEL = 128           # of the Sequencer


class UNITALKER_OT_sound_open(bpy.types.Operator):
    """Choose a sound file for the lip sync, and make it at once where the character can be keyed. Several files become lines of the scene's list. The same as dropping files on the character"""

    bl_idname = "unitalker.sound_open"
    bl_label = "Lip Sync from Sound File"
    bl_options = {'UNDO'}

    filepath: StringProperty(name="File", description="The sound file", subtype='FILE_PATH', options={'SKIP_SAVE'})
    directory: StringProperty(subtype='DIR_PATH', options={'HIDDEN', 'SKIP_SAVE'})
    files: CollectionProperty(type=bpy.types.OperatorFileListElement, options={'HIDDEN', 'SKIP_SAVE'})
    filter_sound: BoolProperty(default=True, options={'HIDDEN'})
    filter_movie: BoolProperty(default=True, options={'HIDDEN'})
    filter_folder: BoolProperty(default=True, options={'HIDDEN'})
    character: StringProperty(name="Character", description="Name of the object; empty takes the panel's, else the active one", options={'SKIP_SAVE'})
    generate: BoolProperty(name="Generate", description="Make the lip sync at once; the add-on preferences say what is usual", options={'SKIP_SAVE'})

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        """Not while a lip sync is being made."""
        return idle(cls)

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """A dropped file comes with its path; without one, ask for it."""
        if not self.filepath and not self.files:
            context.window_manager.fileselect_add(self)
            return {'RUNNING_MODAL'}
        self.character = self.character or under_pointer(context, event)
        return self.execute(context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Choose the sound and the character, then generate."""
        paths = [os.path.join(self.directory, file.name) for file in self.files if file.name] or [self.filepath]
        settings = context.scene.unitalker
        settings.source, settings.audio, settings.start_frame = 'FILE', paths[0], context.scene.frame_current
        if self.character in context.scene.objects:
            settings.character = context.scene.objects[self.character]
        if len(paths) > 1:
            add_rows(context, paths)
            self.report({'INFO'}, translate("{} lines added to the scene's list: check who says what, then Generate All.", len(paths)))
            return {'FINISHED'}
        self.report({'INFO'}, translate("{} starts on frame {}.", os.path.basename(paths[0]), context.scene.frame_current))
        if self._generates(context):
            self._generate(context)
        return {'FINISHED'}

    def _generate(self, context: bpy.types.Context) -> None:
        """Press the button; what it says of an error is said again here, since it has nobody to tell it to."""
        try:
            bpy.ops.unitalker.animate('INVOKE_DEFAULT')
        except RuntimeError:
            self.report({'ERROR'}, context.scene.unitalker.result)

    def _generates(self, context: bpy.types.Context) -> bool:
        from ..take import catalog

        preferences = own(context)
        usual = preferences.generate_on_drop if preferences is not None else True
        return (self.generate if self.properties.is_property_set("generate") else usual) and not catalog.fit(context).problem


def under_pointer(context: bpy.types.Context, event: bpy.types.Event) -> str:
    """Name of the character that a 3D view shows under the pointer; empty when there is none that can be keyed."""
    from mathutils import Vector

    from ... import engine
    from ..character import character as rig

    region, space = context.region, context.space_data
    if region is None or region.type != 'WINDOW' or getattr(space, "region_3d", None) is None:
        return ""
    from bpy_extras.view3d_utils import region_2d_to_origin_3d, region_2d_to_vector_3d

    place = Vector((event.mouse_x - region.x, event.mouse_y - region.y))
    origin = region_2d_to_origin_3d(region, space.region_3d, place)
    direction = region_2d_to_vector_3d(region, space.region_3d, place)
    hit, _, _, _, obj, _ = context.scene.ray_cast(context.evaluated_depsgraph_get(), origin, direction)
    if not hit:
        return ""
    try:
        rig.gather(context, obj.name, context.scene.unitalker.with_related)
    except engine.EngineError:
        return ""
    return obj.name


def add_rows(context: bpy.types.Context, paths: Sequence[str]) -> None:
    """A line of the scene's list for each file, with the character that its name suggests, else the panel's."""
    from ..cast import rows as cast

    for path in paths:
        row = context.scene.unitalker_cast.add()
        row.source, row.audio, row.start_frame = 'FILE', path, context.scene.frame_current
        row.character = cast.guess(context, row) or context.scene.unitalker.character


class UNITALKER_OT_sound_to_strip(bpy.types.Operator):
    """Put the chosen sound file into the Sequencer, so that it is heard while the lips move, and use that strip from now on"""

    bl_idname = "unitalker.sound_to_strip"
    bl_label = "Lip Sync File to Sequencer"
    bl_options = {'REGISTER', 'UNDO'}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Only with a file."""
        return only_if(cls, context.scene.unitalker.audio, "Choose a sound file in Audio first")

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Add the strip and choose it."""
        from ... import engine
        from ..sound import clip as strip_audio

        settings = context.scene.unitalker
        try:
            clip = strip_audio.find_file(context, settings.audio, settings.start_frame)
            strip = add_strip(context, clip.path, int(clip.start_frame))
        except engine.EngineError as error:
            self.report({'ERROR'}, str(error))
            return {'CANCELLED'}
        settings.source, settings.strip = 'STRIP', strip.name
        self.report({'INFO'}, translate("Strip {!r} starts on frame {}.", strip.name, int(clip.start_frame)))
        return {'FINISHED'}


def add_strip(context: bpy.types.Context, path: str, frame: int) -> "bpy.types.Strip":        # called Sequence before Blender 4.4
    """Add a sound strip on a channel above all others. Raises AudioError when Blender cannot play the file, or has no room."""
    from ...engine import AudioError
    from ..sound.strips import sequencer_scene

    if getattr(context.workspace, "sequencer_scene", context) is None:     # from 5.0 on: else the Sequencer would show nothing
        context.workspace.sequencer_scene = context.scene
    scene = sequencer_scene(context)
    editor = scene.sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    channel = max((strip.channel for strip in strips), default=0) + 1
    if channel > MAX_CHANNEL:
        raise AudioError(f"All {MAX_CHANNEL} channels of the Sequencer in scene {scene.name!r} are in use. Move or remove a strip on the top one.")
    if not hasattr(strips, "new_sound"):
        raise AudioError("This Blender was built without sound, so it has no sound strips. Use the sound as a file.")
    try:
        return strips.new_sound(os.path.splitext(os.path.basename(path))[0], path, channel, frame)
    except RuntimeError as error:
        raise AudioError(f"Blender cannot play {path} ({str(error).strip()}). Convert it to wav, or use the sound as a file.") from error


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


CLASSES = (UNITALKER_OT_sound_open, UNITALKER_OT_sound_to_strip, UNITALKER_FH_sound)
