"""Retiming keys are read in every Blender, of strips too whose keys its Python interface does not give."""

from __future__ import annotations

import bpy
import pytest

from .strips import sequencer


@pytest.fixture
def meta(ext):
    """A meta strip of ten frames that begins on frame 5, in the factory window."""
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    scene = bpy.context.scene
    editor = scene.sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    length = "length" if "length" in strips.bl_rna.functions["new_effect"].parameters else "frame_end"
    strips.new_effect("Colour", 'COLOR', 1, 5, **{length: 10 if length == "length" else 15})
    with bpy.context.temp_override(**sequencer(), scene=scene):
        bpy.ops.sequencer.select_all(action='SELECT')
        bpy.ops.sequencer.meta_make()
    return scene.sequence_editor.active_strip


def test_a_strip_at_its_own_speed_has_none(ext, meta):
    assert ext.module("addon.sound.retiming_keys").keys_of(meta) == ()
    assert ext.module("addon.sound.strips").retiming_of(meta) == ()


def test_the_keys_of_a_meta_strip_at_half_speed(ext, meta):
    module = ext.module("addon.sound.retiming_keys")
    with bpy.context.temp_override(**sequencer(), scene=bpy.context.scene):
        bpy.ops.sequencer.retiming_segment_speed_set(speed=50)
    first, last = module.keys_of(meta)
    content = module.n_content_frames(meta)
    assert (first.frame, first.share, last.share) == (0, 0, 1)
    assert last.frame == (20 if bpy.app.version < (4, 3, 0) else 2 * content)       # 4.2 counts the last frame twice
    assert content == (10 if bpy.app.version >= (5, 0, 0) else 9)
    inner = (meta.strips if hasattr(meta, "strips") else meta.sequences)[0]
    assert ext.module("addon.sound.strips").retiming_of(inner) == (0, last.frame)


def test_an_unknown_layout_is_one_line(ext, meta, monkeypatch):
    module = ext.module("addon.sound.retiming_keys")
    def unknown():
        raise LookupError("no retiming_handle_num")

    monkeypatch.setattr(module, "_layouts", unknown)
    with pytest.raises(ext.module("engine").AudioError, match=r"cannot be read in .*no retiming_handle"):
        ext.module("addon.sound.strips").retiming_of(meta)
