"""Plays a take with its sound from its first frame to its last, and leaves the scene as it was.

What is changed meanwhile is noted in the scene itself, so that neither an undo, a crash nor a file saved by a timer can
make it stay.
"""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from dataclasses import dataclass

import bpy

NOTE = "unitalker_preview_was"      # custom property of a scene that plays: JSON of what it had before
LOOK_S = 0.02                       # between two looks at where it is
SETTINGS = ("use_preview_range", "sync_mode", "use_audio")

_playing: _Playing | None = None


@dataclass
class _Playing:
    """What plays now.

    Attributes:
        scene: its name. loop: whether it starts over. sound: handle of a sound that the scene itself does not play.
        seen: the frame at the last look.
    """

    scene: str
    first: int
    last: int
    loop: bool
    sound: object | None
    seen: int


def is_playing() -> bool:
    """Whether a take is being played."""
    return _playing is not None


def start(context: bpy.types.Context, first: int, last: int, loop: bool, sound: object | None) -> None:
    """Play frames first to last of the active scene.

    Args:
        sound: what plays beside the scene, with `position` in seconds and stop(); None where the scene has the sound.
    """
    global _playing  # noqa: PLW0603  one take plays at a time
    scene = context.scene
    if context.screen.is_animation_playing:
        bpy.ops.screen.animation_cancel(restore_frame=False)
    _note(scene)
    scene.use_preview_range = True
    _set_range(scene, first, last)
    scene.sync_mode = 'AUDIO_SYNC' if sound is None else 'FRAME_DROP'
    scene.use_audio = True
    scene.frame_set(first)
    _playing = _Playing(scene.name, first, last, loop, sound, first)
    with _beside_sequencer(context):
        bpy.ops.screen.animation_play()
    bpy.app.timers.register(_look, first_interval=LOOK_S)


def stop(back: bool) -> None:
    """End it; back: to the frame from before, else it stays where it is."""
    global _playing
    ended, _playing = _playing, None
    if ended is None:
        return
    if ended.sound is not None:
        ended.sound.stop()
    for window in bpy.context.window_manager.windows:
        if window.screen.is_animation_playing:
            with bpy.context.temp_override(window=window, screen=window.screen):
                bpy.ops.screen.animation_cancel(restore_frame=False)
    scene = bpy.data.scenes.get(ended.scene)
    if scene is not None:
        _give_back(scene, back)
    if bpy.app.timers.is_registered(_look):
        bpy.app.timers.unregister(_look)


def _look() -> float | None:
    """Timer: end at the last frame, or when somebody pressed Esc or Space."""
    playing = _playing
    if playing is None:
        return None
    scene = bpy.data.scenes.get(playing.scene)
    running = any(window.screen.is_animation_playing for window in bpy.context.window_manager.windows)
    if scene is None or not running:
        stop(back=scene is not None and scene.frame_current == playing.first)     # Esc put it back there
        return None
    frame = scene.frame_current
    over = frame < playing.seen or (frame >= playing.last and not playing.loop)
    if over and not playing.loop:
        stop(back=True)
        return None
    if over and playing.sound is not None:
        playing.sound.position = (frame - playing.first) * scene.render.fps_base / scene.render.fps
    playing.seen = frame
    return LOOK_S


def _note(scene: bpy.types.Scene) -> None:
    """Keep what is about to change, unless an earlier note was left behind."""
    if NOTE in scene:
        _give_back(scene, back=False)
    before = {name: getattr(scene, name) for name in SETTINGS}
    before["range"] = [scene.frame_preview_start, scene.frame_preview_end]
    before["frame"] = [scene.frame_current, scene.frame_subframe]
    scene[NOTE] = json.dumps(before)


def _give_back(scene: bpy.types.Scene, back: bool) -> None:
    before = json.loads(scene[NOTE]) if NOTE in scene else None
    if before is None:
        return
    del scene[NOTE]
    scene.use_preview_range = True          # the range can be set only while it counts
    _set_range(scene, *before["range"])
    for name in SETTINGS:
        setattr(scene, name, before[name])
    if back:
        scene.frame_set(before["frame"][0], subframe=before["frame"][1])


def _set_range(scene: bpy.types.Scene, first: int, last: int) -> None:
    """Each end cannot pass the other, so the first one is set again."""
    scene.frame_preview_start = first
    scene.frame_preview_end = last
    scene.frame_preview_start = first


def _beside_sequencer(context: bpy.types.Context) -> AbstractContextManager[object]:
    """A context that plays the active scene: from 5.0 on the Sequencer plays the scene of its strips."""
    areas = [area for area in context.screen.areas if area.type != 'SEQUENCE_EDITOR']
    return context.temp_override(area=areas[0]) if areas else context.temp_override()


@bpy.app.handlers.persistent
def _stop_now(*_: object) -> None:
    """Before a file is saved or loaded."""
    stop(back=True)


@bpy.app.handlers.persistent
def _tidy(*_: object) -> None:
    """After a file was loaded or something undone: a note without anything that plays is one that came back."""
    for scene in bpy.data.scenes:
        if NOTE in scene and (_playing is None or _playing.scene != scene.name):
            _give_back(scene, back=False)


HANDLERS = (
    ("load_pre", _stop_now), ("save_pre", _stop_now), ("load_post", _tidy), ("undo_post", _tidy), ("redo_post", _tidy),
)


def register() -> None:
    """Watch for files and undo."""
    for name, handler in HANDLERS:
        getattr(bpy.app.handlers, name).append(handler)


def unregister() -> None:
    """Stop, and watch no more."""
    for name, handler in HANDLERS:
        getattr(bpy.app.handlers, name).remove(handler)
    stop(back=True)
