"""Draw what the bundled model does with recordings: every second frame of one second of speech, front and side.

    python -m tests.demo.lip_sheet DATA/speech docs/pictures                   on the project's test head
    python -m tests.demo.lip_sheet DATA/speech docs/pictures --head HEAD.glb   on a glTF head with ARKit shapes

The face is what Generate keys: Natural, with lips fitted to the head's mesh; `--plain` draws the bare motion.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from engine.audio.read import read_audio
from engine.pipeline import animate
from engine.values.channels import ARKIT_52
from engine.values.types import HeadMesh, Life, Rig, RigChannel, Settings

from .chart_heads import Head, gltf_head, test_head
from .raster import View, draw

# Clip, and the second at which the sheet begins.
CLIPS = (
    ("english_aligned/nv_Mark_neutral.flac", 0.96), ("english_aligned/sb_spk2_snt5.flac", 0.54),
    ("emu_ae_en_au/msajc012.wav", 0.4),
)
FPS, FRAMES = 24.0, 24
FRONT, SIDE = 0.0, 62.0                 # degrees
WIDTH_MM, TILE_PX, LABEL_PX, GAP_PX = 84.0, 132, 20, 3
QUALITY = 82
PAPER, INK, CLOSED = "#e6e4e0", "#22252b", "#b3402e"


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("speech", type=Path, help="the folder of the recordings")
    parser.add_argument("folder", type=Path, help="where the picture goes")
    parser.add_argument("--head", type=Path, help="a .glb with ARKit shapes instead of the test head")
    parser.add_argument("--model", default="mini")
    parser.add_argument("--plain", action="store_true", help="lips alone, not fitted to this mesh")
    options = parser.parse_args()
    head, name = (gltf_head(options.head), options.head.stem) if options.head else (test_head(), "test_head")
    path = options.folder / f"lips_{name}.jpg"
    sheet(head, options.speech, options.model, not options.plain).save(path, quality=QUALITY, optimize=True)
    print(f"{path} {path.stat().st_size / 1000:.0f} kB")


def sheet(head: Head, speech: Path, model: str, fitted: bool) -> Image.Image:
    """One clip a pair of rows: front above side, the phone below."""
    rig = rig_of(head)
    columns, row_px = FRAMES // 2, 2 * TILE_PX + LABEL_PX + GAP_PX
    picture = Image.new("RGB", (GAP_PX + columns * (TILE_PX + GAP_PX), GAP_PX + len(CLIPS) * row_px), PAPER)
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(size=14)
    settings = Settings(
        model=model, fps=FPS, device="cpu", threads=1, fit_lips=fitted,
        life=Life(blinks=0, performance="natural" if fitted else "lips"),
    )
    for row, (clip, start_s) in enumerate(CLIPS):
        made = animate(read_audio(speech / clip), settings, rig)
        assert made.curves is not None
        keys = [made.curves.curves.get(RigChannel("shape_key", name)) for name in ARKIT_52]
        for column in range(columns):
            frame = round(start_s * FPS) + 2 * column
            last = min(frame, len(made.motion.weights) - 1)
            weights = np.array([key.values[last] if key else 0.0 for key in keys])
            x, y = GAP_PX + column * (TILE_PX + GAP_PX), GAP_PX + row * row_px
            for part, yaw in enumerate((FRONT, SIDE)):
                pose = head.posed(weights, ARKIT_52)
                picture.paste(draw(pose, View(head.mouth, yaw, WIDTH_MM, TILE_PX)), (x, y + part * TILE_PX))
            phone = next((p.label for p in made.phones if p.start_s <= frame / FPS < p.end_s), "")
            colour = CLOSED if phone in ("P", "B", "M") else INK
            pen.text((x + 4, y + 2 * TILE_PX + LABEL_PX / 2), f"{phone}  {frame}", colour, font, anchor="lm")
    return picture


def rig_of(head: Head) -> Rig:
    """The head as a rig of shape keys, with its mesh."""
    moves = np.array(list(head.shapes.values()), np.float32)
    mesh = HeadMesh(head.rest.positions.astype(np.float64), head.rest.triangles, moves, tuple(head.shapes))
    return Rig(shape_keys=frozenset(mesh.names), mesh=mesh)


if __name__ == "__main__":
    main()
