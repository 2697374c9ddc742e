"""The frames of a take through the scene's camera as a film with sound."""

from __future__ import annotations

import os
import tempfile
import wave
from collections.abc import Generator
from dataclasses import dataclass

import bpy
import numpy as np

from ...engine import EngineError
from ...engine.values.types import SAMPLE_RATE_HZ
from ..host.borrowed import borrowed
from ..sound.clip import SoundClip, read
from ..sound.strips import sound_strips
from . import picture, strip_scene
from .complete_file import is_whole_mp4

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
    clip: SoundClip | None
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
        numbers = range(film.first_frame, film.last_frame + 1)
        frames = yield from picture.draw_frames(film.scene, film.view_layer, numbers, film.look, folder)
        scene = picture.scene_named(film.scene)
        sound, warning = _sound(scene, film, folder)
        render, size = scene.render, (film.look.width_px, film.look.height_px)
        rate, aspect = (render.fps, render.fps_base), (render.pixel_aspect_x, render.pixel_aspect_y)
        _write(frames, sound, strip_scene.Format(size, picture.BEHIND, *rate, *aspect), film)
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
        if _has_sound(scene):
            frames = [(scene, "frame_start", film.first_frame), (scene, "frame_end", film.last_frame)]
            with borrowed([*frames, (scene, "use_audio", True)]), bpy.context.temp_override(scene=scene):
                bpy.ops.sound.mixdown(filepath=path, container='WAV', codec='PCM', format='S16')
        elif film.clip is not None:
            _write_clip(film, scene.render.fps / scene.render.fps_base, path)
    except (EngineError, RuntimeError) as error:
        return "", f"The film is silent: {str(error).strip()}"
    return (path, "") if os.path.isfile(path) else ("", "The scene has no sound, so the film is silent.")


def _has_sound(scene: bpy.types.Scene) -> bool:
    """Whether a scene has sound of its own: strips that are not muted, or speakers."""
    if any(not strip.mute and strip.sound is not None for strip in sound_strips(scene)):
        return True
    speakers = [obj.data for obj in scene.objects if obj.type == 'SPEAKER']
    return any(speaker.sound is not None and not speaker.muted for speaker in speakers)


def _write_clip(film: Film, fps: float, path: str) -> None:
    """The take's sound from the film's first frame to its last, as 16-bit mono."""
    samples = read(film.clip).samples
    before = round((film.clip.start_frame - film.first_frame) / fps * SAMPLE_RATE_HZ)
    count = round((film.last_frame + 1 - film.first_frame) / fps * SAMPLE_RATE_HZ)
    filmed = np.zeros(count, np.float32)
    part = samples[max(0, -before):max(0, count - before)]
    filmed[max(0, before):max(0, before) + len(part)] = part
    with wave.open(path, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE_HZ)
        file.writeframes((filmed.clip(-1, 1) * INT16_MAX).astype("<i2").tobytes())


def _write(frames: list[str], sound: str, form: strip_scene.Format, film: Film) -> None:
    """Join frames and sound, whole or not at all."""
    part = f"{os.path.splitext(film.path)[0]}.{os.getpid()}.part.mp4"
    try:
        os.makedirs(os.path.dirname(film.path), exist_ok=True)
        strip_scene.write_film(frames, sound, form, part)
        if not is_whole_mp4(part):
            raise picture.cannot_write(film.path, "not all of it could be written")
        os.replace(part, film.path)
    except OSError as error:
        raise picture.cannot_write(film.path, error.strerror or error) from error
    finally:
        if os.path.exists(part):
            os.remove(part)
