"""What a contact sheet or a playblast of the chosen take is made of: gathered from the scene into plain values."""

from __future__ import annotations

import math
import os
import re
import threading
from collections.abc import Generator
from dataclasses import dataclass
from typing import TypeVar

import bpy

from ...engine import EngineError, OutputError, RigError, spoken_words
from ...engine.values.messages import without_marks
from ...engine.values.phones import Phone
from ..character.character import members
from ..host.scene import scene_fps
from ..take import current, takes
from . import contact_sheet, face_camera, face_region, moments, picture, playblast

BY_PHONES = 'PHONES'
TAKE = 'TAKE'
WAIT_S = 0.05               # between two looks at the thread that listens

Result = TypeVar("Result")


@dataclass(frozen=True)
class Wanted:
    """What the user chose; the group of the panel Preview explains each and holds the defaults.

    Attributes:
        character: name of an object, "" takes the panel's.
        take: name of a take, "" the one that is chosen by strip and frame.
        path: of the file that is written; "" makes a name beside the .blend file, or in folder.
        span: 'TAKE' or 'SCENE', which frames are filmed.
    """

    character: str
    take: str
    path: str
    folder: str
    count: int
    pick: str
    close_up: bool
    tile_px: int
    percentage: int
    solid: bool
    span: str
    mouth: bool = False

    @classmethod
    def of(cls, context: bpy.types.Context, character: str, take: str, path: str) -> Wanted:
        """What the panel says, for a character, a take and a file."""
        chosen = context.scene.unitalker_preview
        return cls(
            character, take, path, chosen.folder, chosen.count, chosen.pick, chosen.close_up, chosen.tile_px,
            chosen.percentage, chosen.look == 'SOLID', chosen.span, chosen.mouth,
        )


def sheet(context: bpy.types.Context, wanted: Wanted) -> Generator[float, None, str]:
    """Gather and draw a contact sheet, step by step as contact_sheet.make. Raises EngineError kinds."""
    scene = context.scene
    take = _take(context, wanted)
    _check_camera(scene)
    picture.check_graphics(scene, wanted.solid)
    path = _path(wanted, take, "contact sheet", ".png")
    look, crop = _tile_look(context, take, wanted)
    phones = yield from _phones(context, take)
    fps = scene_fps(scene)
    spoken = phones, take.first_frame, fps, take.last_frame, wanted.count
    found = moments.at_phones(*spoken) if wanted.pick == BY_PHONES else ()
    transcript = _transcript(take)
    words = _words(phones, transcript, str(take.choices.get("language", "")))
    tiles = []
    for moment in found or moments.evenly(*spoken):         # evenly, where nobody speaks
        word = words[moment.index] if moment.index >= 0 else ""
        tiles.append(contact_sheet.Tile(moment, word, (moment.frame - take.first_frame) / fps))
    title = without_marks(transcript).strip() or f"{take.character}: {take.line}"
    plan = contact_sheet.Sheet(scene.name, context.view_layer.name, tuple(tiles), " ".join(title.split()), path, look)
    return (yield from contact_sheet.make(plan, crop))


def film(context: bpy.types.Context, wanted: Wanted) -> playblast.Film:
    """A playblast. Raises EngineError kinds."""
    scene = context.scene
    take = _take(context, wanted)
    _check_camera(scene)
    picture.check_graphics(scene, wanted.solid)
    first, last = scene.frame_start, scene.frame_end
    if wanted.span == TAKE:
        first, last = math.floor(take.first_frame), math.ceil(take.last_frame)
    share = wanted.percentage / 100
    width, height = (playblast.even(size * share) for size in (scene.render.resolution_x, scene.render.resolution_y))
    look = picture.PictureLook(width, height, solid=wanted.solid, fast=True)
    path = _path(wanted, take, "playblast", ".mp4")
    request = current.request_of(context, take)
    clip = request.clip if request is not None else take.clip
    return playblast.Film(scene.name, context.view_layer.name, first, last, clip, path, look)


def draw_files(
    context: bpy.types.Context, character: str, sheet_path: str, film_path: str, take: str = "",
) -> list[str]:
    """Write a contact sheet and a film of a take, "" for none, without a window.

    A scene without a camera gets one on the face meanwhile. Returns lines to print: paths and warnings.

    Args:
        take: its name; "" is the character's newest.
    Raises:
        EngineError: a kind of it for everything that the user can fix.
    """
    lines: list[str] = []
    if not sheet_path and not film_path:
        return lines
    camera = None
    if context.scene.camera is None:
        camera = face_camera.add(context, character, context.scene.unitalker.with_related)
    try:
        if sheet_path:
            lines.append(_to_end(sheet(context, Wanted.of(context, character, take, sheet_path))))
        if film_path:
            made = _to_end(playblast.make(film(context, Wanted.of(context, character, take, film_path))))
            lines += [made.path, *filter(None, [made.warning])]
    finally:
        if camera is not None:
            bpy.data.cameras.remove(camera.data)        # the object goes with it
    return lines


def _to_end(work: Generator[float, None, Result]) -> Result:
    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value


def _take(context: bpy.types.Context, wanted: Wanted) -> takes.Take:
    if not wanted.take:
        return current.chosen(context, wanted.character)
    return takes.find(context, wanted.character or context.scene.unitalker.character_name, wanted.take)


def _phones(context: bpy.types.Context, take: takes.Take) -> Generator[float, None, tuple[Phone, ...]]:
    """The phones of a take; where the model has to find them, it does so on a thread."""
    known = current.known_phones(context, take)
    request = current.request_of(context, take) if known is None else None
    if request is None:
        return known or ()
    found: list[tuple[Phone, ...]] = []
    ended = threading.Event()


    def listen() -> None:
        found.append(current.model_phones(request, ended.is_set))

    thread = threading.Thread(target=listen, name="lip-sync-phones", daemon=True)
    thread.start()
    try:
        while thread.is_alive():
            thread.join(WAIT_S)
            yield 0.0
    finally:
        ended.set()
    return found[0] if found else ()


def _check_camera(scene: bpy.types.Scene) -> None:
    if scene.camera is None:
        raise RigError(f"Scene {scene.name!r} has no camera. Press Camera on Face, or add one.")


def _tile_look(
    context: bpy.types.Context, take: takes.Take, wanted: Wanted,
) -> tuple[picture.PictureLook, picture.Crop | None]:
    """A square about the face, or the camera's whole picture in its proportions."""
    if wanted.close_up:
        parts = members(context, take.character, context.scene.unitalker.with_related)
        face = face_region.find_face(parts, wanted.mouth)
        return picture.PictureLook(wanted.tile_px, wanted.tile_px, wanted.solid), face_region.close_up(context, face)
    render = context.scene.render
    proportion = render.resolution_y * render.pixel_aspect_y / (render.resolution_x * render.pixel_aspect_x)
    height = wanted.tile_px * proportion
    return picture.PictureLook(wanted.tile_px, max(1, round(height)), wanted.solid), None


def _transcript(take: takes.Take) -> str:
    """The words that a take was made with, "" without any."""
    text = bpy.data.texts.get(str(take.choices.get("transcript_text", "")))
    return text.as_string() if text is not None else str(take.choices.get("transcript", ""))


def _words(phones: tuple[Phone, ...], transcript: str, language: str) -> tuple[str, ...]:
    """The written word of each phone; "" without a transcript, or where the phones do not follow it."""
    try:
        words = spoken_words(transcript, language, phones) if transcript else ()
    except EngineError:
        words = ()
    found = ([word.text for word in words if word.start_s <= phone.start_s < word.end_s] for phone in phones)
    return tuple(next(iter(texts), "") for texts in found)


def _path(wanted: Wanted, take: takes.Take, what: str, ending: str) -> str:
    """The file to write. Raises OutputError when no folder is known, or it is not there or may not be written to."""
    if wanted.path:
        path = os.path.abspath(bpy.path.abspath(wanted.path))
        path = path if path.lower().endswith(ending) else path + ending
    else:
        folder = os.path.dirname(bpy.data.filepath)
        if wanted.folder:
            folder = os.path.abspath(bpy.path.abspath(wanted.folder))
        if not folder:
            raise OutputError(
                f"The {what} is written beside the .blend file, and this one is not saved yet. "
                "Save it, or choose a folder in Preview."
            )
        stem, line = (os.path.splitext(os.path.basename(path))[0] for path in (bpy.data.filepath, take.line))
        name = " ".join(filter(None, (stem, take.character, line, what)))
        path = os.path.join(folder, re.sub(r'[<>:"/\\|?*\x00-\x1f]+', "_", name).strip(" .") + ending)
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):
        raise OutputError(f"Folder not found: {folder}. Make it first, or choose another one in Preview.")
    if not os.access(folder, os.W_OK):
        raise OutputError(f"Folder {folder} may not be written to. Choose another one in Preview.")
    return path
