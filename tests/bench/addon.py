"""Speed of the add-on: `python -m tests.bench.addon EXTENSION.zip` in an environment with Blender. Prints figures;
never fails on one."""

from __future__ import annotations

import importlib
import os
import sys
import tempfile
import time
import traceback
import wave
from collections.abc import Iterator
from pathlib import Path

import bpy
import numpy as np

PACKAGE = "bl_ext.user_default.unitalker"
MESHES, KEYS, TAKE_S = 8, 300, 60      # of the largest character
HEAVY = ("onnxruntime", "soundfile", "soxr", "fastjsonschema", f"{PACKAGE}.engine")
FRAMES, FPS = 3000, 30
ROOT = Path(__file__).resolve().parents[2]
DRAGS = {       # choice -> values as a slider gives them: the first network to run again, the timing, the last step
    "strength": (0.9, 0.8, 0.7, 0.6), "articulation": (0.1, 0.2, 0.3, 0.4), "anticipation": (0.5, 1.0, 1.5, 2.0),
    "gain_jaw": (0.9, 0.8, 0.7, 0.6),
}


def main(archive: str) -> None:
    import addon_utils

    print(f"add-on: Blender {bpy.app.version_string}, numpy {np.__version__}")
    sys.dont_write_bytecode = False         # as in Blender: its first start compiles, later ones find what that wrote
    addon_utils.enable("bl_pkg")
    bpy.ops.extensions.package_install_files(filepath=archive, repo="user_default", enable_on_install=False)
    addon_utils.extensions_refresh(addon_modules_pending=[PACKAGE])      # unpacks the wheels: once per installation
    _show("first registration, compiling", _enable())
    addon_utils.disable(PACKAGE)
    for name in [name for name in sys.modules if name.startswith(PACKAGE)]:
        del sys.modules[name]
    _show("registration", _enable(), "below 0.05 s")
    print(
        "  heavy imports by registration                    "
        f"{', '.join(name for name in HEAVY if name in sys.modules) or 'none'}"
    )

    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    start = time.perf_counter()
    bpy.ops.unitalker.add_test_head()
    _show("test head", time.perf_counter() - start)
    face = bpy.context.view_layer.objects.active
    _show(f"writing 52 curves x {FRAMES}", _write(face), "below 0.15 s")
    _show("writing them again", _write(face), "below 0.15 s")

    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    _make_large()
    _find()                     # reads the presets
    _show(f"finding what {KEYS} keys x {MESHES} meshes can do", _find(), "below 0.5 s")
    face = bpy.data.objects["Mesh 0"]
    _show(f"keying {TAKE_S} s on them", _write(face, TAKE_S * FPS, True), "below 0.3 s")
    _show("keying them again", _write(face, TAKE_S * FPS, True), "below 0.3 s")
    for row in _live():
        _show(*row)


def _live() -> Iterator[tuple[str, float, str]]:
    """Seconds of one change of style while its slider is dragged, for a take of TAKE_S on the test head; the slowest of
    several."""
    live = importlib.import_module(f"{PACKAGE}.addon.take.live")
    live._may_run = lambda: True            # Blender as a module counts as background
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    bpy.context.scene.render.fps = FPS
    bpy.ops.unitalker.add_test_head()
    settings = bpy.context.scene.unitalker
    with tempfile.TemporaryDirectory() as folder:
        settings.source, settings.audio, settings.character = (
            'FILE', _sound(folder), bpy.context.view_layer.objects.active
        )
        for what, keys in (
            ("", {}), (", fewer keys", {"reduce": True}),
            (", fewer Bezier keys", {"reduce": True, "interpolation": 'BEZIER'}),
        ):
            settings.live = False
            bpy.ops.unitalker.animate(**keys)
            settings.live = True
            for name, values in DRAGS.items():
                yield f"live: {name} on {TAKE_S} s{what}", max(
                    _change(settings, name, value) for value in values
                ), "below 0.3 s"
                assert not settings.live_note, settings.live_note


def _change(settings: bpy.types.PropertyGroup, name: str, value: float) -> float:
    start = time.perf_counter()
    setattr(settings, name, value)
    return time.perf_counter() - start


def _sound(folder: str) -> str:
    """A wav file of TAKE_S seconds: the sample of the tests, over and over."""
    read_audio = importlib.import_module(f"{PACKAGE}.engine").read_audio
    samples = read_audio(str(ROOT / "tests" / "data" / "sample.flac")).samples
    path = str(Path(folder) / "line.wav")
    with wave.open(path, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes((np.resize(samples, TAKE_S * 16_000) * 32767).astype("<i2").tobytes())
    return path


def _make_large() -> None:
    """Meshes with ARKit's keys and many others, under one empty."""
    channels = importlib.import_module(f"{PACKAGE}.engine.values.channels")
    names = [*channels.ARKIT_52, *(f"corrective_{number}" for number in range(KEYS - len(channels.ARKIT_52)))]
    root = bpy.data.objects.new("Root", None)
    bpy.context.scene.collection.objects.link(root)
    for number in range(MESHES):
        mesh = bpy.data.meshes.new(f"Mesh {number}")
        mesh.from_pydata([(0, 0, 0), (1, 0, 0), (0, 1, 0)], [], [(0, 1, 2)])
        obj = bpy.data.objects.new(mesh.name, mesh)
        obj.parent = root
        bpy.context.scene.collection.objects.link(obj)
        for name in ("Basis", *names):
            obj.shape_key_add(name=name, from_mix=False)
    bpy.context.view_layer.update()


def _find() -> float:
    """Seconds to look at the character and choose its preset."""
    rig, presets = (
        importlib.import_module(f"{PACKAGE}.{name}") for name in ("addon.character.character", "engine.rig.presets")
    )
    start = time.perf_counter()
    assert presets.choose(rig.gather(bpy.context, "Mesh 0").rig("auto", ())).id == "arkit52"
    return time.perf_counter() - start


def _enable() -> float:
    """Seconds to import and register the add-on."""
    import addon_utils

    start = time.perf_counter()
    addon_utils.enable(PACKAGE, default_set=True)
    return time.perf_counter() - start


def _write(face: bpy.types.Object, frames: int = FRAMES, whole: bool = False) -> float:
    """Seconds to key 52 curves on one mesh, or on the whole character."""
    types, rig, fcurves, channels = (
        importlib.import_module(f"{PACKAGE}.{name}")
        for name in ("engine.values.types", "addon.character.character", "addon.keying.write", "engine.values.channels")
    )
    seconds = np.arange(frames) / FPS
    random = np.random.default_rng(0)
    curves = {
        types.RigChannel("shape_key", name): types.Curve(seconds, random.random(frames, np.float32))
        for name in channels.ARKIT_52
    }
    found = types.RigCurves(curves, "bench", channels.ARKIT_52, ())
    character = rig.gather(bpy.context, face.name, whole)
    line = fcurves.Line("bench", 1, frames, FPS)
    start = time.perf_counter()
    fcurves.write(character, found, line, fcurves.KeyOptions())
    return time.perf_counter() - start


def _show(what: str, seconds: float, goal: str = "") -> None:
    print(f"  {what:48} {seconds:7.3f} s{f'   (goal: {goal})' if goal else ''}")


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    finally:
        if sys.exc_info()[0]:
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)             # at a normal end Blender as a module crashes or hangs
