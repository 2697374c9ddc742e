"""Draw Redo Mouth Only: a captured performance, and the same performance with the mouth of another line.

    python -m tests.demo.retake_sheet PERFORMANCE.csv VOICE HEAD.glb docs/pictures/redo_mouth.jpg
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from engine.audio.read import read_audio
from engine.files.motion import read_motion, write_motion
from engine.pipeline import animate
from engine.values.channels import ARKIT_52
from engine.values.types import Motion, Settings

from .chart_heads import Head, gltf_head
from .raster import View, draw

START_S = 119.0                         # of the performance: brows, lids and cheeks move there
FRAMES, FIRST_S, STEP_S = 8, 0.9, 0.16  # of the voice
FACE_MM, TILE_PX, LABEL_PX, GAP_PX = 190.0, 132, 20, 3
QUALITY = 84
PAPER, INK, CLOSED = "#e6e4e0", "#22252b", "#b3402e"


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("performance", "voice", "head", "picture"):
        parser.add_argument(name, type=Path)
    options = parser.parse_args()
    sheet(options.performance, options.voice, gltf_head(options.head)).save(options.picture, quality=QUALITY)
    print(f"{options.picture} {options.picture.stat().st_size / 1000:.0f} kB")


def sheet(performance: Path, voice: Path, head: Head) -> Image.Image:
    """The performance above, the retake below, with the phone of the new line."""
    wave = read_audio(voice)
    captured = read_motion(performance)
    first = round(START_S * captured.fps)
    part = replace(captured, weights=captured.weights[first:first + round(wave.duration_s * captured.fps)])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "part.npz"
        write_motion(part, path, {})
        made = animate(wave, Settings(fps=captured.fps, device="cpu", threads=1, over=str(path)))
    kept = [name for name in part.channels if name in made.motion.channels and not name.startswith(("jaw", "mouth"))]
    assert all((made.motion[name][:len(part.weights)] == part[name]).all() for name in kept if name != "tongueOut")
    picture = Image.new("RGB", (GAP_PX + FRAMES * (TILE_PX + GAP_PX), 2 * (TILE_PX + GAP_PX) + LABEL_PX), PAPER)
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(size=14)
    for column in range(FRAMES):
        second = FIRST_S + column * STEP_S
        x = GAP_PX + column * (TILE_PX + GAP_PX)
        for row, motion in enumerate((part, made.motion)):
            picture.paste(_face(head, motion, round(second * captured.fps)), (x, GAP_PX + row * (TILE_PX + GAP_PX)))
        phone = next((phone.label for phone in made.phones if phone.start_s <= second < phone.end_s), "")
        colour = CLOSED if phone in ("P", "B", "M") else INK
        pen.text((x + 4, 2 * (TILE_PX + GAP_PX) + LABEL_PX / 2), phone, colour, font, anchor="lm")
    return picture


def _face(head: Head, motion: Motion, frame: int) -> Image.Image:
    columns = [motion.channels.index(name) if name in motion.channels else -1 for name in ARKIT_52]
    row = np.append(motion.weights[min(frame, len(motion.weights) - 1)], 0).astype(np.float64)
    middle = np.asarray(head.mouth) + np.array([0.0, 0.0, FACE_MM / 5])
    return draw(head.posed(row[columns], ARKIT_52), View(middle, 0.0, FACE_MM, TILE_PX))


if __name__ == "__main__":
    main()
