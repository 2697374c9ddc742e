"""Draw six mouths on the rig of every preset, and write docs/RIGS.md round the pictures.

    python -m tests.demo.rig_sheets            all presets
    python -m tests.demo.rig_sheets vroid      only these pictures; docs/RIGS.md is written whole

Each rig has exactly the names of its kind (tests/engine/rigs.py). What a key does to the head follows from the words of
its name alone, so a preset that drives the wrong key draws the wrong mouth.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from engine.rig.channel_sets import JAW_OPEN_RAD, convert
from engine.rig.preset_file import data_folder
from engine.rig.presets import Preset, detect, list_presets, load_preset, match
from engine.rig.retarget import retarget
from engine.values.channels import ARKIT_52
from engine.values.types import Motion, Rig, RigChannel, RigCurves
from tests.engine.rigs import LISTED, NAMES, preset_ids, rig_of, shown

from .chart_heads import Head, gltf_head, test_head
from .raster import Mesh, View, draw

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "docs" / "pictures" / "rigs"
ICT_HEAD = ROOT.parent / "shared" / "data" / "rigs" / "ict_facekit_head.glb"
WIDTH_MM, TILE_PX, LABEL_PX, GAP_PX = 84.0, 120, 20, 3
COLOURS = 64                            # of a picture; keeps a sheet below 60 kB
PAPER, INK = "#e6e4e0", "#22252b"
SKIN_REACH_MM = 11.0                    # how far the skin follows a bone of the face
RIGIFY_MOUTH_MM = 70.4                  # distance of lips.L and lips.R on the rig that was generated

MOUTHS: dict[str, dict[str, float]] = {     # Left and Right both, where a name has sides
    "m b p": {"jawOpen": 0.12, "mouthClose": 0.12, "mouthPress": 0.3, "mouthRollLower": 0.15, "mouthRollUpper": 0.15},
    "f v": {"jawOpen": 0.1, "mouthClose": 0.035, "mouthRollLower": 0.55, "mouthUpperUp": 0.2},
    "ah": {"jawOpen": 0.65, "mouthLowerDown": 0.22, "mouthUpperUp": 0.1},
    "ee": {"jawOpen": 0.15, "mouthLowerDown": 0.28, "mouthUpperUp": 0.15, "mouthStretch": 0.35, "mouthSmile": 0.35},
    "oh": {"jawOpen": 0.46, "mouthFunnel": 0.55, "mouthPucker": 0.25},
    "oo": {"jawOpen": 0.12, "mouthFunnel": 0.25, "mouthPucker": 0.8},
}
NOTES = {
    "rigify_face": (
        "a human rig of Blender's Rigify, generated in Blender 5.2: jawOpen 0.6 parts the lip bones by 18 mm, "
        "mouthPucker 0.8 brings the corners from 70 to 45 mm and the lips 8 mm forward, and closed lips stay closed. "
        "Drawn with skin that follows the bones"
    ),
    "ict_facekit": "the real head that ICT publishes, 55 keys",
    "flame": (
        "a rig with exactly these names; speech in FLAME parameters comes from a head of a model, so only the jaw can "
        "be drawn here"
    ),
    "faceit_control_rig": "a rig with exactly these bones, whose ARKit keys are driven",
}


def main() -> None:
    """The command."""
    wanted = sys.argv[1:] or [preset for preset in preset_ids() if not preset.endswith("_stepped")]
    PICTURES.mkdir(parents=True, exist_ok=True)
    head = test_head()
    for preset_id in wanted:
        real = gltf_head(ICT_HEAD) if preset_id == "ict_facekit" and ICT_HEAD.is_file() else head
        path = PICTURES / f"{preset_id}.png"
        sheet(preset_id, real).quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
        print(f"{path} {path.stat().st_size / 1000:.0f} kB")
    path = ROOT / "docs" / "RIGS.md"
    path.write_text(page(measured_lips(path.read_text(encoding="utf-8"))), encoding="utf-8")


def measured_lips(text: str) -> str:
    """The chapter of docs/RIGS.md on lips, which tests.bench.lip_fit measures: it stays as it is."""
    start = text.index("## Lips that meet")
    return text[start:text.index("\n## ", start) + 1]


def sheet(preset_id: str, head: Head) -> Image.Image:
    """The six mouths of MOUTHS as this preset makes them."""
    picture = Image.new("RGB", (GAP_PX + len(MOUTHS) * (TILE_PX + GAP_PX), TILE_PX + LABEL_PX + GAP_PX), PAPER)
    pen = ImageDraw.Draw(picture)
    for column, (name, mouth) in enumerate(MOUTHS.items()):
        x = GAP_PX + column * (TILE_PX + GAP_PX)
        picture.paste(draw(posed(preset_id, head, mouth), View(head.mouth, 0.0, WIDTH_MM, TILE_PX)), (x, GAP_PX))
        pen.text((x + 4, TILE_PX + GAP_PX + LABEL_PX / 2), name, INK, ImageFont.load_default(size=14), anchor="lm")
    return picture


def posed(preset_id: str, head: Head, mouth: dict[str, float]) -> Mesh:
    """The head as the preset's rig moves it for one mouth."""
    preset, rig = load_preset(data_folder() / f"{preset_id}.json"), rig_of(preset_id)
    weights = np.zeros((1, len(ARKIT_52)), np.float32)
    for name, value in mouth.items():
        weights[0, [i for i, channel in enumerate(ARKIT_52) if channel in (name, name + "Left", name + "Right")]] = (
            value
        )
    motion = Motion(weights, ARKIT_52, 30.0)
    if preset_id == "flame":
        curves = retarget(convert(motion, "flame413"), preset, rig)
        jaw = curves.curves[RigChannel("bone", "jaw", "rotation_euler", 0)].values[0] / JAW_OPEN_RAD
        return head.posed(np.where(np.array(ARKIT_52) == "jawOpen", jaw, 0.0), ARKIT_52)
    curves = retarget(motion, preset, rig)
    return (
        _with_bones(head, curves) if preset_id == "rigify_face"
        else head.posed(shown(preset_id, curves).weights[0].astype(np.float64), ARKIT_52)
    )


def _with_bones(head: Head, curves: RigCurves) -> Mesh:
    """The head with skin that follows Rigify's lip bones; the jaw's turn is the jawOpen shape. The bones' X, Y, Z are
    left, up, forward."""
    turn = curves.curves[RigChannel("bone", "jaw_master", "rotation_euler", 0)].values[0]
    jaw = head.shapes["jawOpen"] * np.degrees(turn) / 20.0
    places = _landmarks(head)
    scale = np.linalg.norm(places["lips.L"] - places["lips.R"]) / RIGIFY_MOUTH_MM * 1000.0
    moved, total = np.zeros_like(head.rest.positions), np.zeros(len(head.rest.positions))
    for bone, place in places.items():
        x, y, z = (
            float(curves.curves[channel].values[0])
            if (channel := RigChannel("bone", bone, "location", i)) in curves.curves else 0.0
            for i in range(3)
        )
        share = np.exp(-np.square(np.linalg.norm(head.rest.positions - place, axis=1) / SKIN_REACH_MM))
        total += share
        moved += share[:, None] * np.array([x, -z, y]) * scale
    return Mesh(
        head.rest.positions + jaw + moved / np.maximum(total, 1.0)[:, None], head.rest.triangles, head.rest.colours
    )


def _landmarks(head: Head) -> dict[str, np.ndarray]:
    """Where Rigify's lip bones would stand on this head: where the ARKit shape of the same place moves most."""
    def most(*shapes: str) -> np.ndarray:
        moved = sum(np.linalg.norm(head.shapes[shape], axis=1) for shape in shapes)
        return np.average(head.rest.positions, axis=0, weights=np.where(moved > 0.93 * moved.max(), moved, 0))

    places = {}
    for side, word in (("L", "Left"), ("R", "Right")):
        places |= {
            f"lips.{side}": most("mouthStretch" + word), f"lip.T.{side}.001": most("mouthUpperUp" + word),
            f"lip.B.{side}.001": most("mouthLowerDown" + word),
        }
    for lip in ("lip.T", "lip.B"):
        places[lip] = (places[f"{lip}.L.001"] + places[f"{lip}.R.001"]) / 2
    return places


def page(lips: str) -> str:
    """docs/RIGS.md. lips: its chapter on lips."""
    presets = list_presets()
    lines = [
        "# Rigs", "",
        "Each bundled preset on a rig of its kind: what \"auto\" takes, how much of the face follows, and six mouths. "
        "`python -m tests.demo.rig_sheets` makes",
        "this page and the pictures again; `tests/engine/test_preset_rigs.py` checks the numbers, and that each mouth "
        "opens, closes, spreads and rounds.", "",
        "Where a public list of a rig's names exists it is used; else the rig has exactly the names of the preset. "
        "What a key does to the drawn head follows",
        "from the words of its name (`tests/engine/rigs.py`), not from the preset. The heads themselves are the "
        "project's test head, and ICT FaceKit's own",
        "head for `ict_facekit`. A rig's own sculpt will look different; which keys move, when and how much, is what "
        "is shown.", "",
        "| preset | tried on | found | score | next best |", "|---|---|---|---|---|",
    ]
    lines += [_row(preset, presets) for preset in sorted(presets, key=lambda preset: preset.id)]
    lines += [
        "",
        f"The mouths, from left to right: {', '.join(MOUTHS)}. "
        "A stepped preset shows the drawings of the one that it is a variant of, one at a time.", "",
        *lips.splitlines(),
    ]
    for preset in sorted(presets, key=lambda preset: preset.id):
        if (PICTURES / f"{preset.id}.png").is_file():
            lines += [
                f"## {preset.name}", "", preset.description, "", f"![{preset.name}](pictures/rigs/{preset.id}.png)", "",
                f"Names: {preset.names_from}.", "",
            ]
    return "\n".join(lines)


def _row(preset: Preset, presets: tuple[Preset, ...]) -> str:
    rig = rig_of(preset.id)
    found = match(preset, rig)
    others = [
        other
        for other in detect(rig, [other for other in presets if other.source == rig.source and other.auto])
        if other.preset.id != preset.id
    ]
    best = f"`{others[0].preset.id}` {others[0].score:.2f}" if others and others[0].score else "none"
    listed = preset.id in LISTED and NAMES.is_file()
    tried = NOTES.get(preset.id) or (
        f"names of a public rig ({_count(rig)})" if listed else f"a rig with exactly these names ({_count(rig)})"
    )
    return (
        f"| `{preset.id}` | {tried} | {found} | {found.score:.2f} | {best if preset.auto else 'chosen by name only'} |"
    )


def _count(rig: Rig) -> str:
    kinds = {"keys": len(rig.shape_keys) - 1, "bones": len(rig.bones), "properties": len(rig.properties)}
    return ", ".join(f"{number} {kind}" for kind, number in kinds.items() if number > 0)


if __name__ == "__main__":
    main()
