"""A contact sheet of the sample line: mini, PMMTalk by the sound alone, PMMTalk with the transcript, phone by phone.

    python -m tests.demo.pmmtalk_sheet       # writes docs/pictures/pmmtalk_sheet.jpg
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from engine import Settings, animate, read_audio

from .chart_heads import test_head
from .raster import View, draw

ROOT = Path(__file__).resolve().parents[2]
SAMPLE, PICTURE = ROOT / "tests" / "data" / "sample.flac", ROOT / "docs" / "pictures" / "pmmtalk_sheet.jpg"
SHOWN = frozenset(["P", "B", "M", "AA", "AO", "UW", "IY"])
MOST, SIDE_PX, WIDTH_MM, LINE_PX = 16, 100, 105.0, 14
FPS = 50.0


def main() -> None:
    """Draw it."""
    wave = read_audio(SAMPLE)
    text = json.loads(SAMPLE.with_suffix(".json").read_text(encoding="utf-8"))["text"]
    settings = Settings(fps=FPS, device="cpu", threads=1, language="en")
    rows = {
        "mini": settings,
        "PMMTalk, by the sound alone": replace(settings, model="pmmtalk"),
        "PMMTalk, with the transcript": replace(settings, model="pmmtalk", transcript=text),
    }
    made = {name: animate(wave, wanted) for name, wanted in rows.items()}
    phones = [phone for phone in list(made.values())[-1].phones if phone.label in SHOWN][:MOST]
    head = test_head()
    view = View(head.mouth, 0.0, WIDTH_MM, SIDE_PX)
    height = SIDE_PX + LINE_PX
    sheet = Image.new("RGB", (SIDE_PX * len(phones), LINE_PX + height * len(made)), "white")
    pen = ImageDraw.Draw(sheet)
    for column, phone in enumerate(phones):
        pen.text((column * SIDE_PX + 30, 0), f"{phone.label} {phone.start_s:.2f}", fill="black")
        for row, result in enumerate(made.values()):
            frame = min(round((phone.start_s + phone.end_s) / 2 * FPS), len(result.motion.weights) - 1)
            posed = head.posed(np.asarray(result.motion.weights[frame]), result.motion.channels)
            sheet.paste(draw(posed, view), (column * SIDE_PX, LINE_PX + row * height))
    for row, name in enumerate(made):
        pen.text((2, LINE_PX + row * height + SIDE_PX), name, fill="black")
    sheet.save(PICTURE, quality=88)


if __name__ == "__main__":
    main()
