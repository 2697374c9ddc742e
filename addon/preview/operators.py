"""The operator that plays a take."""

import bpy

from ..host.operator_base import attempt
from ..host.polls import only_if
from ..take.making import has_take
from . import playback


class UNITALKER_OT_preview(bpy.types.Operator):
    """Play the take, or stop."""

    bl_idname = "unitalker.preview"
    bl_label = "Preview"
    bl_description = (
        "Play the take with its sound, from its first frame to its last; press again, Space or Esc to stop. "
        "The scene's own settings come back at the end"
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """With a window and a take."""
        has_window = only_if(cls, not bpy.app.background, "Nothing can be played without a window: make a playblast")
        return has_window and (playback.is_playing() or has_take(cls))

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Start or stop."""
        if playback.is_playing():
            playback.stop(back=False)
            return {'FINISHED'}
        return attempt(self, context, lambda: _play(context))


def _play(context: bpy.types.Context) -> None:
    from ..take import current  # needs NumPy and the engine, which registering must not load

    take = current.chosen(context)
    sound = current.play_sound(context, take)
    loop = context.scene.unitalker_preview.loop
    playback.start(context, round(take.first_frame), round(take.last_frame), loop, sound)


CLASSES = (UNITALKER_OT_preview,)
