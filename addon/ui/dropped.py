"""What happens with dropped and chosen sound files: whose face they are for, lines of the scene's list, strips."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import bpy
from bpy_extras.view3d_utils import region_2d_to_origin_3d, region_2d_to_vector_3d
from mathutils import Vector

from ...engine import AudioError, EngineError
from ..cast.rows import guess
from ..character.character import gather, home_scene
from ..host.translations import translate
from ..keying import notes
from ..sound.clip import find_file
from ..sound.strips import handles, sequencer_scene, sound_strips
from ..take import make

MAX_CHANNEL = 128           # of the Sequencer


def under_pointer(context: bpy.types.Context, event: bpy.types.Event) -> str:
    """Name of the character that a 3D view shows under the pointer; empty when there is none that can be keyed."""
    region, space = context.region, context.space_data
    if region is None or region.type != 'WINDOW' or getattr(space, "region_3d", None) is None:
        return ""
    place = Vector((event.mouse_x - region.x, event.mouse_y - region.y))
    origin = region_2d_to_origin_3d(region, space.region_3d, place)
    direction = region_2d_to_vector_3d(region, space.region_3d, place)
    hit, _, _, _, obj, _ = context.scene.ray_cast(context.evaluated_depsgraph_get(), origin, direction)
    if not hit:
        return ""
    try:
        gather(context, obj.name, context.scene.unitalker.with_related)
    except EngineError:
        return ""
    return obj.name


def add_rows(context: bpy.types.Context, paths: Sequence[str]) -> None:
    """A line of the scene's list for each file, with the character that its name suggests, else the panel's."""
    for path in paths:
        row = context.scene.unitalker_cast.add()
        row.source, row.audio, row.start_frame = 'FILE', path, context.scene.frame_current
        row.character = guess(context, row) or context.scene.unitalker.character


def to_strip(context: bpy.types.Context) -> str:
    """Make the chosen sound file a strip and choose that; a line that says so. Raises AudioError."""
    settings = context.scene.unitalker
    clip = find_file(context, settings.audio, settings.start_frame)
    strip = add_strip(context, clip.path, int(clip.start_frame))
    settings.source, settings.strip = 'STRIP', strip.name
    return translate("Strip {!r} starts on frame {}.", strip.name, int(clip.start_frame))


class HeardFile:
    """What lets a take of a sound file be heard: its strip, playback that keeps to the sound, a scene as long as it.

    Attributes:
        request: the take on the strip, so that its keys follow it; as it was where the file has a take already.
        said: a sentence for each thing that was changed, or why it could not be.
    """

    def __init__(self, context: bpy.types.Context, request: make.Request) -> None:
        self.request, self.said = request, ()
        self._settings, self._strip = context.scene.unitalker, None
        self._scene = home_scene(context, request.options.character)
        self._before = self._scene.sync_mode, self._scene.frame_end, self._settings.source, self._settings.strip
        start = int(request.clip.start_frame)
        if request.options.source != 'FILE' or start != request.clip.start_frame:
            return
        if sequencer_scene(context) != self._scene:
            self.said = (f"The Sequencer shows another scene than {self._scene.name!r}: the sound is not heard there.",)
            return
        try:
            strip, said = self._find_or_add(context, request.clip.path, start)
            if not notes.of_file(request.character, "/".join(Path(request.clip.path).parts[-2:])):
                self.request = make.on_strip(context, request, strip)
                self._settings.source, self._settings.strip = 'STRIP', strip.name
        except EngineError as error:
            self.take_back()
            self.said = (str(error),)
            return
        self.said = (*said, *self._let_it_play(handles(strip)[1] - 1))

    def take_back(self) -> None:
        """All as it was: the take could not be written."""
        scene = self._scene
        scene.sync_mode, scene.frame_end, self._settings.source, self._settings.strip = self._before
        if self._strip is not None:
            editor = sequencer_scene(bpy.context).sequence_editor
            strips = editor.strips if hasattr(editor, "strips") else editor.sequences
            strips.remove(strips[self._strip])

    def _find_or_add(
        self, context: bpy.types.Context, path: str, start: int,
    ) -> tuple[bpy.types.Strip, tuple[str, ...]]:
        for strip in sound_strips(sequencer_scene(context)):
            here = bpy.path.abspath(strip.sound.filepath) if strip.sound is not None else ""
            if handles(strip)[0] == start and here and os.path.normpath(here) == os.path.normpath(path):
                return strip, ()
        strip = add_strip(context, path, start)
        self._strip = strip.name
        return strip, (translate("Strip {!r} was added to the Sequencer.", strip.name),)

    def _let_it_play(self, last: int) -> tuple[str, ...]:
        scene, said = self._scene, []
        if scene.sync_mode == 'NONE':
            scene.sync_mode = 'AUDIO_SYNC'
            said.append(translate("Playback keeps to the sound now (Sync to Audio)."))
        if scene.frame_end < last:
            scene.frame_end = last
            said.append(translate("The scene ends on frame {} now.", last))
        return tuple(said)


def add_strip(context: bpy.types.Context, path: str, frame: int) -> bpy.types.Strip:
    """Add a sound strip above all others. Raises AudioError: Blender cannot play the file, or has no room."""
    if getattr(context.workspace, "sequencer_scene", context) is None:     # from 5.0 on: it would show nothing
        context.workspace.sequencer_scene = context.scene
    scene = sequencer_scene(context)
    editor = scene.sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    channel = max((strip.channel for strip in strips), default=0) + 1
    if channel > MAX_CHANNEL:
        raise AudioError(
            f"All {MAX_CHANNEL} channels of the Sequencer in scene {scene.name!r} are in use. "
            "Move or remove a strip on the top one."
        )
    if not hasattr(strips, "new_sound"):
        raise AudioError("This Blender was built without sound, so it has no sound strips. Use the sound as a file.")
    try:
        return strips.new_sound(os.path.splitext(os.path.basename(path))[0], path, channel, frame)
    except RuntimeError as error:
        problem = f"Blender cannot play {path} ({str(error).strip()})."
        raise AudioError(f"{problem} Convert it to wav, or use the sound as a file.") from error
