"""Frames of a take side by side in one picture, each with its time, phone and word.

Their labels are drawn by the Sequencer's text strips, in a scene that is made for it and removed: these need neither a
window nor a graphics card, and know the letters of all scripts.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace

import bpy
import numpy as np

from ...engine.values.phones import mouth_kind
from . import picture, strip_scene
from .complete_file import is_whole_png
from .moments import Moment

COLUMNS = 6
FINER = 2           # times as large are tiles drawn, to smooth their edges: cheaper than Blender's own smoothing
GAP, LABEL, TITLE = 0.04, 0.24, 0.22        # shares of a tile's width: between tiles, text under one, title
PAPER, INK, GREY = (0.955, 0.952, 0.937), (0.13, 0.145, 0.17), (0.47, 0.475, 0.49)      # as shown on a screen
CLOSED = (0.70, 0.25, 0.18)                 # of the phones whose lips meet
Pixels = np.ndarray                         # (height, width, 4) float32, bottom row first


@dataclass(frozen=True)
class Tile:
    """One picture: its moment, the word that is spoken, and seconds from the start of the take."""

    moment: Moment
    word: str
    second: float


@dataclass(frozen=True)
class Sheet:
    """What a sheet shows.

    Attributes:
        scene, view_layer: their names. tiles: in order. title: the line above. path: the PNG that is written.
        look: of each tile; a crop in it is not used.
    """

    scene: str
    view_layer: str
    tiles: tuple[Tile, ...]
    title: str
    path: str
    look: picture.PictureLook


def make(sheet: Sheet, crop: picture.Crop | None) -> Generator[float, None, str]:
    """Draw and write a sheet, step by step; gives the finished part, and at its end returns the path.

    Args:
        crop: gives the part of the camera's picture to draw on the current frame; None draws all of it.
    Raises:
        OutputError: a picture cannot be drawn or written; RigError: no camera, or the character is gone. The old file
            stays then.
    """
    with tempfile.TemporaryDirectory(prefix="lipsync_") as folder, strip_scene.settled(sheet.scene):
        frames = [tile.moment.frame for tile in sheet.tiles]
        size = FINER if sheet.look.solid else 1
        width, height = sheet.look.width_px, sheet.look.height_px
        look = replace(sheet.look, crop=crop, width_px=size * width, height_px=size * height)
        pictures = yield from picture.draw_frames(sheet.scene, sheet.view_layer, frames, look, folder)
        labels = strip_scene.draw_labels(_labels(sheet.tiles), (width, round(width * LABEL)), folder, "label")
        columns = columns_for(len(sheet.tiles))
        whole = columns * width + (columns + 1) * _gap(width)
        title_size = whole, round(width * TITLE)
        title, = strip_scene.draw_labels([_title(sheet.title, width / whole)], title_size, folder, "title")
        faces = [_over(_smaller(_read(path), size), (width, height), picture.BEHIND) for path in pictures]
        tiles = list(zip(faces, map(_read, labels), strict=True))
        write_png(arrange(tiles, _read(title)), sheet.path)
    return sheet.path


def columns_for(count: int) -> int:
    """Tiles in a row, so that rows are about equally full."""
    rows = -(-count // COLUMNS)
    return -(-count // max(1, rows))


def arrange(tiles: Sequence[tuple[Pixels, Pixels]], title: Pixels) -> Pixels:
    """The sheet: pictures with the labels under them, in rows, below the title.

    Args:
        tiles: picture and label of each, all of one size; title: as wide as the sheet.
    """
    height, width = tiles[0][0].shape[:2]
    gap, under = _gap(width), tiles[0][1].shape[0]
    columns = columns_for(len(tiles))
    rows = -(-len(tiles) // columns)
    sheet = np.empty((len(title) + rows * (height + under + gap), columns * (width + gap) + gap, 4), np.float32)
    sheet[:] = (*PAPER, 1.0)
    sheet[-len(title):, :title.shape[1]] = title[:, :sheet.shape[1]]
    for number, (face, label) in enumerate(tiles):
        left = gap + number % columns * (width + gap)
        top = len(sheet) - len(title) - number // columns * (height + under + gap)
        sheet[top - height:top, left:left + width] = face
        sheet[top - height - under:top - height, left:left + width] = label
    return sheet


def write_png(pixels: Pixels, path: str) -> None:
    """Write a picture, whole or not at all. Raises OutputError."""
    height, width = pixels.shape[:2]
    part = f"{path}.{os.getpid()}.part.png"
    image = bpy.data.images.new("Contact Sheet Draft", width, height, alpha=False)
    try:
        image.pixels.foreach_set(np.ascontiguousarray(pixels, np.float32).ravel())
        image.filepath_raw, image.file_format = part, 'PNG'
        os.makedirs(os.path.dirname(path), exist_ok=True)
        image.save()
        if not is_whole_png(part):
            raise OSError("not all of it could be written")
        os.replace(part, path)
    except (OSError, RuntimeError) as error:
        raise picture.cannot_write(path, error) from error
    finally:
        bpy.data.images.remove(image)
        if os.path.exists(part):
            os.remove(part)


def _gap(width: int) -> int:
    return round(width * GAP)


def _labels(tiles: Sequence[Tile]) -> list[list[strip_scene.Text]]:
    """The texts under each tile: phone at the left, word at the right, time and frame below."""
    made = []
    for tile in tiles:
        colour = CLOSED if mouth_kind(tile.moment.phone) == "closed" else INK
        time = f"{tile.second:.2f} s   frame {tile.moment.frame}"
        made.append([
            strip_scene.Text(tile.moment.phone.lower(), 0.02, 0.66, 0.46, colour, right=False),
            strip_scene.Text(tile.word, 0.98, 0.66, 0.36, INK, right=True),
            strip_scene.Text(time, 0.02, 0.20, 0.24, GREY, right=False),
        ])
    return made


def _title(title: str, tile_share: float) -> list[strip_scene.Text]:
    margin = GAP * tile_share
    return [
        strip_scene.Text(title, margin, 0.45, 0.36, INK, right=False),
        strip_scene.Text("red: lips meet", 1 - margin, 0.45, 0.26, CLOSED, right=True),
    ]


def _read(path: str) -> Pixels:
    """Pixels of a PNG as they are in the file."""
    image = bpy.data.images.load(path)
    try:
        pixels = np.empty(image.size[0] * image.size[1] * 4, np.float32)
        image.pixels.foreach_get(pixels)
        return pixels.reshape(image.size[1], image.size[0], 4)
    finally:
        bpy.data.images.remove(image)


def _smaller(pixels: Pixels, factor: int) -> Pixels:
    """The mean of each factor x factor pixels; what is transparent has no colour to give."""
    if factor == 1:
        return pixels
    height, width = (size // factor for size in pixels.shape[:2])
    blocks = pixels[:height * factor, :width * factor].reshape(height, factor, width, factor, 4)
    alpha = blocks[..., 3:].mean(axis=(1, 3))
    colours = (blocks[..., :3] * blocks[..., 3:]).mean(axis=(1, 3)) / np.maximum(alpha, 1e-6)
    return np.concatenate([colours, alpha], axis=-1)


def _over(pixels: Pixels, size: tuple[int, int], behind: tuple[float, float, float]) -> Pixels:
    """A picture over a colour, cut or filled to (width, height): a crop may come out a pixel larger or smaller."""
    width, height = size
    whole = np.empty((height, width, 4), np.float32)
    whole[:] = (*behind, 1.0)
    part = pixels[:height, :width]
    alpha = part[..., 3:]
    target = whole[:part.shape[0], :part.shape[1], :3]
    target[:] = part[..., :3] * alpha + target * (1 - alpha)
    return whole
