"""Loose ends of a shot: a sound said twice, phones of a renamed character, an add-on switched off and on, a slot that
plays nowhere any more."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from .conftest import curves, curves_in, jaw, make_face, needs_aud
from .strips import add_strip, move
from .test_destinations import body, needs_slots  # noqa: F401  (body is a fixture)
from .test_phone_markers import a_vowel, show, spoken, values  # noqa: F401  (spoken is a fixture)


def animate(speech, **options):
    return bpy.ops.unitalker.animate(audio=str(speech), character="Face", **options)


def spans(ext):
    return [(take.line, take.first_frame) for take in ext.module("addon.take.takes").takes_of(bpy.context, "Face")]


# ---- one sound file at two frames
def test_a_file_said_again_later_is_a_second_take_and_says_so(ext, face, speech):
    animate(speech, start_frame=1)
    first = jaw(face)
    (line, _), = spans(ext)
    animate(speech, start_frame=101)
    assert spans(ext) == [(line, 1), (f"{line} (2)", 101)]
    assert jaw(face)[:48].tolist() == first.tolist() and jaw(face)[-1, 0] == 148
    assert f"{line!r} on frames 1 to 48 stays" in bpy.context.scene.unitalker.result_details
    animate(speech, start_frame=101, gain_jaw=0.5)
    assert "said twice" not in bpy.context.scene.unitalker.result_details and len(spans(ext)) == 2
    assert jaw(face)[:48].tolist() == first.tolist()
    bpy.ops.unitalker.take_clear(character="Face", line=line)
    assert jaw(face)[[0, -1], 0].tolist() == [101, 148]
    animate(speech, start_frame=120)            # overlaps: the same words begin later
    assert spans(ext) == [(f"{line} (2)", 120)] and len(jaw(face)) == 48


def test_the_panel_and_a_new_style_mean_the_take_at_its_start(ext, face, speech):
    takes, settings = ext.module("addon.take.takes"), bpy.context.scene.unitalker
    for start in (1, 101):
        animate(speech, start_frame=start)
    settings.source, settings.audio, settings.character, settings.start_frame = 'FILE', str(speech), face, 101
    one = takes.chosen(bpy.context)
    assert one.first_frame == 101
    before = jaw(face)
    takes.remake(bpy.context, one, {"gain_jaw": 0.5})
    assert jaw(face)[:48].tolist() == before[:48].tolist() and len(jaw(face)) == 96
    assert jaw(face)[48:, 1].max() == pytest.approx(before[48:, 1].max() / 2, abs=1e-3)


# ---- parts of a character
@needs_aud
def test_teeth_go_along_when_related_parts_were_switched_off_since(ext, face, speech):
    teeth, other = make_face(ext, "Teeth", ("jawOpen",)), make_face(ext, "Other")
    teeth.parent = face
    other.location.x = 50
    bpy.context.view_layer.update()
    strip = add_strip(speech)
    bpy.ops.unitalker.animate(strip="Line", character="Face")
    bpy.ops.unitalker.animate(strip="Line", character="Other")
    before = jaw(other)
    move(strip, 101)
    for _ in range(2):
        bpy.ops.unitalker.animate(strip="Line", character="Face", with_related=False)
        assert [jaw(obj)[[0, -1], 0].tolist() for obj in (face, teeth)] == [[101, 148]] * 2
    np.testing.assert_array_equal(jaw(other), before)
    bpy.ops.unitalker.take_clear(character="Face", line="Line")
    assert not curves(face.data.shape_keys) and not curves(teeth.data.shape_keys)
    bpy.ops.unitalker.animate(strip="Line", character="Face", with_related=False)
    assert len(jaw(face)) == 48 and not curves(teeth.data.shape_keys)


# ---- phones
def test_phones_of_a_renamed_character_are_applied(ext, spoken):  # noqa: F811
    take = show()
    bpy.context.scene.timeline_markers[a_vowel(take)].name = "m"
    before = {path: keys.tolist() for path, keys in values(spoken).items()}
    spoken.name = "Hero"
    assert bpy.ops.unitalker.phones_apply() == {'FINISHED'}
    assert before != {path: keys.tolist() for path, keys in values(spoken).items()} and take.title.endswith("on Hero")
    spoken.name = "Heroine"
    bpy.context.scene.unitalker.character = spoken
    show()
    assert len(bpy.context.scene.unitalker_phones.takes) == 1


def test_markers_are_watched_again_after_the_add_on_was_switched_off_and_on(ext, spoken):  # noqa: F811
    watch = ext.module("addon.phones.watch")
    show()
    watch.unregister()
    assert not bpy.app.timers.is_registered(watch._tick)
    watch.register()
    assert bpy.app.timers.is_registered(watch._tick) and watch.look(bpy.context)


# ---- a slot that plays nowhere
@needs_slots
@pytest.mark.parametrize("button", ["clear", "take_clear"])
def test_clear_takes_a_slot_away_that_plays_nowhere_any_more(ext, face, body, speech, button):  # noqa: F811
    before = {path: len(curve.keyframe_points) for path, curve in curves_in(body, body.slots[0]).items()}
    for destination in ('SLOT', 'ACTION', 'NLA'):
        animate(speech, destination=destination)
        assert not body.use_fake_user
    assert len(body.slots) == 2
    getattr(bpy.ops.unitalker, button)(
        character="Face", **({"line": spans(ext)[0][0]} if button == "take_clear" else {})
    )
    assert len(body.slots) == 1 and not {"unitalker", "unitalker_slots"} & set(body.keys())
    assert before == {path: len(curve.keyframe_points) for path, curve in curves_in(body, body.slots[0]).items()}
