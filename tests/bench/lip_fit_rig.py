"""Do the lips meet on a mesh that bones move? p, b and m of english_aligned on heads bound to a Rigify rig.

Run with a Blender module's Python, with the engine's packages importable: `python -m tests.bench.lip_fit_rig`. The
response of the rig is sampled as for a take; then each p, b and m is measured on the evaluated mesh itself, on its
tightest frame. Never fails on a figure.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from tests.addon import conftest

bpy, ROOT = conftest.bpy, Path(__file__).resolve().parents[2]
ICT = ROOT.parent / "shared" / "data" / "rigs" / "ict_facekit_head.glb"
MILLIMETRES = 1000.0


def main() -> None:
    ext = conftest.Extension(conftest.package.__wrapped__())
    from tests.addon.rigged_head import bind, normal, rigify
    from tests.bench.lip_fit import _clips

    ext.module("addon.character.lip_samples")       # before the file is emptied
    clips = list(_clips())
    armature = rigify()
    print("head | pairs | p b m | within 0.5 mm | crossing > 1 mm | open > 1 mm | largest crossing (0.5 % cut off)")
    for name, head in _heads(ext):
        face = bind(armature, *normal(ext, head))
        _show(ext, name, armature, face, clips)
        bpy.data.objects.remove(face)
    sys.stdout.flush()
    os._exit(0)


def _heads(ext: object) -> Iterator[tuple[str, object]]:
    engine = ext.module("engine")
    made = ext.module("addon.head.load").whole_head()
    yield "test head", engine.HeadMesh(made.points, made.triangles, made.moves, made.names)
    if ICT.exists():
        from tests.demo.chart_heads import gltf_head

        head = gltf_head(ICT)
        moves = np.stack(list(head.shapes.values())).astype(np.float32)
        yield "ICT FaceKit", engine.HeadMesh(head.rest.positions, head.rest.triangles, moves, tuple(head.shapes))


def _show(ext: object, name: str, armature: object, face: object, clips: list) -> None:
    from tests.bench.lip_fit import _windows

    samples, geometry = ext.module("addon.character.lip_samples"), ext.module("engine.geometry.lip_samples")
    fit, pairs = ext.module("engine.geometry.lip_fit"), ext.module("engine.geometry.lip_pairs")
    found = ext.module("addon.character.character")
    character = found.gather(bpy.context, armature.name)
    start = time.monotonic()
    rig = character.rig("auto", ())
    sampled = samples.sample(bpy.context.view_layer, character, [armature, face], rig)
    rig = replace(rig, sampled=sampled.mesh)
    took_s = time.monotonic() - start
    preset = ext.module("engine.rig.presets").choose(rig)
    lips = pairs.lips_of_rig(rig, preset)
    print(f"{name}: sampled in {took_s:.1f} s, {preset.id}, opens by {lips.opening * lips.height * MILLIMETRES:.1f} mm")
    seen = _Seen(ext, character, face, preset, rig, lips)
    before, after = [], []
    for animation, phones in clips:
        motion, contacts = _moved(ext, animation)
        fitted = geometry.fit_channels(motion, contacts, lips)
        for kind, made in ((before, motion), (after, fitted)):
            keys = geometry.channels_as_keys(made, lips, stepped=False)
            gap = fit.gap_of(keys, lips, len(made.weights)).mean(axis=1)
            frames = np.arange(len(gap))
            for window in _windows(frames, phones):
                kind.append(seen.gap_mm(made, int(window[gap[window].argmin()])))
    for when, gaps in (("before", before), ("after", after)):
        mm = np.array(gaps)
        print(
            f"{name}, {when} | {len(lips.pairs)} | {len(mm)} | {np.mean(np.abs(mm) <= 0.5):.1%} | "
            f"{np.mean(mm < -1):.1%} | {np.mean(mm > 1):.1%} | {max(-np.quantile(mm, 0.005), 0):.2f} mm", flush=True,
        )


def _moved(ext: object, animation: object) -> tuple[object, object]:
    """The motion and its contacts as classes of the installed extension."""
    types = ext.module("engine.values.types")
    motion, contacts = animation.motion, animation.contacts
    return types.Motion(motion.weights, motion.channels, motion.fps), types.LipContacts(contacts.closed, contacts.slack)


class _Seen:
    """The gap of the lips on the evaluated mesh, at the size of a grown head."""

    def __init__(self, ext: object, character: object, face: object, preset: object, rig: object, lips: object) -> None:
        self.samples, self.controls = ext.module("addon.character.lip_samples"), ext.module("addon.character.controls")
        self.one_frame = ext.module("engine.rig.retarget").one_frame
        self.character, self.face, self.preset, self.rig, self.lips = character, face, preset, rig, lips
        self.scale = ext.module("engine.values.lips").HEAD_MM / lips.height
        self.rest = self._height({})

    def gap_mm(self, motion: object, frame: int) -> float:
        pose = dict(zip(motion.channels, motion.weights[frame].tolist(), strict=True))
        return (self._height(pose) - self.rest) * self.scale

    def _height(self, pose: dict[str, float]) -> float:
        curves = self.one_frame(self.preset, pose, self.rig).curves
        for value in [value for part in self.character.targets for value in self.controls.on_part(part, curves)]:
            self.controls.write(value.part.find(), value.path, value.index, value.value)
        bpy.context.view_layer.update()
        points = self.samples._vertices(bpy.context.view_layer, [self.face])
        upper, lower = self.lips.pairs.T
        return float((points[upper] - points[lower])[:, 2].mean())


if __name__ == "__main__":
    main()
