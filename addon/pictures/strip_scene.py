"""A scene of strips, made for one job and removed: labels drawn as pictures, frames and sound joined to a film."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import bpy

from ...engine import OutputError
from .complete_file import is_whole_png
from .picture import cannot_write
from .render_slots import own_slot, shows_nothing

PAPER = (0.955, 0.952, 0.937)
FIRST_TEXT_CHANNEL = 2
KEY_EVERY = 6           # frames of the film: so that players step through it


@dataclass(frozen=True)
class Text:
    """A line of text: x and y of its end or start (shares of the picture), height (share of the picture's), colour."""

    text: str
    x: float
    y: float
    height: float
    colour: tuple[float, float, float]
    right: bool


def draw_labels(labels: Sequence[Sequence[Text]], size: tuple[int, int], folder: str, name: str) -> list[str]:
    """Draw texts on paper, one picture per label; the paths of the PNG files. Raises OutputError."""
    with temporary("Lip Sync Labels", size) as scene:
        strips = strips_of(scene)
        _effect(strips, "Paper", 'COLOR', 1, (1, len(labels))).color = PAPER
        for number, texts in enumerate(labels, start=1):
            for channel, text in enumerate(texts, start=FIRST_TEXT_CHANNEL):
                if text.text:
                    _set_text(_effect(strips, f"Text {number} {channel}", 'TEXT', channel, (number, 1)), text, size[1])
        scene.frame_start, scene.frame_end = 1, len(labels)
        set_format(scene, 'PNG', 'IMAGE')
        render(scene, os.path.join(folder, name))
    paths = [os.path.join(folder, f"{name}{number:04}.png") for number in range(1, len(labels) + 1)]
    if not all(map(is_whole_png, paths)):
        raise OutputError(f"Labels were not written whole to {folder}. Make room on the disk.")
    return paths


@dataclass(frozen=True)
class Format:
    """Of a film: size in pixels, colour behind the pictures, frame rate (fps / fps_base), proportions of a pixel."""

    size: tuple[int, int]
    behind: tuple[float, float, float]
    fps: int
    fps_base: float
    pixel_aspect_x: float
    pixel_aspect_y: float


def write_film(frames: Sequence[str], sound: str, form: Format, path: str) -> None:
    """Join pictures of one folder and a sound, "" for none, to an H.264 film with AAC sound. Raises OutputError."""
    known = set(bpy.data.sounds)
    try:
        _write_film(frames, sound, form, path)
    finally:
        for left in set(bpy.data.sounds) - known:       # the strip goes with its scene, its sound does not
            bpy.data.sounds.remove(left)


def _write_film(frames: Sequence[str], sound: str, form: Format, path: str) -> None:
    with temporary("Lip Sync Film", form.size) as scene:
        strips = strips_of(scene)
        _effect(strips, "Behind", 'COLOR', 1, (1, len(frames))).color = form.behind
        strip = strips.new_image("Frames", frames[0], 2, 1)
        for frame in frames[1:]:
            strip.elements.append(os.path.basename(frame))
        strip.blend_type = 'ALPHA_OVER'
        if sound:
            strips.new_sound("Sound", sound, 3, 1)
        for name in ("fps", "fps_base", "pixel_aspect_x", "pixel_aspect_y"):
            setattr(scene.render, name, getattr(form, name))
        scene.frame_start, scene.frame_end = 1, len(frames)
        set_format(scene, 'FFMPEG', 'VIDEO')
        _set_film(scene.render.ffmpeg, bool(sound))
        render(scene, path)


def _set_film(film: bpy.types.FFmpegSettings, with_sound: bool) -> None:
    film.format, film.codec, film.constant_rate_factor, film.ffmpeg_preset = 'MPEG4', 'H264', 'HIGH', 'REALTIME'
    film.gopsize, film.use_max_b_frames, film.use_autosplit, film.use_lossless_output = KEY_EVERY, False, False, False
    film.audio_codec, film.audio_mixrate, film.audio_bitrate = 'AAC' if with_sound else 'NONE', 48_000, 192


@contextmanager
def temporary(name: str, size: tuple[int, int]) -> Iterator[bpy.types.Scene]:
    """An empty scene of this size in pixels, which is gone afterwards."""
    scene = bpy.data.scenes.new(name)
    try:
        scene.sequence_editor_create()
        render_settings = scene.render
        render_settings.resolution_x, render_settings.resolution_y, render_settings.resolution_percentage = *size, 100
        render_settings.use_sequencer = render_settings.use_file_extension = render_settings.use_overwrite = True
        render_settings.use_compositing = render_settings.use_stamp = render_settings.use_placeholder = False
        _show_as_is(scene.view_settings)
        yield scene
    finally:
        bpy.data.scenes.remove(scene)


@contextmanager
def settled(scene_name: str) -> Iterator[None]:
    """Around all pictures of one job: the artist's slot of Render Result shows afterwards what it showed before.

    Where it would show nothing, it becomes the slot that was drawn into last.
    """
    try:
        yield
    finally:
        scene = bpy.data.scenes.get(scene_name)
        if scene is not None and shows_nothing(scene):
            with temporary("Lip Sync Slot", (4, 4)) as empty:
                _effect(strips_of(empty), "Paper", 'COLOR', 1, (1, 1)).color = PAPER
                bpy.ops.render.render(scene=empty.name)


def strips_of(scene: bpy.types.Scene) -> bpy.types.bpy_prop_collection:
    """The strips of a scene; named anew in 4.4."""
    editor = scene.sequence_editor
    return editor.strips if hasattr(editor, "strips") else editor.sequences


def set_format(scene: bpy.types.Scene, file_format: str, media_type: str) -> None:
    """What is written; media_type is asked for from 5.0 on."""
    image = scene.render.image_settings
    if hasattr(image, "media_type"):
        image.media_type = media_type
    image.file_format = file_format


def render(scene: bpy.types.Scene, path: str) -> None:
    """Write all frames. Raises OutputError."""
    scene.render.filepath = path
    try:
        with own_slot():
            bpy.ops.render.render(animation=True, scene=scene.name)
    except RuntimeError as error:
        raise cannot_write(path, error) from error


def _effect(
    strips: bpy.types.bpy_prop_collection, name: str, kind: str, channel: int, frames: tuple[int, int],
) -> bpy.types.Strip:
    """A strip on (first, number of) frames; 5.0 asks for the number, earlier ones for the frame after the last."""
    first, count = frames
    if "length" in strips.bl_rna.functions["new_effect"].parameters:
        return strips.new_effect(name, kind, channel, first, length=count)
    return strips.new_effect(name, kind, channel, first, frame_end=first + count)


def _set_text(strip: bpy.types.Strip, text: Text, height_px: int) -> None:
    strip.text, strip.font_size = text.text, text.height * height_px
    strip.color, strip.location = (*text.colour, 1.0), (text.x, text.y)
    strip.use_shadow, strip.wrap_width = False, 0.0
    side = 'RIGHT' if text.right else 'LEFT'
    sides = {"align_x": side, "anchor_x": side, "alignment_x": side, "align_y": 'CENTER', "anchor_y": 'CENTER'}
    for name, value in sides.items():
        if hasattr(strip, name):
            setattr(strip, name, value)


def _show_as_is(view: bpy.types.ColorManagedViewSettings) -> None:
    """Colours go through unchanged; they are a screen's already."""
    view.look, view.exposure, view.gamma = 'None', 0.0, 1.0
    for name in ('Standard', 'Raw'):
        try:
            view.view_transform = name
        except TypeError:           # a studio's own colour configuration
            continue
        return
