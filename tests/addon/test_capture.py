"""A face capture in a file becomes a take on the character, from the current frame on."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from .conftest import curves, keys_of

JAW = 'key_blocks["jawOpen"].value'


def write_capture(path, rest=0.2, fps=24.0):
    """Three seconds: a jaw that opens to 0.8 and closes to its rest."""
    t = np.arange(72) / fps
    jaw = rest + (0.8 - rest) * np.maximum(0, np.sin(2 * np.pi * t))
    other = np.full(72, 0.1)
    rows = [f"{1000 * s:.3f},{a:.5f},{b:.5f}" for s, a, b in zip(t, jaw, other, strict=True)]
    path.write_text("\n".join(["timestamp_ms,jawOpen,mouthFunnel", *rows]))
    return str(path)


def test_a_capture_is_keyed_from_the_current_frame_without_its_resting_face(ext, face, tmp_path):
    bpy.context.scene.frame_set(11)
    assert bpy.ops.unitalker.capture_import(filepath=write_capture(tmp_path / "take.csv")) == {'FINISHED'}
    keys = keys_of(curves(face.data.shape_keys)[JAW])
    assert keys[0, 0] == 11 and keys[-1, 0] == 82
    assert keys[:, 1].min() == pytest.approx(0, abs=0.03) and keys[:, 1].max() == pytest.approx(0.75, abs=0.08)


def test_the_resting_face_can_stay(ext, face, tmp_path):
    bpy.ops.unitalker.capture_import(filepath=write_capture(tmp_path / "take.csv"), keep_rest=True)
    assert keys_of(curves(face.data.shape_keys)[JAW])[:, 1].min() == pytest.approx(0.2, abs=0.03)


def test_a_capture_is_a_take_that_clear_removes(ext, face, tmp_path):
    bpy.ops.unitalker.capture_import(filepath=write_capture(tmp_path / "take.csv"))
    takes = ext.module("addon.take.takes")
    take = takes.find(bpy.context, "Face", "take capture")
    assert takes.clear(bpy.context, take) > 0 and JAW not in curves(face.data.shape_keys)


def test_what_is_no_capture_is_one_line(ext, face, tmp_path):
    (tmp_path / "a.csv").write_text("time,pitch\n0,1\n1,2")
    with pytest.raises(RuntimeError, match="no column that is an ARKit channel"):
        bpy.ops.unitalker.capture_import(filepath=str(tmp_path / "a.csv"))
