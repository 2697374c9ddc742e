"""Draw what the buttons of Retakes do to a jaw: Punch In, Continue from Last, Clean Action, Text without a Voice.

    UNITALKER_ZIP=dist/unitalker-....zip python -m tests.demo.retake_curves DATA/speech docs/pictures/retakes.png

Runs with Blender's Python module and Pillow.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

Curve = list[tuple[float, float]]
Row = tuple[str, dict[str, Curve], int]     # title, curves by their kind, number of keys that went

FIRST, OTHER = "english_aligned/nv_Mark_neutral.flac", "english_aligned/sb_spk2_snt5.flac"
FRAMES = 170
WIDTH_PX, ROW_PX, GAP_PX = 900, 110, 8
COLOURS = {"before": "#b9bdc4", "after": "#22252b", "keys": "#b3402e"}


def main() -> None:
    """The command."""
    speech, picture = map(Path, sys.argv[1:3])
    draw(press(speech), picture)
    print(f"{picture} {picture.stat().st_size / 1000:.0f} kB", flush=True)
    os._exit(0)                 # the module may hang at a normal end


def press(speech: Path) -> list[Row]:
    """Press each button on a face of its own, in Blender."""
    import addon_utils

    from tests.addon.conftest import bpy, curves, in_empty_scene, keys_of, make_face

    addon_utils.enable("bl_pkg")
    bpy.ops.extensions.package_install_files(
        filepath=os.environ["UNITALKER_ZIP"], repo="user_default", enable_on_install=True,
    )
    sounds = [str(speech / name) for name in (FIRST, OTHER)]

    def row(title: str, button: Callable[..., object], has_take: bool = True, **given: object) -> Row:
        ext = in_empty_scene("bl_ext.user_default.unitalker")
        make_face(ext, "Face")
        bpy.context.scene.unitalker.model = "mini"
        if has_take:
            bpy.ops.unitalker.animate(source='FILE', audio=sounds[0], character="Face")
        before, n_before = jaw()
        button(character="Face", **given)
        after, n_after = jaw()
        keys = keys_of(curves(bpy.data.objects["Face"].data.shape_keys)['key_blocks["jawOpen"].value']).tolist()
        return title, {"before": before, "after": after, "keys": keys if n_after < n_before else []}, n_before - n_after

    def jaw() -> tuple[Curve, int]:
        found = curves(bpy.data.objects["Face"].data.shape_keys).get('key_blocks["jawOpen"].value')
        if found is None:
            return [], 0
        return [(float(f), found.evaluate(f)) for f in range(1, FRAMES)], len(found.keyframe_points)

    operators, other = bpy.ops.unitalker, {"source": 'FILE', "audio": sounds[1]}
    part = {"use_range": True, "range_start": 40, "range_end": 80, "start_frame": 36.0}
    text = "Maybe Bob bought my mother a new blue balloon."
    return [
        row("Punch In, frames 40 to 80, cross-faded over 6", operators.punch_in, crossfade=6, **part, **other),
        row("Continue from Last", operators.continue_last, crossfade=6, **other),
        row("Clean Action, error .02", operators.clean_action, error=0.02),
        row("Text without a Voice", operators.speak_text, has_take=False, speak=text, start_frame=1.0),
    ]


def draw(rows: list[Row], path: Path) -> None:
    """A row for each: grey before, black after, red the keys that stay."""
    picture = Image.new("RGB", (WIDTH_PX, GAP_PX + len(rows) * (ROW_PX + GAP_PX)), "white")
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(size=13)
    for number, (title, kinds, gone) in enumerate(rows):
        low = (number + 1) * (ROW_PX + GAP_PX)
        for kind, curve in kinds.items():
            points = [(frame * WIDTH_PX / FRAMES, low - 4 - value * ROW_PX * 1.6) for frame, value in curve]
            if kind == "keys":
                for x, y in points:
                    pen.ellipse((x - 2, y - 2, x + 2, y + 2), fill=COLOURS[kind])
            elif points:
                pen.line(points, fill=COLOURS[kind], width=2)
        text = f"{title}: {gone} keys of the jaw went" if gone > 0 else title
        pen.text((4, low - ROW_PX), text, COLOURS["after"], font)
    picture.save(path, optimize=True)


if __name__ == "__main__":
    main()
