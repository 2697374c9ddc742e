"""Put rendered frames side by side, with the phone that is spoken under each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

COLUMNS = 6
TILE_PX = 320
LABEL_PX = 84           # height of the text under a tile
GAP_PX = 12
TITLE_PX = 74
PAPER, INK, GREY, CLOSED = "#f3f2ef", "#22252b", "#7d7f85", "#b3402e"


@dataclass(frozen=True)
class Shot:
    """One rendered frame and what is spoken on it; lips_meet marks m, b and p."""

    picture: Path
    phone: str
    word: str
    frame: int
    time_s: float
    lips_meet: bool


def write_contact_sheet(shots: list[Shot], title: str, path: Path) -> None:
    """Write the sheet as a PNG, in rows of six."""
    rows = -(-len(shots) // COLUMNS)
    size = (COLUMNS * (TILE_PX + GAP_PX) + GAP_PX, TITLE_PX + rows * (TILE_PX + LABEL_PX + GAP_PX) + GAP_PX)
    sheet = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((GAP_PX + 4, TITLE_PX / 2 + 4), title, INK, _font(30), anchor="lm")
    draw.text((size[0] - GAP_PX - 4, TITLE_PX / 2 + 4), "red: lips meet (m b p)", CLOSED, _font(20), anchor="rm")
    for i, shot in enumerate(shots):
        x = GAP_PX + i % COLUMNS * (TILE_PX + GAP_PX)
        y = TITLE_PX + i // COLUMNS * (TILE_PX + LABEL_PX + GAP_PX)
        with Image.open(shot.picture) as picture:
            sheet.paste(picture.convert("RGB").resize((TILE_PX, TILE_PX), Image.Resampling.LANCZOS), (x, y))
        colour = CLOSED if shot.lips_meet else INK
        draw.text((x + 4, y + TILE_PX + 28), shot.phone, colour, _font(36), anchor="lm")
        draw.text((x + TILE_PX - 4, y + TILE_PX + 20), shot.word, INK, _font(22), anchor="rm")
        draw.text(
            (x + TILE_PX - 4, y + TILE_PX + 46), f"frame {shot.frame}   {shot.time_s:.2f} s", GREY, _font(18),
            anchor="rm",
        )
    sheet.save(path)


def _font(size_px: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size=size_px)
