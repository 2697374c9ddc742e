"""Draw one acted line in several moods and a natural performance, every second frame over one second of each.

    python -m tests.demo.mood_sheet DATA/speech docs/pictures                   on the project's test head
    python -m tests.demo.mood_sheet DATA/speech docs/pictures --head HEAD.glb   on a glTF head with ARKit shapes
The lips are fitted to the head's own mesh, as in Blender by default.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from engine.audio.read import read_audio
from engine.pipeline import animate
from engine.values.channels import ARKIT_52
from engine.values.settings import Mood
from engine.values.types import Animation, HeadMesh, Life, Rig, Settings

from .chart_heads import Head, gltf_head, test_head
from .raster import View, draw

LINES = {"neutral": "nv_Mark_neutral", "happy": "nv_Mark_joy", "angry": "nv_Mark_anger", "sad": "nv_Mark_neutral"}
FPS, COLUMNS = 24.0, 6
START_S = 1.6                           # of the line
FRAMES, EVERY, BEFORE_BLINK = 12, 2, 10     # of a row; the second of Natural begins so many frames before a blink
WIDTH_MM, ABOVE_MM, TILE_PX, LABEL_PX, GAP_PX = 165.0, 30.0, 160, 18, 3
QUALITY = 82
PAPER, INK, CLOSED = "#e6e4e0", "#22252b", "#b3402e"
SHUT = 0.9                              # weight at which an eye is seen shut
NATURAL = Life(performance="natural", seed=3)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("speech", type=Path, help="the folder of the recordings")
    parser.add_argument("folder", type=Path, help="where the picture goes")
    parser.add_argument("--head", type=Path, help="a .glb with ARKit shapes instead of the test head")
    options = parser.parse_args()
    head, name = (gltf_head(options.head), options.head.stem) if options.head else (test_head(), "test_head")
    folder = options.speech / "english_aligned"
    rig = _rig(head)
    rows = [(mood, animate(read_audio(folder / f"{clip}.flac"), _settings(mood), rig)) for mood, clip in LINES.items()]
    lives = animate(read_audio(folder / f"{LINES['neutral']}.flac"), _settings(""), rig)
    blinks = np.flatnonzero(lives.motion["eyeBlinkLeft"] > SHUT)
    first = int(blinks[blinks > FPS][0]) - BEFORE_BLINK
    start = round(START_S * FPS)
    rows = [(mood, made, list(range(start, start + FRAMES * EVERY, EVERY))) for mood, made in rows]
    rows.append(("Natural", lives, list(range(first, first + FRAMES * EVERY, EVERY))))
    path = options.folder / f"moods_{name}.jpg"
    _sheet(head, rows).save(path, quality=QUALITY, optimize=True)
    print(f"{path} {path.stat().st_size / 1000:.0f} kB")


def _rig(head: Head) -> Rig:
    moves = np.stack(list(head.shapes.values())).astype(np.float32)
    mesh = HeadMesh(head.rest.positions, head.rest.triangles, moves, tuple(head.shapes))
    return Rig(shape_keys=frozenset(head.shapes), preset="arkit52", mesh=mesh)


def _settings(mood: str) -> Settings:
    kinds = "" if mood == "neutral" else mood
    return Settings(fps=FPS, device="cpu", threads=1, life=NATURAL, mood=Mood(kinds), fit_lips=True)


def _sheet(head: Head, rows: list[tuple[str, Animation, list[int]]]) -> Image.Image:
    """Two rows for each; the phoneme and the frame below."""
    tiles = [(title, made, frame) for title, made, frames in rows for frame in frames]
    n_rows = -(-len(tiles) // COLUMNS)
    size = GAP_PX + COLUMNS * (TILE_PX + GAP_PX), GAP_PX + n_rows * (TILE_PX + LABEL_PX + GAP_PX)
    picture = Image.new("RGB", size, PAPER)
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(size=13)
    middle = np.array(head.mouth, np.float64) + np.array([0.0, 0.0, ABOVE_MM])
    for number, (title, made, frame) in enumerate(tiles):
        row, column = divmod(number, COLUMNS)
        x, y = GAP_PX + column * (TILE_PX + GAP_PX), GAP_PX + row * (TILE_PX + LABEL_PX + GAP_PX)
        pose = head.posed(_weights(made, frame), ARKIT_52)
        picture.paste(draw(pose, View(middle, 0.0, WIDTH_MM, TILE_PX)), (x, y))
        phone = next((p.label for p in made.phones if p.start_s <= frame / FPS < p.end_s), "")
        colour = CLOSED if phone in ("P", "B", "M") else INK
        name = "" if column else title
        pen.text((x + 4, y + TILE_PX + LABEL_PX / 2), f"{name}  {phone}  {frame}".strip(), colour, font, anchor="lm")
    return picture


def _weights(made: Animation, frame: int) -> np.ndarray:
    """The keys of a frame, in the order of ARKit's channels."""
    curves = {channel.name: curve.values for channel, curve in made.curves.curves.items()}
    return np.array([curves[name][min(frame, len(curves[name]) - 1)] if name in curves else 0 for name in ARKIT_52])


if __name__ == "__main__":
    main()
