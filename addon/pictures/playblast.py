"""The frames of a take through the scene's camera as a film with sound."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Generator
from dataclasses import dataclass

import bpy

from ..host.scene import scene_fps
from ..sound.clip import SoundClip
from ..sound.mix import Part, parts_of, write_mix
from . import picture, strip_scene
from .complete_file import is_whole_mp4


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
    look: picture.PictureLook


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
        frames = range(film.first_frame, film.last_frame + 1)
        parts, problems = parts_of(bpy.context, scene, frames)
        if not parts and film.clip is not None:
            parts = [Part(film.clip, ((1.0, 1.0),) * len(frames))]
        if parts:
            problems += write_mix(parts, frames, scene_fps(scene), path)
    except OSError as error:
        return "", f"The film is silent: {str(error).strip()}"
    if not parts and not problems:
        return "", "The scene has no sound, so the film is silent."
    return path if parts else "", " ".join(f"Not in the film: {problem}" for problem in problems)


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
