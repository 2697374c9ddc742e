"""Ends the preview of a mapping before a file is saved or a take is made, and shows it again after saving."""

import bpy
from bpy.app.handlers import persistent

from ..take import callbacks
from . import work

_saved_meanwhile: list[str] = []        # names of scenes whose preview waits while the file is being written


def end_preview(scene: bpy.types.Scene) -> None:
    """Give back what the preview shows, if it shows anything."""
    mapping = scene.unitalker_mapping
    if mapping.preview or mapping.shown_values:
        work().preview.stop(scene)


@persistent
def _before_save(*_ignored: object) -> None:
    for scene in bpy.data.scenes:
        if scene.unitalker_mapping.preview:
            _saved_meanwhile.append(scene.name)
            end_preview(scene)


@persistent
def _after_save(*_ignored: object) -> None:
    for name in _saved_meanwhile:
        scene = bpy.data.scenes.get(name)
        if scene is not None:
            scene.unitalker_mapping.preview = True
            if scene == bpy.context.scene:
                work().preview.show(bpy.context)
    _saved_meanwhile.clear()


def register() -> None:
    """Watch saving and the making of takes; call it after the mapping's properties are registered."""
    callbacks.before_take.append(end_preview)
    bpy.app.handlers.save_pre.append(_before_save)
    bpy.app.handlers.save_post.append(_after_save)
    bpy.app.handlers.save_post_fail.append(_after_save)


def unregister() -> None:
    """Give values back and stop watching."""
    for scene in getattr(bpy.data, "scenes", ()):
        end_preview(scene)
    callbacks.before_take.remove(end_preview)
    bpy.app.handlers.save_pre.remove(_before_save)
    bpy.app.handlers.save_post.remove(_after_save)
    bpy.app.handlers.save_post_fail.remove(_after_save)
