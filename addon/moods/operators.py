"""Buttons for moods: read one from the sliders, remove one, key one on frames, and let the voice propose."""

from functools import partial

import bpy
from bpy.props import EnumProperty, FloatProperty, StringProperty

from ... import engine
from ...engine.values.settings import MAX_MOOD
from ..host.operator_base import OnWorker, redraw
from ..host.polls import only_if
from ..host.translations import translate, translate_plural
from ..take import catalog
from ..take import work as takes
from ..take.character_mood import object_of
from ..take.options import Options
from ..take.properties import collect
from . import work


class UNITALKER_OT_mood_from_sliders(bpy.types.Operator):
    """Make a mood of the face as it stands."""

    bl_idname = "unitalker.mood_from_sliders"
    bl_label = "Mood from Sliders"
    bl_description = (
        "Make a mood of your own of the face as its sliders stand now. Read under the same name again, the poses are "
        "drawn in turn, so that the mood does not repeat"
    )
    bl_options = {'REGISTER', 'UNDO'}

    name: StringProperty(name="Name", description="Of the mood; a tag such as [smirk] calls it", default="smirk")

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Ask for the name."""
        return context.window_manager.invoke_props_dialog(self)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Read and choose it."""
        try:
            found = work().read_mood(context, self.name)
        except engine.EngineError as error:
            self.report({'ERROR'}, str(error))
            return {'CANCELLED'}
        moved = translate_plural(len(found.pose), "1 channel", "{} channels")
        self.report({'INFO'}, translate("Mood {!r}: pose {}, {}", self.name, found.count, moved))
        if found.unread:
            self.report({'WARNING'}, translate("Not of this preset, so left out: {}", ", ".join(found.unread)))
        redraw(context)
        return {'FINISHED'}


class UNITALKER_OT_mood_remove(bpy.types.Operator):
    """Remove this mood of your own from the scene; takes that were made with it keep their keys"""

    bl_idname = "unitalker.mood_remove"
    bl_label = "Remove Mood"
    bl_options = {'REGISTER', 'UNDO'}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """One of them is chosen."""
        settings = context.scene.unitalker
        return only_if(cls, settings.mood in catalog.own_moods(settings), "Choose a mood of your own first")

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Remove it."""
        work().remove_mood(context, context.scene.unitalker.mood)
        return {'FINISHED'}


class _OnCharacter:
    """Mixed into an operator that keys the sliders of the character."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """There is one."""
        return only_if(
            cls, object_of(context) is not None, "Pick a character, or select its face",
        )


class UNITALKER_OT_mood_slider(_OnCharacter, bpy.types.Operator):
    """Give the character a slider of this mood, which can be keyed like the others"""

    bl_idname = "unitalker.mood_slider"
    bl_label = "Mood Slider"
    bl_options = {'REGISTER', 'UNDO'}

    mood: StringProperty(name="Mood", description="One of your own")

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Add it."""
        try:
            work().add_own_slider(context, self.mood)
        except engine.EngineError as error:
            self.report({'ERROR'}, str(error))
            return {'CANCELLED'}
        redraw(context)
        return {'FINISHED'}


class UNITALKER_OT_mood_on_frames(_OnCharacter, bpy.types.Operator):
    """Key a mood on the character over some frames, with the onset and release of the panel"""

    bl_idname = "unitalker.mood_on_frames"
    bl_label = "Mood on Frames"
    bl_options = {'REGISTER', 'UNDO'}

    mood: EnumProperty(name="Mood", items=lambda _, context: catalog.felt_items(context.scene.unitalker))
    amount: FloatProperty(name="Amount", default=1.0, min=0.0, max=MAX_MOOD, subtype='FACTOR')
    first: FloatProperty(name="First Frame", default=1.0, precision=1)
    last: FloatProperty(name="Last Frame", default=250.0, precision=1)

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Ask; the scene's preview range, or its frames, are proposed."""
        scene = context.scene
        preview = scene.use_preview_range
        self.first = scene.frame_preview_start if preview else scene.frame_start
        self.last = scene.frame_preview_end if preview else scene.frame_end
        return context.window_manager.invoke_props_dialog(self)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Key it."""
        try:
            work().key_frames(context, self.mood, self.amount, self.first, self.last)
        except engine.EngineError as error:
            self.report({'ERROR'}, str(error))
            return {'CANCELLED'}
        redraw(context)
        return {'FINISHED'}


class UNITALKER_OT_mood_from_voice(OnWorker, bpy.types.Operator):
    """Key what the voice tells."""

    bl_idname = "unitalker.mood_from_voice"
    bl_label = "From Voice"
    bl_description = (
        "Key the character's intensity by how strongly the chosen sound is spoken, and Happy where the voice laughs; "
        "which feeling else it is stays with you. Generate again to see it"
    )
    bl_options = {'REGISTER', 'UNDO'}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Nothing else is being made, and there is a character."""
        return super().poll(context) and only_if(
            cls, object_of(context) is not None, "Pick a character, or select its face",
        )

    def _gather(self, context: bpy.types.Context) -> object:
        self._request = takes().make.gather(context, Options(**collect(context, {})))
        return partial(work().compute, self._request)

    def _finish(self, context: bpy.types.Context, result: object) -> set[str]:
        try:
            keys, laughs = work().write_voice(context, self._request, result())
        except engine.EngineError as error:
            return self._fail(context, error)
        said = translate_plural(keys, "1 key of intensity", "{} keys of intensity")
        self.report({'INFO'}, f"{said}, {translate_plural(laughs, '1 laugh', '{} laughs')}")
        redraw(context)
        return {'FINISHED'}

    def _fail(self, context: bpy.types.Context, error: Exception) -> set[str]:
        self.report({'ERROR'}, str(error))
        redraw(context)
        return {'CANCELLED'}


CLASSES = (
    UNITALKER_OT_mood_from_sliders, UNITALKER_OT_mood_remove, UNITALKER_OT_mood_slider, UNITALKER_OT_mood_on_frames,
    UNITALKER_OT_mood_from_voice,
)
