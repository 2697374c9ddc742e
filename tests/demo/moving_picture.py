"""The moving picture of README.md: the test head says a part of the sample.

`python -m tests.demo.moving_picture EXTENSION.zip docs/pictures/hello.gif`, in an environment that has bpy and pillow.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import traceback
from itertools import pairwise
from pathlib import Path

import bpy
from PIL import Image

from tests.demo import make_demo

FIRST, LAST, STEP = 1, 96, 2    # frames of the demo, at 30 a second
SIZE_PX = 300
TICK_MS = 10                    # in which a GIF counts
COLOURS = 192                   # of them the eyes need some
LIMIT_BYTES = 2_000_000         # so that a page with it opens at once


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("archive", type=Path)
    parser.add_argument("target", type=Path)
    options = parser.parse_args()
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    make_demo.install(options.archive)
    face = make_demo.set_scene()
    make_demo.add_sound()
    make_demo.animate(face, "mini")
    make_demo.choose_renderer(bpy.context.scene)
    with tempfile.TemporaryDirectory() as folder:
        pictures = [draw(Path(folder), frame) for frame in range(FIRST, LAST + 1, STEP)]
    write(pictures, options.target)
    print(f"{options.target}  {options.target.stat().st_size / 1e3:.0f} kB, {len(pictures)} pictures")


def draw(folder: Path, frame: int) -> Image.Image:
    """One frame, as on the demo's contact sheet."""
    scene = bpy.context.scene
    scene.render.resolution_x = scene.render.resolution_y = SIZE_PX
    path = folder / f"{frame}.png"
    make_demo.render(scene, frame, path)
    with Image.open(path) as picture:
        return picture.convert("RGB")


def write(pictures: list[Image.Image], target: Path) -> None:
    """A GIF that plays over and over, in the colours of its widest mouth; whole or not at all."""
    palette = pictures[len(pictures) // 2].quantize(COLOURS, method=Image.Quantize.MEDIANCUT)
    frames = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures]
    part = target.with_name(f"{target.stem}.part.gif")
    ends = [TICK_MS * round(1000 * STEP * number / make_demo.FPS / TICK_MS) for number in range(len(frames) + 1)]
    lengths_ms = [end - start for start, end in pairwise(ends)]
    frames[0].save(part, save_all=True, append_images=frames[1:], duration=lengths_ms, loop=0, optimize=True)
    if part.stat().st_size > LIMIT_BYTES:
        raise SystemExit(f"{part} has {part.stat().st_size} bytes, at most {LIMIT_BYTES} are wanted. Lower SIZE_PX.")
    part.replace(target)


if __name__ == "__main__":
    status = 1
    try:
        main()
        status = 0
    except Exception:  # noqa: BLE001  whatever it is, it is said
        traceback.print_exc()
    os._exit(status)        # Blender as a module may crash or hang at its end
