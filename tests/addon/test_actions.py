"""Which Action plays where, and whose it is: names, copies of characters, NLA switches, renamed objects."""

from __future__ import annotations

import contextlib

import bpy
import numpy as np
import pytest

from .conftest import curves, jaw, make_face, own_action

JAW, SMILE = 'key_blocks["jawOpen"].value', 'key_blocks["mouthSmileLeft"].value'


def animate(speech, character="Face", **options):
    return bpy.ops.unitalker.animate(audio=speech, character=character, **options)


def details():
    return bpy.context.scene.unitalker.result_details


@pytest.mark.parametrize("name", ["Take 1", "Ä" * 200])
def test_a_name_that_blender_changes_still_means_one_action(ext, face, speech, name):
    bpy.data.actions.new("Take 1").use_fake_user = True         # the artist's
    for _ in range(3):
        animate(speech, action=name)
    assert len(bpy.data.actions) == 2 and len(jaw(face)) == 48


def test_a_take_that_the_artist_renamed_is_left_alone(ext, face, speech):
    animate(speech, action="Take")
    bpy.data.actions["Take"].name = "Best"
    animate(speech, action="Take")
    assert {action.name for action in bpy.data.actions} == {"Best", "Take"} and bpy.data.actions["Best"].use_fake_user


def test_two_characters_with_one_action_name_keep_their_own_keys(ext, face, speech):
    other = make_face(ext, "Other")
    other.location.x = 9
    bpy.context.view_layer.update()
    animate(speech, action="Take")
    before = jaw(face)
    for _ in range(2):
        animate(speech, "Other", action="Take", gain_jaw=0.5)
    np.testing.assert_array_equal(jaw(face), before)
    assert jaw(other)[:, 1].max() == pytest.approx(before[:, 1].max() / 2, abs=1e-3)
    assert len(bpy.data.actions) == (1 if hasattr(bpy.data.actions[0], "slots") else 2)


def test_an_earlier_take_beneath_the_artists_action_survives_saving(ext, face, speech, tmp_path):
    own_action(face.data.shape_keys, {SMILE: [(1, 0.3)]})
    for name in ("Take 1", "Take 2"):
        animate(speech, action=name)
    path = str(tmp_path / "shot.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.open_mainfile(filepath=path)
    assert {"Mine", "Take 1", "Take 2"} == {action.name for action in bpy.data.actions}


@pytest.mark.parametrize("clear", [False, True])
def test_a_copy_of_a_character_leaves_the_keys_of_the_original(ext, face, speech, clear):
    animate(speech)
    before = jaw(face)
    copy = face.copy()
    copy.data = face.data.copy()        # its shape keys still play the same Action
    bpy.context.scene.collection.objects.link(copy)
    copy.location.x = 9
    bpy.context.view_layer.update()
    if clear:
        bpy.ops.unitalker.clear(character=copy.name)
        assert not curves(copy.data.shape_keys)
    else:
        animate(speech, copy.name, gain_jaw=0.5)
        assert jaw(copy)[:, 1].max() == pytest.approx(before[:, 1].max() / 2, abs=1e-3)
    np.testing.assert_array_equal(jaw(face), before)


def test_a_copy_of_a_character_with_strips_leaves_the_strips_of_the_original(ext, face, speech):
    own_action(face.data.shape_keys, {SMILE: [(1, 0.3)]})
    animate(speech)
    copy = face.copy()
    copy.data = face.data.copy()
    bpy.context.scene.collection.objects.link(copy)
    copy.location.x = 9
    bpy.context.view_layer.update()
    original = face.data.shape_keys.animation_data.nla_tracks[0].strips[0].action
    animate(speech, copy.name, start_frame=31)
    track, = copy.data.shape_keys.animation_data.nla_tracks
    assert track.strips[0].action != original
    assert original.frame_range[:] == (1, 48) and track.strips[0].action.frame_range[:] == (31, 78)


# ---- NLA switches

def on_track(keys):
    """Push the artist's Action down to a track; the track."""
    action, slot = keys.animation_data.action, getattr(keys.animation_data, "action_slot", None)
    keys.animation_data.action = None
    track = keys.animation_data.nla_tracks.new()
    strip = track.strips.new("Mine", 1, action)
    if slot:
        strip.action_slot = slot
    return track


def test_a_muted_track_of_the_artist_does_not_hold_a_channel_back(ext, face, speech):
    keys = face.data.shape_keys
    own_action(keys, {JAW: [(1, 0.5), (50, 0.5)]})
    on_track(keys).mute = True
    animate(speech)
    assert len(curves(keys)) == 52


@pytest.mark.parametrize("existing", ['KEEP', 'LAYER'])
def test_an_nla_that_is_switched_off_is_said(ext, face, speech, existing):
    keys = face.data.shape_keys
    own_action(keys, {SMILE: [(1, 0.3)]})
    keys.animation_data.use_nla = False
    animate(speech, existing=existing)
    assert "NLA of 'Face' is switched off" in details()


def test_a_solo_track_is_said(ext, face, speech):
    keys = face.data.shape_keys
    own_action(keys, {SMILE: [(1, 0.3)]})
    on_track(keys).is_solo = True
    animate(speech)
    assert "'NlaTrack' of 'Face' is solo" in details()


# ---- clear

def test_clear_after_renaming_the_object_gives_all_back(ext, face, speech):
    keys = face.data.shape_keys
    keys.key_blocks["mouthSmileLeft"].value = 0.25
    mine = own_action(keys, {JAW: [(1, 0.5), (200, 0.5)]})
    animate(speech, existing='LAYER')
    face.name = "Renamed"
    animate(speech, "Renamed", existing='LAYER')
    bpy.context.scene.frame_set(24)
    bpy.ops.unitalker.clear(character="Renamed")
    assert keys.animation_data.action == mine and len(keys.animation_data.nla_tracks) == 0
    assert keys.key_blocks["mouthSmileLeft"].value == pytest.approx(0.25)


def test_clear_gives_the_slider_ranges_back(ext, face, speech):
    blocks = face.data.shape_keys.key_blocks
    for block in blocks[1:]:
        block.slider_min, block.slider_max = 0.05, 0.2
    for _ in range(2):
        animate(speech)
    assert blocks["jawOpen"].slider_max > 0.5
    blocks["jawLeft"].slider_max = 0.7          # the artist's own, later
    bpy.ops.unitalker.clear(character="Face")
    assert (blocks["jawOpen"].slider_min, blocks["jawOpen"].slider_max) == (pytest.approx(0.05), pytest.approx(0.2))
    assert blocks["jawLeft"].slider_max == pytest.approx(0.7)


def test_names_with_quotes_are_told_whole(ext, face, speech):
    face.data.shape_keys.key_blocks["jawOpen"].name = 'jaw"\\Open'
    actions = ext.module("addon.actions.actions")
    path = f'key_blocks["{bpy.utils.escape_identifier(face.data.shape_keys.key_blocks[1].name)}"].value'
    assert (
        actions.GROUP
        and ext.module("addon.keying.parts").names_of(frozenset({(path, 0)})) == face.data.shape_keys.key_blocks[1].name
    )


def test_clear_gives_a_moved_action_its_own_way_of_playing_back(ext, face, speech):
    animation = own_action(face.data.shape_keys, {JAW: [(1, 0.5), (200, 0.5)]}) and face.data.shape_keys.animation_data
    before = animation.action_extrapolation, animation.action_blend_type, animation.action_influence = (
        'HOLD_FORWARD', 'ADD', 0.5
    )
    animate(speech, existing='LAYER')
    assert animation.nla_tracks[0].strips[0].extrapolation == 'HOLD_FORWARD'
    bpy.ops.unitalker.clear(character="Face")
    assert (animation.action_extrapolation, animation.action_blend_type, animation.action_influence) == before


# ---- values at rest

def both_rigs(ext):
    channels = ext.module("engine.values.channels")
    return make_face(ext, "Face", (*channels.ARKIT_52, *channels.OCULUS_15))


def test_shapes_that_a_change_of_preset_leaves_go_back_to_rest(ext, speech):
    blocks = both_rigs(ext).data.shape_keys.key_blocks
    blocks["mouthSmileLeft"].value = 0.25
    animate(speech, preset="arkit52")
    bpy.context.scene.frame_set(24)
    assert blocks["jawOpen"].value > 0.5
    animate(speech, preset="oculus15")
    assert blocks["jawOpen"].value == 0 and blocks["mouthSmileLeft"].value == pytest.approx(0.25)
    blocks["mouthSmileLeft"].value = 0.7        # the artist's own from here on
    bpy.ops.unitalker.clear(character="Face")
    assert blocks["mouthSmileLeft"].value == pytest.approx(0.7)


def test_shapes_that_another_take_leaves_go_back_to_rest(ext, speech):
    blocks = both_rigs(ext).data.shape_keys.key_blocks
    animate(speech, preset="arkit52", action="Take 1")
    bpy.context.scene.frame_set(24)
    animate(speech, preset="oculus15", action="Take 2")
    assert blocks["jawOpen"].value == 0


def test_clear_after_a_second_take_knows_the_values_from_before_the_first(ext, face, speech):
    blocks = face.data.shape_keys.key_blocks
    blocks["mouthSmileLeft"].value = 0.25
    animate(speech, action="Take 1")
    bpy.context.scene.frame_set(24)
    animate(speech, action="Take 2")
    bpy.ops.unitalker.clear(character="Face")
    assert blocks["jawOpen"].value == 0 and blocks["mouthSmileLeft"].value == pytest.approx(0.25)


# ---- what may go wrong

def test_clear_in_tweak_mode_is_one_error(ext, face, speech):
    keys = face.data.shape_keys
    own_action(keys, {SMILE: [(1, 0.3)]})
    animate(speech)
    keys.animation_data.action = None
    track = keys.animation_data.nla_tracks[0]
    track.select = track.strips[0].select = True
    with contextlib.suppress(AttributeError, RuntimeError):
        keys.animation_data.use_tweak_mode = True
    if not keys.animation_data.use_tweak_mode:
        pytest.skip("this Blender does not enter tweak mode without an NLA editor")
    with pytest.raises(RuntimeError, match="Error: 'Face' is in NLA tweak mode"):
        bpy.ops.unitalker.clear(character="Face")


@pytest.mark.parametrize("note", ['{"lines": {}, "later": 1}', '{"rest": 5, "lines": {}}', "not json", "[]", 5])
def test_a_note_that_a_later_version_or_a_person_wrote_stops_nothing(ext, face, speech, note):
    animate(speech)
    bpy.data.actions["Face Lip Sync"][ext.module("addon.actions.actions").OWNER] = note
    animate(speech)
    assert len(bpy.data.actions) == 1 and len(jaw(face)) == 48
    assert bpy.ops.unitalker.clear(character="Face") == {'FINISHED'}


def test_a_take_that_stops_playing_is_said(ext, face, speech):
    animate(speech, action="Take 1")
    assert details() == ""
    animate(speech, action="Take 2")
    assert "'Take 1' no longer plays" in details()
    animate(speech, action="Take 2")
    assert details() == ""
