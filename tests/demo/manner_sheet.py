"""Draw one line spoken in the manner of four takes: what the takes do, what the line does, and the face on its way.

    python -m tests.demo.manner_sheet DATA/speech docs/pictures/manners.jpg
    python -m tests.demo.manner_sheet DATA/speech OUT.jpg --takes A.npz B.npz C.npz D.npz      as they were saved
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from engine.audio.read import read_audio
from engine.files.motion import read_motion
from engine.learn.manners.manners import FPS, Manner, perform
from engine.learn.synth.phones import Phone
from engine.learn.visemes.styles import SpeakingStyle
from engine.model.style_from import reference_of
from engine.motion.lip_contact import closed_frames
from engine.pipeline import animate
from engine.values.channels import ARKIT_52
from engine.values.types import Life, Motion, Settings

from .chart_heads import Head, test_head
from .raster import View, draw

LINE, START_S = "english_aligned/nv_Mark_neutral.flac", 2.72
TAKEN_FROM = "sb_spk2_snt5"             # other words of another voice
MANNERS = {
    "a calm mouth, corners down": Manner(
        SpeakingStyle(jaw=0.55, parting=0.6, spread=0.5), rest={"mouthFrownLeft": 0.35, "mouthFrownRight": 0.35},
    ),
    "wide and smiling": Manner(
        SpeakingStyle(jaw=1.4, parting=1.4, spread=1.6), rest={"mouthSmileLeft": 0.35, "mouthSmileRight": 0.35},
    ),
    "the left side leads, brows up": Manner(
        rest={"browInnerUp": 0.5, "browOuterUpLeft": 0.4, "browOuterUpRight": 0.4, "mouthLeft": 0.1}, side=0.4,
    ),
    "pouting, brows down": Manner(
        SpeakingStyle(rounding=1.5, spread=0.4), rest={"mouthPucker": 0.28, "browDownLeft": 0.5, "browDownRight": 0.5},
    ),
}
CURVES = {"jawOpen": "#22252b", "mouthSmileLeft": "#b3402e", "mouthSmileRight": "#d99a8e", "mouthFrownLeft": "#7a4fa3",
          "browInnerUp": "#2e6fb3", "browDownLeft": "#3b8f5a", "mouthPucker": "#c08a1e"}
FRAMES, STEP_S = 8, 1 / 8
TILE_PX, PLOT_PX, GAP_PX, TITLE_PX = 132, 250, 4, 20
FACE_MM = 190.0
QUALITY = 84
PAPER, INK, CLOSED = "#e6e4e0", "#22252b", "#f3d9d3"


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("speech", type=Path, help="the folder of the recordings")
    parser.add_argument("picture", type=Path)
    parser.add_argument("--takes", type=Path, nargs="+", help="npz files instead of the takes made here")
    parser.add_argument("--model", default="composite")
    options = parser.parse_args()
    takes = [read_motion(path) for path in options.takes] if options.takes else made_takes(options.speech)
    sheet(test_head(), options.speech, options.model, takes).save(options.picture, quality=QUALITY, optimize=True)
    print(f"{options.picture} {options.picture.stat().st_size / 1000:.0f} kB")


def made_takes(speech: Path) -> list[Motion]:
    """Takes of the four manners, with other words than the line's."""
    known = json.loads((speech / "english_aligned" / "phones.json").read_text(encoding="utf-8"))[TAKEN_FROM]
    phones = [Phone(*phone) for phone in known["phones"]]
    n_frames = int(known["duration_s"] * FPS)
    return [Motion(perform(phones, n_frames, manner), ARKIT_52, float(FPS)) for manner in MANNERS.values()]


def sheet(head: Head, speech: Path, model: str, takes: Sequence[Motion]) -> Image.Image:
    """A row for each take: its curves, the line's, and the line's face."""
    row_px = TITLE_PX + TILE_PX + GAP_PX
    width = 2 * (PLOT_PX + GAP_PX) + FRAMES * (TILE_PX + GAP_PX) + GAP_PX
    picture = Image.new("RGB", (width, len(takes) * row_px + TITLE_PX), PAPER)
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(size=14)
    wave = read_audio(speech / LINE)
    settings = Settings(model=model, fps=FPS, device="cpu", threads=1, life=Life(blinks=0))
    seen = np.array([head.mouth[0], head.mouth[1], head.mouth[2] + 35.0])
    for row, (title, take) in enumerate(zip(MANNERS, takes, strict=True)):
        made = animate(wave, Settings(**{**vars(settings), "references": (reference_of(take, title),)})).motion
        x, y = GAP_PX, row * row_px
        pen.text((x, y + TITLE_PX / 2), f"{title}: the take, the line, its face", INK, font, anchor="lm")
        first = round(START_S * FPS)
        part = Motion(made.weights[first:first + 2 * FPS], made.channels, made.fps)
        for number, shown in enumerate((Motion(take.weights[:2 * FPS], take.channels, take.fps), part)):
            _plot(pen, (x + number * (PLOT_PX + GAP_PX), y + TITLE_PX), shown)
        for column in range(FRAMES):
            frame = min(first + round(column * STEP_S * FPS), len(made.weights) - 1)
            pose = head.posed(made.weights[frame].astype(np.float64), made.channels)
            left = x + 2 * (PLOT_PX + GAP_PX) + column * (TILE_PX + GAP_PX)
            picture.paste(draw(pose, View(seen, 0.0, FACE_MM, TILE_PX)), (left, y + TITLE_PX))
    _legend(pen, font, len(takes) * row_px + TITLE_PX / 2)
    return picture


def _plot(pen: ImageDraw.ImageDraw, corner: tuple[float, float], motion: Motion) -> None:
    """Two seconds of curves, closed lips marked."""
    left, top = corner
    pen.rectangle((left, top, left + PLOT_PX, top + TILE_PX), "#ffffff")
    scale = PLOT_PX / max(len(motion.weights) - 1, 1)
    for frame in np.flatnonzero(closed_frames(motion)).tolist():
        pen.rectangle((left + frame * scale, top, left + (frame + 1) * scale, top + TILE_PX), CLOSED)
    for name, colour in CURVES.items():
        if name in motion.channels:
            heights = top + TILE_PX * (1 - motion[name].clip(0, 1))
            pen.line([(left + i * scale, float(h)) for i, h in enumerate(heights)], colour, 2)


def _legend(pen: ImageDraw.ImageDraw, font: ImageFont.ImageFont, middle: float) -> None:
    x = GAP_PX
    for name, colour in CURVES.items():
        pen.text((x, middle), name, colour, font, anchor="lm")
        x += round(pen.textlength(name, font)) + 16
    pen.text((x, middle), "red ground: lips meet", INK, font, anchor="lm")


if __name__ == "__main__":
    main()
