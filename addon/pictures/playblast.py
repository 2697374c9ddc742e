"""The frames of a take through the scene's camera as a film with sound."""

from __future__ import annotations

import os
import tempfile
import wave
from collections.abc import Generator
from dataclasses import dataclass

import bpy
import numpy as np

from ...engine import EngineError, OutputError
from ...engine.values.types import SAMPLE_RATE_HZ
from ..host.borrowed import borrowed
from ..sound import clip as strip_audio
from ..sound.strips import sound_strips
from . import picture, strip_scene
from .complete_file import is_whole_mp4
from .contact_sheet import scene_named, set_frame

DRAWN_SHARE = 0.9           # of the work, the rest is sound and film
BEHIND = (0.70, 0.70, 0.69)             # as shown on a screen, where the picture shows nothing
INT16_MAX = 32_767


@dataclass(frozen=True)
class Film:
    """What is filmed.

    Attributes:
        scene, view_layer: their names. first_frame, last_frame: both are in the film.
        clip: the take's sound, for scenes that have no sound of their own; None without one.
        path: the mp4 file that is written. look: of the frames, width and height even.
    """

    scene: str
    view_layer: str
    first_frame: int
    last_frame: int
    clip: strip_audio.Clip | None
    path: str
    look: picture.Look


@dataclass(frozen=True)
class Made:
    """The file, and a sentence where it has no sound."""

    path: str
    warning: str = ""


def make(film: Film) -> Generator[float, None, Made]:
    """Draw and write a film, frame by frame; gives the finished part.

    Raises:
        OutputError: a frame or the film cannot be written; RigError: no camera. An older film of the name stays then.
    """
    with tempfile.TemporaryDirectory(prefix="lipsync_") as folder, strip_scene.settled(film.scene):
        frames = []
        scene = scene_named(film.scene)
        now, subframe = scene.frame_current, scene.frame_subframe
        try:
            for frame in range(film.first_frame, film.last_frame + 1):
                yield DRAWN_SHARE * len(frames) / (film.last_frame - film.first_frame + 1)      # before drawing, as in contact_sheet.py
                scene = scene_named(film.scene)
                scene.frame_set(frame)
                frames.append(os.path.join(folder, f"frame{len(frames):06}.png"))
                picture.draw(scene, film.view_layer, film.look, frames[-1])
        finally:
            set_frame(film.scene, now, subframe)
        scene = scene_named(film.scene)
        sound, warning = _sound(scene, film, folder)
        render = scene.render
        size = (film.look.width_px, film.look.height_px)
        form = strip_scene.Format(size, BEHIND, render.fps, render.fps_base, render.pixel_aspect_x, render.pixel_aspect_y)
        _write(frames, sound, form, film)
    return Made(film.path, warning)


def even(size_px: float) -> int:
    """A size that the film's format takes: even, at least 2."""
    return max(2, 2 * round(size_px / 2))


def _sound(scene: bpy.types.Scene, film: Film, folder: str) -> tuple[str, str]:
    """Path of the film's sound, "" without any and then why.

    The scene's own mix where it has one, so that the film sounds as the timeline does; else the take's sound alone.
    """
    if not bpy.app.build_options.audaspace:
        return "", "This Blender is built without sound, so the film is silent."
    path = os.path.join(folder, "sound.wav")
    try:
        if _is_heard(scene):
            range_ = [(scene, "frame_start", film.first_frame), (scene, "frame_end", film.last_frame), (scene, "use_audio", True)]
            with borrowed(range_), bpy.context.temp_override(scene=scene):
                bpy.ops.sound.mixdown(filepath=path, container='WAV', codec='PCM', format='S16')
        elif film.clip is not None:
            _write_clip(film, scene.render.fps / scene.render.fps_base, path)
    except (EngineError, RuntimeError) as error:
        return "", f"The film is silent: {str(error).strip()}"
    return (path, "") if os.path.isfile(path) else ("", "The scene has no sound, so the film is silent.")


def _is_heard(scene: bpy.types.Scene) -> bool:
    """Whether a scene has sound of its own: strips that are not muted, or speakers."""
    strips = any(not strip.mute and strip.sound is not None for strip in sound_strips(scene))
    return strips or any(obj.type == 'SPEAKER' and obj.data.sound is not None and not obj.data.muted for obj in scene.objects)


def _write_clip(film: Film, fps: float, path: str) -> None:
    """The take's sound from the film's first frame to its last, as 16-bit mono."""
    samples = strip_audio.read(film.clip).samples
    before = round((film.clip.start_frame - film.first_frame) / fps * SAMPLE_RATE_HZ)
    count = round((film.last_frame + 1 - film.first_frame) / fps * SAMPLE_RATE_HZ)
    heard = np.zeros(count, np.float32)
    part = samples[max(0, -before):max(0, count - before)]
    heard[max(0, before):max(0, before) + len(part)] = part
    with wave.open(path, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE_HZ)
        file.writeframes((heard.clip(-1, 1) * INT16_MAX).astype("<i2").tobytes())


def _write(frames: list[str], sound: str, form: strip_scene.Format, film: Film) -> None:
    """Join frames and sound, whole or not at all."""
    part = f"{os.path.splitext(film.path)[0]}.{os.getpid()}.part.mp4"
    try:
        os.makedirs(os.path.dirname(film.path), exist_ok=True)
        strip_scene.write_film(frames, sound, form, part)
        if not is_whole_mp4(part):
            raise OutputError(f"Cannot write {film.path}: not all of it could be written. Choose another folder in Preview, or make room on the disk.")
        os.replace(part, film.path)
    except OSError as error:
        raise OutputError(f"Cannot write {film.path}: {error.strerror or error}. Choose another folder in Preview, or make room on the disk.") from error
    finally:
        if os.path.exists(part):
            os.remove(part)
