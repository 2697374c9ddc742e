"""Switching on and off, what that loads, and the panel's lists."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import bpy
import pytest

from .conftest import ROOT, TINY, curves, make_face

# a fresh process, since here everything is loaded already
MEASURE = """
import bpy, addon_utils, os, sys
addon_utils.extensions_refresh(addon_modules_pending=[{package!r}])     # unpacks the wheels: once per installation
before = set(sys.modules)
addon_utils.enable({package!r}, default_set=True)
assert {package!r} in bpy.context.preferences.addons
loaded = set(sys.modules) - before
names = ("channels", "errors", "messages", "option_row", "options", "own_moods", "phones", "settings")
engine, values = {package!r} + ".engine", ("", *("." + name for name in names))
# pure Python: the errors, names of channels, and the table of options
light = [engine, *(engine + ".values" + name for name in values)]
heavy = [name for name in loaded if name in ("numpy", "onnxruntime", "soundfile", "soxr")]
heavy += [name for name in loaded if name.startswith(engine) and name not in light]
print("\\nHEAVY", heavy, flush=True)
os._exit(0)
"""


def test_switching_on_loads_nothing_heavy(ext, package):
    run = subprocess.run(
        [sys.executable, "-c", MEASURE.format(package=package)], capture_output=True, text=True, timeout=60,
        env=os.environ,
    )
    assert run.returncode == 0, run.stderr
    assert "HEAVY []" in run.stdout.splitlines()


def test_no_annotation_of_a_property_is_text(ext):
    """Blender would compile each of them anew for each class: the larger part of the time that registering takes. So
    those files have no `from __future__ import annotations`."""
    classes = {
        base for cls in ext.module("addon").CLASSES for base in cls.__mro__ if base.__module__.startswith("bl_ext")
    }
    texts = {
        f"{cls.__module__}.{cls.__name__}.{name}"
        for cls in classes for name, kept in getattr(cls, "__annotations__", {}).items() if isinstance(kept, str)
    }
    assert sum(len(getattr(cls, "__annotations__", {})) for cls in classes) > 200 and texts == set()


def our_handlers(package):
    """Name of each list of handlers -> how many of ours are in it."""
    lists = {
        name: getattr(bpy.app.handlers, name)
        for name in dir(bpy.app.handlers) if isinstance(getattr(bpy.app.handlers, name), list)
    }
    counts = {
        name: sum(getattr(handler, "__module__", "").startswith(package) for handler in handlers)
        for name, handlers in lists.items()
    }
    return {name: count for name, count in counts.items() if count}


def test_off_and_on_again_leaves_nothing_behind(ext, package):
    import addon_utils

    handlers = our_handlers(package)
    assert handlers["load_pre"] >= 1
    addon_utils.disable(package)
    try:
        assert not hasattr(bpy.types.Scene, "unitalker") and not hasattr(bpy.types, "UNITALKER_PT_audio")
        assert not hasattr(bpy.types.WindowManager, "unitalker_takes") and our_handlers(package) == {}
    finally:
        addon_utils.enable(package)
    assert our_handlers(package) == handlers and bpy.context.scene.unitalker.model == TINY


def test_registering_at_start_up_touches_no_data(ext, package):
    try:
        from _bpy_restrict_state import RestrictBlend
    except ImportError:                     # its name before 5.0
        from bpy_restrict_state import RestrictBlend

    addon = ext.module("addon")
    addon.unregister()
    with RestrictBlend():
        addon.register()
    assert bpy.context.scene.unitalker.strength == 1.0


def test_settings_are_saved_with_the_file(ext, face, tmp_path):
    settings = bpy.context.scene.unitalker
    settings.character, settings.identity, settings.strength, settings.audio = face, "wide", 1.5, "//line.wav"
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    settings = bpy.context.scene.unitalker
    assert (settings.character.name, settings.identity, settings.strength, settings.audio) == (
        "Face", "wide", 1.5, "//line.wav"
    )


# ---- lists

def test_identities_come_from_the_model_with_the_pivot_first(ext):
    settings = bpy.context.scene.unitalker
    catalog = ext.module("addon.take.catalog")
    assert [item[0] for item in catalog.identity_items(settings, bpy.context)] == ["pivot", "wide", "round"]
    assert settings.identity_pick == "pivot"
    settings.identity_pick = "round"
    assert settings.identity == "round"


def test_a_typed_blend_stays_in_the_list(ext):
    settings = bpy.context.scene.unitalker
    settings.identity = "blend:wide=0.5,round=0.5"
    assert settings.identity_pick == "blend:wide=0.5,round=0.5"


def test_lists_are_kept_until_refresh(ext, monkeypatch):
    settings, catalog = bpy.context.scene.unitalker, ext.module("addon.take.catalog")
    catalog.identity_items(settings, bpy.context)
    monkeypatch.setattr(ext.module("engine.model.folder"), "open_model", None)
    assert len(catalog.identity_items(settings, bpy.context)) == 3
    bpy.ops.unitalker.refresh()
    with pytest.raises(TypeError):
        catalog.identity_items(settings, bpy.context)
    monkeypatch.undo()


def test_fit_says_how_many_channels_and_which_are_missing(ext):
    make_face(ext, "Face", ext.module("engine.values.channels").ARKIT_52[:37])
    fit = ext.module("addon.take.catalog").fit(bpy.context)
    assert "37 of 52 channels found, 1 mesh" in fit.line and len(fit.missing) == 15


def test_fit_follows_the_choice(ext, face):
    catalog = ext.module("addon.take.catalog")
    assert "52 of 52" in catalog.fit(bpy.context).line
    face.select_set(False)
    bpy.context.view_layer.objects.active = None
    assert "No character is chosen" in catalog.fit(bpy.context).problem


# ---- presets of the user

def test_a_saved_preset_is_chosen_and_used(ext, face, speech):
    assert bpy.ops.unitalker.preset_save(name="My Rig") == {'FINISHED'}
    settings = bpy.context.scene.unitalker
    assert settings.preset == settings.preset_pick == "my_rig"
    bpy.ops.unitalker.animate(audio=speech, character="Face")
    assert "My Rig" in settings.result_counts and len(curves(face.data.shape_keys)) == 52
    Path(ext.module("addon.host.preferences").user_folder("presets"), "my_rig.json").unlink()
    bpy.ops.unitalker.refresh()


def test_a_loaded_preset_is_checked_and_copied(ext, face, tmp_path):
    content = json.loads((ROOT / "presets" / "arkit52.json").read_text())
    content["name"] = "From a friend"
    source = tmp_path / "friend.json"
    source.write_text(json.dumps(content))
    assert bpy.ops.unitalker.preset_load(filepath=str(source)) == {'FINISHED'}
    assert bpy.context.scene.unitalker.preset == "from_a_friend"
    Path(ext.module("addon.host.preferences").user_folder("presets"), "from_a_friend.json").unlink()
    bpy.ops.unitalker.refresh()


@pytest.mark.parametrize("content", ["{", '{"schema": 1}', '{"schema": 99, "name": "x"}', "x" * (10 * 2**20)])
def test_a_broken_preset_is_one_error_and_nothing_is_copied(ext, face, tmp_path, content):
    source = tmp_path / "broken.json"
    source.write_text(content)
    with pytest.raises(RuntimeError, match=r"broken\.json"):
        bpy.ops.unitalker.preset_load(filepath=str(source))
    assert not list(Path(ext.module("addon.host.preferences").user_folder("presets", create=True)).glob("*.json"))
