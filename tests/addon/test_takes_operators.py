"""The buttons on takes, and the list that shows them."""

from __future__ import annotations

import shutil

import bpy
import numpy as np
import pytest

from . import as_before
from .conftest import curves, jaw, make_face, own_action

SMILE = 'key_blocks["mouthSmileLeft"].value'


def animate(speech, **options):
    return bpy.ops.unitalker.animate(audio=str(speech), character="Face", **options)


@pytest.fixture
def listed(ext):
    """Fills the list as a drawing does; its rows as (line, first, last)."""
    takes_list = ext.module("addon.take_list.list")

    def rows():
        if takes_list.is_stale(bpy.context):
            takes_list.fill(bpy.context)
        assert not takes_list.is_stale(bpy.context)
        return [
            (row.line.rpartition("/")[2], row.first_frame, row.last_frame)
            for row in bpy.context.window_manager.unitalker_takes
        ]

    return rows


@pytest.fixture
def two(face, speech, tmp_path):
    """Two takes of one character: speech.wav on 1, second.wav on 101."""
    animate(speech)
    animate(shutil.copy(speech, tmp_path / "second.wav"), start_frame=101)


def choose(ending):
    manager = bpy.context.window_manager
    manager.unitalker_take_index = next(
        number for number, row in enumerate(manager.unitalker_takes) if row.line.endswith(ending)
    )


def test_the_list_follows_takes_characters_and_undo(ext, face, speech, listed, tmp_path):
    assert listed() == []
    bpy.ops.ed.undo_push(message="before")
    animate(speech)
    bpy.ops.ed.undo_push(message="take")
    assert listed() == [("speech.wav", 1, 48)]
    animate(shutil.copy(speech, tmp_path / "second.wav"), start_frame=-99)
    assert listed() == [("second.wav", -99, -52), ("speech.wav", 1, 48)]
    bpy.ops.ed.undo()
    assert listed() == []
    bpy.ops.ed.redo()
    assert listed() == [("speech.wav", 1, 48)]
    other = make_face(ext, "Other")
    other.location.x = 9
    bpy.context.view_layer.update()
    bpy.context.scene.unitalker.character = other
    assert listed() == []


def test_the_chosen_row_stays_chosen(two, listed):
    assert len(listed()) == 2
    choose("second.wav")
    bpy.ops.unitalker.take_clear(line=bpy.context.window_manager.unitalker_takes[0].line)
    assert listed() == [("second.wav", 101, 148)] and bpy.context.window_manager.unitalker_take_index == 0


def test_each_button_acts_on_the_chosen_row(face, two, listed):
    listed()
    choose("second.wav")
    bpy.context.scene.unitalker.gain_jaw = 2.0
    before = jaw(face)
    assert bpy.ops.unitalker.take_remake() == {'FINISHED'}
    np.testing.assert_array_equal(jaw(face), before)            # with its own choices, not the panel's
    assert bpy.ops.unitalker.take_load() == {'FINISHED'}
    assert bpy.context.scene.unitalker.gain_jaw == 1.0 and bpy.context.scene.unitalker.start_frame == 101
    assert bpy.ops.unitalker.regenerate_range(start=120, end=130) == {'FINISHED'}
    np.testing.assert_allclose(jaw(face), before, atol=1e-6)
    assert bpy.ops.unitalker.clear_range(start=120, end=130) == {'FINISHED'}
    assert len(jaw(face)) == 96 - 11
    assert bpy.ops.unitalker.take_mine() == {'FINISHED'}
    assert listed() == [("speech.wav", 1, 48)]
    assert bpy.ops.unitalker.take_clear() == {'FINISHED'}
    assert listed() == [] and jaw(face)[0, 0] == 101


def test_a_range_is_made_again_with_the_panels_style_and_the_takes_sound(face, two, listed):
    settings = bpy.context.scene.unitalker
    listed()
    choose("speech.wav")
    settings.audio, settings.gain_jaw, settings.crossfade = "/nowhere.wav", 0.5, 2.0
    settings.range_start, settings.range_end = 10, 40
    before = jaw(face)
    assert bpy.ops.unitalker.regenerate_range() == {'FINISHED'}
    assert "frames 10 to 40 of 48" in settings.result_counts
    after = jaw(face)
    np.testing.assert_allclose(after[11:38, 1], before[11:38, 1] / 2, atol=1e-6)
    np.testing.assert_array_equal(after[[*range(9), *range(40, 96)]], before[[*range(9), *range(40, 96)]])


def test_the_preview_range_counts_before_the_panels(face, two, listed):
    scene = bpy.context.scene
    scene.use_preview_range, scene.frame_preview_start, scene.frame_preview_end = True, 20, 30
    listed()
    choose("speech.wav")
    assert bpy.ops.unitalker.regenerate_range() == {'FINISHED'}
    assert "frames 20 to 30 of 48" in scene.unitalker.result_counts
    assert bpy.ops.unitalker.clear_range() == {'FINISHED'} and len(jaw(face)) == 96 - 11


def test_a_take_that_is_not_there_is_one_error(face, two):
    before = as_before.animation()
    for operator in ("take_remake", "take_clear", "take_mine", "take_load", "regenerate_range"):
        with pytest.raises(RuntimeError, match=r"Take not found: 'nothing'.*It has: .*speech\.wav"):
            getattr(bpy.ops.unitalker, operator)(line="nothing")
    with pytest.raises(RuntimeError, match="Character not found: 'Nobody'"):
        bpy.ops.unitalker.take_mine(character="Nobody")
    assert as_before.animation() == before


def test_buttons_leave_the_artists_action_alone(ext, face, speech, listed):
    own_action(face.data.shape_keys, {SMILE: [(1, 0.3), (40, 0.9)]})
    animate(speech)
    before = as_before.animation()[0]["Mine"]
    listed()
    for call in (
        bpy.ops.unitalker.take_remake, lambda: bpy.ops.unitalker.regenerate_range(start=10, end=20),
        lambda: bpy.ops.unitalker.clear_range(start=10, end=20),
        bpy.ops.unitalker.take_clear,
    ):
        assert call() == {'FINISHED'} and as_before.animation()[0]["Mine"] == before
    assert [action.name for action in bpy.data.actions] == ["Mine"] and curves(face.data.shape_keys)


# ---- the panel

class Layout:
    """Stands for Blender's layout: every property, operator and list that is drawn must exist. Gives itself for rows
    and columns."""

    def __init__(self):
        self.drawn = []

    def prop(self, data, name, **_options):
        assert name in data.bl_rna.properties, name
        self.drawn.append(name)

    def operator(self, idname, **_options):
        group, _, name = idname.partition(".")
        assert getattr(getattr(bpy.ops, group), name).get_rna_type()
        self.drawn.append(name)

    def template_list(self, kind, _id, data, name, index_data, index, **_options):
        assert hasattr(bpy.types, kind) and name in data.bl_rna.properties and index in index_data.bl_rna.properties
        self.drawn.append(name)

    def label(self, text="", **_options):
        self.drawn.append(text)

    def __getattr__(self, name):
        assert name in ("row", "column", "box")
        return lambda **_options: self


def drawn(ext, monkeypatch):
    """What the panel draws."""
    module = ext.module("addon.take_list.panel")
    monkeypatch.setattr(module, "paragraph", lambda _context, layout, text, _icon: layout.drawn.append(text))
    panel = type("Panel", (module.Takes,), {"layout": Layout()})()
    panel.draw(bpy.context)
    return panel.layout.drawn


def test_the_panel_shows_the_list_and_its_buttons(ext, two, listed, monkeypatch):
    bpy.context.window_manager.unitalker_takes.clear()
    empty = drawn(ext, monkeypatch)
    listed()
    assert drawn(ext, monkeypatch) == empty == [        # a first take moves nothing
        "unitalker_takes", "take_load", "take_remake", "take_clear", "take_mine", "range_start", "range_end",
        "crossfade", "regenerate_range", "clear_range",
    ]
    scene = bpy.context.scene
    scene.use_preview_range, scene.frame_preview_start, scene.frame_preview_end = True, 20, 30
    assert "Preview range: 20 - 30" in drawn(ext, monkeypatch)


def test_a_drawing_of_an_old_list_asks_for_a_new_one(ext, two, monkeypatch):
    asked = []
    monkeypatch.setattr(ext.module("addon.take_list.list"), "fill_soon", lambda: asked.append(1))
    drawn(ext, monkeypatch)
    ext.module("addon.take_list.list").fill(bpy.context)
    drawn(ext, monkeypatch)
    assert asked == [1]


@pytest.mark.parametrize(
    "name", ["take_remake", "regenerate_range", "take_load", "take_clear", "take_mine", "clear_range"]
)
def test_a_button_of_a_take_is_grey_while_something_is_made(ext, face, speech, monkeypatch, name):
    animate(speech)
    assert getattr(bpy.ops.unitalker, name).poll()
    monkeypatch.setattr(ext.module("addon.host.job").Job, "current", object())
    button, said = getattr(bpy.types, f"UNITALKER_OT_{name}"), []
    monkeypatch.setattr(button, "poll_message_set", said.append, raising=False)
    assert not button.poll(bpy.context) and said == [ext.module("addon.host.operator_base").BUSY]
