"""Tests of the add-on inside Blender's Python module: the extension is installed as an animator's is, then driven by
operators and functions.

UNITALKER_ZIP names a built zip to install; without it the checkout itself is linked in as an extension, and its Python
packages (onnxruntime, soxr, soundfile, fastjsonschema) must be importable. The process ends by os._exit, since the
module may crash or hang at a normal end.
"""

from __future__ import annotations

import importlib
import os
import sys
import tempfile
import wave
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TINY = str(ROOT / "tests" / "data" / "tiny")        # model folder of a few kB whose jaw follows loudness
SHARED = ROOT.parent / "shared" / "data"
RATE_HZ = 16_000

_user_folder = tempfile.TemporaryDirectory(prefix="unitalker-test-")    # kept alive: it is removed when this goes
os.environ["BLENDER_USER_RESOURCES"] = _user_folder.name
try:
    import bpy
except ImportError:
    bpy = None
    collect_ignore_glob = ["test_*.py"]


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    session.config.unitalker_status = int(exitstatus)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    if bpy is not None and hasattr(config, "unitalker_status"):
        _user_folder.cleanup()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(config.unitalker_status)


@pytest.fixture(scope="session")
def package() -> str:
    """Install or link the extension; the name of its package."""
    import addon_utils

    archive = os.environ.get("UNITALKER_ZIP")
    if archive:
        addon_utils.enable("bl_pkg")
        bpy.ops.extensions.package_install_files(filepath=archive, repo="user_default", enable_on_install=True)
        return "bl_ext.user_default.unitalker"
    folder = Path(bpy.utils.user_resource('EXTENSIONS', path="user_default/unitalker", create=True))
    for name in ("addon", "engine", "weights", "presets", "blender_manifest.toml"):
        if (ROOT / name).exists():
            (folder / name).symlink_to(ROOT / name)
    (folder / "sample.flac").symlink_to(ROOT / "tests" / "data" / "sample.flac")
    (folder / "__init__.py").write_text("from .addon import register, unregister\n")
    addon_utils.extensions_refresh()
    addon_utils.enable("bl_ext.user_default.unitalker", default_set=True)
    assert "bl_ext.user_default.unitalker" in bpy.context.preferences.addons
    return "bl_ext.user_default.unitalker"


class Extension:
    """The installed extension's modules: ext.addon.rig, ext.engine.types, ..."""

    def __init__(self, package: str) -> None:
        self.package = package

    def module(self, name: str) -> object:
        """For example module("addon.character.character")."""
        return importlib.import_module(f"{self.package}.{name}")


@pytest.fixture
def ext(package: str) -> Extension:
    """The extension in an empty scene at 24 frames per second, with a performance of lips and blinks only."""
    return in_empty_scene(package)


def in_empty_scene(package: str) -> Extension:
    """What `ext` gives; for fixtures that build a scene once for many tests."""
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True, load_ui=False)
    for workspace in bpy.data.workspaces if bpy.app.version >= (5, 0) else ():
        workspace.sequencer_scene = None        # the window outlives the file, and with it what an earlier test set
    bpy.context.scene.render.fps = 24
    bpy.context.scene.unitalker.model = TINY
    bpy.context.scene.unitalker.performance = "lips"        # the words alone, where a test does not ask for more
    return Extension(package)


@pytest.fixture(scope="session")
def speech(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A sound file of speech, as write_buzz makes it."""
    return write_buzz(tmp_path_factory.mktemp("sound") / "speech.wav")


def write_buzz(path: Path) -> str:
    """Two seconds: half a second of silence, one of a loud buzz, half a second of silence."""
    import numpy as np

    seconds = np.arange(2 * RATE_HZ) / RATE_HZ
    buzz = 0.5 * np.sign(np.sin(2 * np.pi * 120 * seconds)) * ((seconds > 0.5) & (seconds < 1.5))
    return write_wav(path, buzz)


@pytest.fixture(scope="session")
def clicks(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Ten seconds with a click on each (strips.py)."""
    from .strips import write_clicks

    return write_clicks(tmp_path_factory.mktemp("clicks") / "clicks.wav")


def write_wav(path: Path, samples: object, rate_hz: int = RATE_HZ) -> str:
    """Write samples (n,) or (n, channels) of full scale 1 as 16 bit."""
    import numpy as np

    samples = np.asarray(samples)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return str(path)


@pytest.fixture
def face(ext: Extension) -> object:
    """A mesh with the 52 ARKit shape keys."""
    return make_face(ext, "Face")


def make_face(ext: Extension, name: str, keys: tuple[str, ...] | None = None) -> object:
    """A triangle with a basis and these shape keys (default: ARKit's 52), active and selected."""
    names = ext.module("engine.values.channels").ARKIT_52 if keys is None else keys
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata([(0, 0, 0), (1, 0, 0), (0, 1, 0)], [], [(0, 1, 2)])
    obj = bpy.data.objects.new(name, mesh)
    bpy.context.scene.collection.objects.link(obj)
    if names:
        obj.shape_key_add(name="Basis")
    for key in names:
        block = obj.shape_key_add(name=key, from_mix=False)
        block.data[0].co.z, block.value = 0.1, 0.0      # 5.0 makes them at 1
    bpy.context.view_layer.objects.active = obj
    obj.select_set(True)
    return obj


def curves(owner: object) -> dict[str, object]:
    """Data path -> F-curve of the active Action on a data-block."""
    animation = owner.animation_data
    if animation is None or animation.action is None:
        return {}
    return curves_in(animation.action, getattr(animation, "action_slot", None))


def curves_in(action: object, slot: object) -> dict[str, object]:
    """Data path -> F-curve of an Action, in one slot where there are slots."""
    if not hasattr(action, "slots"):
        found = list(action.fcurves)
    else:
        bags = [strip.channelbag(slot) for layer in action.layers for strip in layer.strips] if slot else []
        found = [curve for bag in bags if bag for curve in bag.fcurves]
    return {
        curve.data_path if curve.array_index == 0 else f"{curve.data_path}{curve.array_index}": curve for curve in found
    }


def keys_of(curve: object) -> object:
    """(n, 2) frames and values of an F-curve."""
    import numpy as np

    values = np.empty(2 * len(curve.keyframe_points), np.float32)
    curve.keyframe_points.foreach_get("co", values)
    return values.reshape(-1, 2)


def jaw(obj: object) -> object:
    """Keys of jawOpen in the active Action of an object's shape keys."""
    return keys_of(curves(obj.data.shape_keys)['key_blocks["jawOpen"].value'])


def own_action(owner: object, frames: dict[str, list[tuple[float, float]]], name: str = "Mine") -> object:
    """Give a data-block an Action as an artist's: data path -> (frame, value) keys."""
    owner.animation_data_create()
    action = bpy.data.actions.new(name)
    if hasattr(action, "slots"):
        slot = action.slots.new(owner.id_type, owner.name)
        target = action.layers.new("Layer").strips.new(type='KEYFRAME').channelbag(slot, ensure=True).fcurves
    else:
        slot, target = None, action.fcurves
    for path, keys in frames.items():
        curve = target.new(path)
        for frame, value in keys:
            curve.keyframe_points.insert(frame, value)
    bpy.context.view_layer.update()     # 4.5 to 5.2 crash on an armature that was never evaluated
    owner.animation_data.action = action
    if slot:
        owner.animation_data.action_slot = slot
    return action


needs_aud = pytest.mark.skipif(
    bpy is None or not getattr(bpy.app.build_options, "audaspace", False),
    reason="this Blender module is built without sound strips (audaspace)",
)
