"""An extension whose wheels are missing or damaged says so in one line: no "bug", no traceback."""

from __future__ import annotations

import sys

import bpy
import numpy as np
import pytest

from .conftest import curves, write_wav


def told(**options: object) -> str:
    """The one line that Generate shows."""
    with pytest.raises(RuntimeError) as failure:
        bpy.ops.unitalker.animate(**options)
    assert "bug" not in str(failure.value) and "Traceback" not in str(failure.value)
    return str(failure.value)


def test_missing_soxr_is_one_line_with_the_next_step(ext, face, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "soxr", None)
    sound = write_wav(tmp_path / "a.wav", 0.5 * np.sin(np.arange(48_000) / 10), 48_000)
    assert "package soxr cannot be loaded" in told(audio=sound, character="Face") and not curves(face.data.shape_keys)
    monkeypatch.undo()
    assert bpy.ops.unitalker.animate(audio=sound, character="Face") == {'FINISHED'}


def test_missing_fastjsonschema_is_one_line_and_the_lists_still_open(ext, face, speech, monkeypatch):
    monkeypatch.setitem(sys.modules, "fastjsonschema", None)
    ext.module("engine.rig.preset_file")._validator.cache_clear()
    ext.module("engine.rig.presets")._unchanged.cache_clear()       # as in a session that never could read them
    catalog, settings = ext.module("addon.take.catalog"), bpy.context.scene.unitalker
    catalog.refresh()
    items = catalog.preset_items(settings, None)
    assert [item[0] for item in items] == ["auto"] and "package fastjsonschema cannot be loaded" in items[0][2]
    settings.character = face
    assert "package fastjsonschema cannot be loaded" in catalog.fit(bpy.context).problem
    assert "Install the extension again" in told(audio=speech, character="Face")
    monkeypatch.undo()
    catalog.refresh()
    assert len(catalog.preset_items(settings, None)) > 3
