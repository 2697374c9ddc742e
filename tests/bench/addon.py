"""Speed of the add-on: `python -m tests.bench.addon EXTENSION.zip` in an environment with Blender. Prints figures; never fails on one."""

from __future__ import annotations

import importlib
import os
import sys
import time
import traceback

import bpy
import numpy as np

PACKAGE = "bl_ext.user_default.unitalker"
HEAVY = ("onnxruntime", "soundfile", "soxr", "fastjsonschema", f"{PACKAGE}.engine")
FRAMES, FPS = 3000, 30


def main(archive: str) -> None:
    import addon_utils

    print(f"add-on: Blender {bpy.app.version_string}, numpy {np.__version__}")
    addon_utils.enable("bl_pkg")
    bpy.ops.extensions.package_install_files(filepath=archive, repo="user_default", enable_on_install=False)
    addon_utils.extensions_refresh(addon_modules_pending=[PACKAGE])      # unpacks the wheels: once per installation
    _show("first registration, compiling", _enable())
    addon_utils.disable(PACKAGE)
    for name in [name for name in sys.modules if name.startswith(PACKAGE)]:
        del sys.modules[name]
    _show("registration", _enable(), "below 0.05 s")
    print(f"  heavy imports by registration    {', '.join(name for name in HEAVY if name in sys.modules) or 'none'}")

    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    start = time.perf_counter()
    bpy.ops.unitalker.add_test_head()
    _show("test head", time.perf_counter() - start)
    face = bpy.context.view_layer.objects.active
    _show(f"writing 52 curves x {FRAMES}", _write(face), "below 0.15 s")
    _show("writing them again", _write(face), "below 0.15 s")


def _enable() -> float:
    """Seconds to import and register the add-on."""
    import addon_utils

    start = time.perf_counter()
    addon_utils.enable(PACKAGE, default_set=True)
    return time.perf_counter() - start


def _write(face: bpy.types.Object) -> float:
    """Seconds to key 52 curves on one mesh."""
    types, rig, fcurves, channels = (importlib.import_module(f"{PACKAGE}.{name}") for name in ("engine.types", "addon.rig", "addon.fcurves", "engine.channels"))
    seconds = np.arange(FRAMES) / FPS
    random = np.random.default_rng(0)
    curves = {types.RigChannel("shape_key", name): types.Curve(seconds, random.random(FRAMES, np.float32)) for name in channels.ARKIT_52}
    found = types.RigCurves(curves, "bench", channels.ARKIT_52, ())
    character = rig.gather(bpy.context, face.name, False)
    line = fcurves.Line("bench", 1, FRAMES, FPS)
    start = time.perf_counter()
    fcurves.write(character, found, line, fcurves.KeyOptions())
    return time.perf_counter() - start


def _show(what: str, seconds: float, goal: str = "") -> None:
    print(f"  {what:32} {seconds:7.3f} s{f'   (goal: {goal})' if goal else ''}")


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    finally:
        if sys.exc_info()[0]:
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)             # at a normal end Blender as a module crashes or hangs
