"""The demo, from the built zip to its three files."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest
from PIL import Image

import build
from tests.environments import BLENDERS, cached

ARCHIVE = os.environ.get("UNITALKER_ZIP", "")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    blender = next(filter(None, map(cached, BLENDERS)), None)
    if not ARCHIVE or blender is None:
        pytest.skip("UNITALKER_ZIP names no built zip, or no environment with Blender has been made")
    made = tmp_path_factory.mktemp("demo")
    assert build.run_in_blender(blender, "tests.demo.make_demo", [ARCHIVE, made]) == 0
    return made


def test_take_has_a_row_for_each_frame_and_a_mouth_that_opens_and_shuts(folder):
    with (folder / "hello.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    jaw = [float(row["JawOpen"]) for row in rows]
    assert len(rows) == 145                                         # 4.84 s at 30 frames per second
    assert max(jaw) > 0.25 and min(jaw) < 0.05


def test_contact_sheet_shows_twelve_different_faces(folder):
    with Image.open(folder / "hello.png") as sheet:
        tile, label, gap, title = 320, 84, 12, 74
        assert sheet.size == (6 * (tile + gap) + gap, title + 2 * (tile + label + gap) + gap)
        faces = set()
        for row in range(2):
            for column in range(6):
                x, y = gap + column * (tile + gap), title + row * (tile + label + gap)
                face = sheet.crop((x, y, x + tile, y + tile))
                assert len(face.getcolors(tile * tile)) > 1000      # a lit face, not an empty picture
                faces.add(face.tobytes())
    assert len(faces) == 12


def test_file_to_open_is_there(folder):
    assert (folder / "hello.blend").stat().st_size > 100_000
