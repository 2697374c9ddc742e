"""Draw the viseme model's mouths without Blender: every phone from the front and the side, and one word in every
speaking style.

    python -m tests.demo.phone_chart docs/pictures                   on the project's test head
    python -m tests.demo.phone_chart docs/pictures --head HEAD.glb   on a glTF head with ARKit shapes
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from engine.learn.synth.phones import BILABIALS, PHONES, VOWELS, Phone
from engine.learn.visemes.curves import NEUTRAL, STYLES, SpeakingStyle, to_arkit, viseme_curves
from engine.values.channels import ARKIT_52

from .chart_heads import Head, gltf_head, test_head
from .raster import View, draw

FPS = 100.0
PHONE_S, VOWEL_S = 0.14, 0.22           # a consonant between two AH, a vowel between two T
FRONT, SIDE = 0.0, 62.0                 # degrees
WIDTH_MM, TILE_PX, LABEL_PX, GAP_PX = 92.0, 150, 22, 4
COLUMNS = 10
STYLE_WORD = (
    ("M", 0.10), ("AA", 0.20), ("S", 0.12), ("UW", 0.20), ("F", 0.10), ("IY", 0.20), ("OW", 0.18), ("SIL", 0.20)
)
JPEG_QUALITY = 82                       # a chart stays below 300 kB
PAPER, INK, CLOSED = "#e6e4e0", "#22252b", "#b3402e"


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the pictures go")
    parser.add_argument("--head", type=Path, help="a .glb with ARKit shapes instead of the test head")
    options = parser.parse_args()
    head, name = (gltf_head(options.head), options.head.stem) if options.head else (test_head(), "test_head")
    options.folder.mkdir(parents=True, exist_ok=True)
    for chart, picture in (("phones", phone_chart(head)), ("styles", style_chart(head))):
        path = options.folder / f"{chart}_{name}.jpg"
        picture.save(path, quality=JPEG_QUALITY, optimize=True)
        print(f"{path} {path.stat().st_size / 1000:.0f} kB")


def phone_chart(head: Head) -> Image.Image:
    """Every phone of PHONES at its middle, front above side."""
    poses = [mouth_of(phone) for phone in PHONES]
    rows = -(-len(poses) // COLUMNS)
    sheet, pen = _sheet(COLUMNS, rows, 2)
    for i, (phone, weights) in enumerate(zip(PHONES, poses, strict=True)):
        x, y = _corner(i % COLUMNS, i // COLUMNS, 2)
        for part, yaw in enumerate((FRONT, SIDE)):
            sheet.paste(_mouth(head, weights, yaw), (x, y + part * TILE_PX))
        pen.text(
            (x + 4, y + 2 * TILE_PX + LABEL_PX / 2), phone, CLOSED if phone in BILABIALS else INK, _font(), anchor="lm"
        )
    return sheet


def style_chart(head: Head) -> Image.Image:
    """The same word in the neutral style and in every style, one row each."""
    styles: dict[str, SpeakingStyle] = {"neutral": NEUTRAL, **STYLES}
    ends = np.cumsum([length_s for _, length_s in STYLE_WORD])
    word = [Phone(label, end - length_s, end) for (label, length_s), end in zip(STYLE_WORD, ends, strict=True)]
    middles = [round((phone.start_s + phone.end_s) / 2 * FPS) for phone in word[:-1]]
    sheet, pen = _sheet(len(middles), len(styles), 1)
    for row, (name, style) in enumerate(styles.items()):
        weights = to_arkit(viseme_curves(word, FPS, round(ends[-1] * FPS), style))
        for column, middle in enumerate(middles):
            x, y = _corner(column, row, 1)
            sheet.paste(_mouth(head, weights[middle], FRONT), (x, y))
            label = f"{name}  {word[column].label}" if column == 0 else word[column].label
            pen.text((x + 4, y + TILE_PX + LABEL_PX / 2), label, INK, _font(), anchor="lm")
    return sheet


def mouth_of(phone: str) -> np.ndarray:
    """(52,) weights at the middle of a phone in its usual surroundings: a vowel between two T, a consonant between two
    AH."""
    if phone == "SIL":
        return np.zeros(len(ARKIT_52), np.float32)
    around, length_s = ("T", VOWEL_S) if phone in VOWELS else ("AH", PHONE_S)
    spoken = [
        Phone(around, 0.0, 0.10), Phone(phone, 0.10, 0.10 + length_s), Phone(around, 0.10 + length_s, 0.20 + length_s)
    ]
    weights = to_arkit(viseme_curves(spoken, FPS, round((0.20 + length_s) * FPS)))
    return weights[round((0.10 + length_s / 2) * FPS)]


def _mouth(head: Head, weights: Sequence[float] | np.ndarray, yaw: float) -> Image.Image:
    return draw(head.posed(np.asarray(weights, np.float64), ARKIT_52), View(head.mouth, yaw, WIDTH_MM, TILE_PX))


def _sheet(columns: int, rows: int, views: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    width, height = _corner(columns, rows, views)
    sheet = Image.new("RGB", (width, height), PAPER)
    return sheet, ImageDraw.Draw(sheet)


def _corner(column: int, row: int, views: int) -> tuple[int, int]:
    return GAP_PX + column * (TILE_PX + GAP_PX), GAP_PX + row * (views * TILE_PX + LABEL_PX + GAP_PX)


def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size=16)


if __name__ == "__main__":
    main()
