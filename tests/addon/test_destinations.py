"""Where keys go: an Action of ours, a slot in the artist's, a strip of the NLA; made again, moved from one to the
other, cleared."""

from __future__ import annotations

import shutil

import bpy
import numpy as np
import pytest

from . import as_before
from .conftest import curves, curves_in, jaw, keys_of, make_face, own_action

JAW, SMILE = 'key_blocks["jawOpen"].value', 'key_blocks["mouthSmileLeft"].value'
has_slots = "slots" in bpy.types.Action.bl_rna.properties if bpy else False
needs_slots = pytest.mark.skipif(not has_slots, reason="Actions have slots from Blender 4.4 on")
NEUTRAL_DEFAULT = bpy is not None and bpy.types.ShapeKey.bl_rna.properties["value"].default == 0


def animate(speech, character="Face", **options):
    return bpy.ops.unitalker.animate(audio=str(speech), character=character, **options)


def values_at(owner, frame, *names):
    bpy.context.scene.frame_set(frame)
    return [owner.key_blocks[name].value for name in names]


def strips(owner):
    return [strip for track in owner.animation_data.nla_tracks for strip in track.strips]


def keys_in(action, slot):
    return {path: keys_of(curve).tolist() for path, curve in curves_in(action, slot).items()}


@pytest.fixture
def body(ext, face):
    """An armature above the face with an Action of the artist: the shot's Action, in which the face has no slot yet."""
    armature = bpy.data.objects.new("Body", bpy.data.armatures.new("Body"))
    bpy.context.scene.collection.objects.link(armature)
    bpy.context.view_layer.objects.active = armature
    bpy.ops.object.mode_set(mode='EDIT')
    armature.data.edit_bones.new("hip").tail.z = 1
    bpy.ops.object.mode_set(mode='OBJECT')
    face.parent = armature
    bpy.context.view_layer.update()
    return own_action(armature, {'pose.bones["hip"].location': [(1, 0.0), (40, 1.0)]}, "Shot")


# ---- slot

@pytest.mark.skipif(has_slots, reason="for Blender before 4.4")
def test_a_slot_is_refused_where_there_are_none(ext, face, speech):
    own_action(face.data.shape_keys, {SMILE: [(1, 0.3)]})
    before = as_before.animation()
    with pytest.raises(RuntimeError, match=r"no slots before Blender 4\.4\. Choose Own Action or NLA Strip"):
        animate(speech, destination='SLOT')
    assert as_before.animation() == before
    settings = bpy.context.scene.unitalker
    settings.source, settings.audio, settings.destination = 'FILE', speech, 'SLOT'
    assert "from Blender 4.4 on" in ext.module("addon.ui.generate").problem(bpy.context)


@needs_slots
def test_a_slot_in_the_shots_action_holds_the_lip_sync(ext, face, body, speech):
    hip = keys_in(body, body.slots[0])
    animate(speech, destination='SLOT')
    animation = face.data.shape_keys.animation_data
    assert [action.name for action in bpy.data.actions] == ["Shot"] and animation.action == body
    assert (
        [slot.identifier for slot in body.slots] == ["OBBody", "KEFace Lip Sync"]
        and animation.action_slot == body.slots[1]
    )
    assert len(jaw(face)) == 48 and keys_in(body, body.slots[0]) == hip
    loud = jaw(face)[20]
    assert values_at(face.data.shape_keys, int(loud[0]), "jawOpen")[0] == pytest.approx(loud[1], abs=1e-5)


@needs_slots
def test_a_slot_made_again_is_the_same_slot_and_clear_takes_it_away(ext, face, body, speech):
    before = as_before.animation()
    marks = dict(body.items())
    animate(speech, destination='SLOT')
    once = as_before.animation()
    for gain in (0.5, 1.0):
        animate(speech, destination='SLOT', gain_jaw=gain)
    assert as_before.animation() == once and len(body.slots) == 2
    bpy.ops.unitalker.clear(character="Face")
    assert as_before.animation()[0] == before[0] and len(body.slots) == 1 and dict(body.items()) == marks
    assert face.data.shape_keys.animation_data.action is None


@needs_slots
@pytest.mark.parametrize("existing", ['KEEP', 'LAYER'])
def test_a_slot_beside_the_artists_slot_of_the_same_face(ext, face, speech, existing):
    keys = face.data.shape_keys
    mine = own_action(keys, {SMILE: [(1, 0.3), (40, 0.9)]})
    slot, before = keys.animation_data.action_slot, keys_in(mine, keys.animation_data.action_slot)
    for _ in range(2):
        animate(speech, destination='SLOT', existing=existing)
        assert keys_in(mine, slot) == before and len(mine.slots) == 2
        assert [action.name for action in bpy.data.actions] == ["Mine"]
        strip, = strips(keys)
        ours, his = (
            (strip.action_slot, keys.animation_data.action_slot) if existing == 'KEEP'
            else (keys.animation_data.action_slot, strip.action_slot)
        )
        assert his == slot and ours == mine.slots[1]
        assert len(curves_in(mine, ours)) == (51 if existing == 'KEEP' else 52)
    loud = int(keys_of(curves_in(mine, ours)[JAW])[:, 1].argmax()) + 1
    assert values_at(keys, loud, "jawOpen")[0] == pytest.approx(curves_in(mine, ours)[JAW].evaluate(loud), abs=1e-5)
    bpy.ops.unitalker.clear(character="Face")
    assert (
        keys.animation_data.action_slot == slot and keys_in(mine, slot) == before and len(mine.slots) == 1
        and not strips(keys)
    )


@needs_slots
def test_a_slot_needs_an_action_of_the_artist(ext, face, speech):
    with pytest.raises(RuntimeError, match=r"No Action of yours is active on 'Face'"):
        animate(speech, destination='SLOT')
    with pytest.raises(RuntimeError, match=r"You have no Action 'Shot' in this file"):
        animate(speech, destination='SLOT', action="Shot")
    assert len(bpy.data.actions) == 0
    own_action(bpy.context.scene.objects["Face"], {"location": [(1, 0.0)]}, "Shot")
    animate(speech, destination='SLOT', action="Shot")
    assert face.data.shape_keys.animation_data.action.name == "Shot" and len(jaw(face)) == 48


@needs_slots
def test_a_slot_is_made_again_where_it_is(ext, face, body, speech):
    other = bpy.data.actions.new("Other Shot")
    other.use_fake_user = True
    animate(speech, destination='SLOT', action="Other Shot")
    before = as_before.animation()
    other.name = "Renamed"
    takes = ext.module("addon.take.takes")
    take, = takes.takes_of(bpy.context, "Face")
    takes.remake(bpy.context, take, {})
    assert (
        as_before.animation()[0]["Renamed"] == before[0]["Other Shot"]
        and as_before.animation()[0]["Shot"] == before[0]["Shot"]
    )
    animate(speech, destination='SLOT')             # without a name too, though another Action is active on the body
    assert len(body.slots) == 1 and len(other.slots) == 1


@needs_slots
def test_a_slot_that_is_mine_is_the_artists(ext, face, body, speech):
    animate(speech, destination='SLOT')
    before = as_before.animation()
    takes = ext.module("addon.take.takes")
    take, = takes.takes_of(bpy.context, "Face")
    assert takes.forget(bpy.context, take) == 52
    assert as_before.animation() == before and not body.keys()
    assert bpy.ops.unitalker.clear(character="Face") == {'CANCELLED'}
    assert as_before.animation() == before


@needs_slots
def test_a_slot_of_two_characters_in_one_action(ext, face, body, speech):
    other = make_face(ext, "Other")
    other.location.x = 9
    bpy.context.view_layer.update()
    animate(speech, destination='SLOT')
    animate(speech, "Other", destination='SLOT', action="Shot", start_frame=101)
    before = keys_of(curves(other.data.shape_keys)[JAW]).tolist()
    bpy.ops.unitalker.clear(character="Face")
    assert len(body.slots) == 2 and keys_of(curves(other.data.shape_keys)[JAW]).tolist() == before
    bpy.ops.unitalker.clear(character="Other")
    assert len(body.slots) == 1 and not body.keys()


@needs_slots
@pytest.mark.parametrize("clear", [False, True])
def test_a_copied_character_leaves_the_slot_of_the_original(ext, face, body, speech, clear):
    animate(speech, destination='SLOT')
    before = jaw(face)
    copy = face.copy()
    copy.data = face.data.copy()
    copy.parent = None
    bpy.context.scene.collection.objects.link(copy)
    copy.location.x = 9
    bpy.context.view_layer.update()
    if clear:
        bpy.ops.unitalker.clear(character=copy.name)
        assert not curves(copy.data.shape_keys)
    else:
        animate(speech, copy.name, destination='SLOT', action="Shot", gain_jaw=0.5)
        assert jaw(copy)[:, 1].max() == pytest.approx(before[:, 1].max() / 2, abs=1e-3)
    np.testing.assert_array_equal(jaw(face), before)


@needs_slots
def test_slots_survive_saving_and_undo(ext, face, body, speech, tmp_path):
    before = as_before.animation()
    bpy.ops.ed.undo_push(message="before")
    animate(speech, destination='SLOT')
    bpy.ops.ed.undo_push(message="slot")
    after = as_before.animation()
    bpy.ops.ed.undo()
    assert as_before.animation() == before
    bpy.ops.ed.redo()
    assert as_before.animation() == after
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    animate(speech, destination='SLOT')
    assert as_before.animation() == after


@needs_slots
@pytest.mark.parametrize("renamed", ["object", "slot"])
def test_a_slot_that_plays_nowhere_is_cleared_after_renaming(ext, body, face, speech, renamed):
    animate(speech, destination='SLOT', action="Shot")
    animate(speech, destination='ACTION', action="Other")
    slot = next(slot for slot in body.slots if slot.name_display == "Face Lip Sync")
    assert not slot.users()
    if renamed == "object":
        face.name = "Anna"
    else:
        slot.name_display = "Mouth"
    bpy.ops.unitalker.clear(character=face.name)
    assert len(body.slots) == 1 and "unitalker" not in body and not curves(face.data.shape_keys)


@needs_slots
def test_a_slot_that_could_be_of_two_characters_stays(ext, body, face, speech):
    animate(speech, destination='SLOT', action="Shot")
    animate(speech, destination='ACTION', action="Other")
    make_face(ext, "Twin")
    face.name = "Anna"
    before = [slot.name_display for slot in body.slots]
    bpy.ops.unitalker.clear(character="Anna")
    assert [slot.name_display for slot in body.slots] == before


# ---- strip

@pytest.mark.parametrize("blend", ['REPLACE', 'COMBINE', 'ADD', 'SUBTRACT', 'MULTIPLY'])
def test_a_strip_has_its_blend_mode_and_influence(ext, face, speech, blend):
    if not NEUTRAL_DEFAULT and blend not in ('REPLACE', 'COMBINE'):
        pytest.skip("this Blender adds to 1: refused")
    animate(speech, destination='NLA', nla_blend=blend, nla_influence=0.5)
    keys = face.data.shape_keys
    assert keys.animation_data.action is None
    strip, = strips(keys)
    assert (strip.blend_type, strip.influence, strip.frame_start, strip.frame_end, strip.scale) == (
        blend, 0.5, 1, 48, 1
    )
    assert strip.action.name == "Face Lip Sync" and keys.animation_data.nla_tracks[0].name == "Lip Sync"


def test_a_strip_made_again_stays_where_the_artist_put_its_track(ext, face, speech):
    keys = face.data.shape_keys
    animate(speech, destination='NLA')
    above = keys.animation_data.nla_tracks.new()
    above.name = "Above"
    for start in (1, 41, 31):
        animate(speech, destination='NLA', start_frame=start, nla_influence=0.25)
        strip, = strips(keys)
        assert [track.name for track in keys.animation_data.nla_tracks] == ["Lip Sync", "Above"]
        assert (strip.frame_start, strip.frame_end, strip.scale, strip.influence) == (start, start + 47, 1, 0.25)
    assert len(bpy.data.actions) == 1 and len(keys_in(strip.action, getattr(strip, "action_slot", None))) == 52


def test_influence_scales_what_plays(ext, face, speech):
    keys = face.data.shape_keys
    animate(speech, destination='NLA', nla_influence=1.0)
    strip, = strips(keys)
    curve = curves_in(strip.action, getattr(strip, "action_slot", None))[JAW]
    loud = int(keys_of(curve)[:, 1].argmax()) + 1
    full, = values_at(keys, loud, "jawOpen")
    assert full == pytest.approx(curve.evaluate(loud), abs=1e-5)
    own_action(keys, {JAW: [(1, 0.0)]}, "Base")
    base, slot = keys.animation_data.action, getattr(keys.animation_data, "action_slot", None)
    keys.animation_data.action = None
    bpy.ops.unitalker.clear(character="Face")
    below = keys.animation_data.nla_tracks.new().strips.new("Base", 1, base)
    if slot:
        below.action_slot = slot
    for influence in (0.5, 0.25, 1.0):
        animate(speech, destination='NLA', nla_influence=influence, existing='LAYER')
        assert values_at(keys, loud, "jawOpen")[0] == pytest.approx(full * influence, abs=1e-4)


def test_a_fade_that_the_artist_keyed_stays(ext, face, speech):
    animate(speech, destination='NLA', nla_influence=0.5)
    strip, = strips(face.data.shape_keys)
    curve = strip.fcurves.find("influence")
    curve.keyframe_points.insert(40, 0.0)
    before = keys_of(curve).tolist()
    animate(speech, destination='NLA', nla_influence=0.75)
    assert keys_of(strips(face.data.shape_keys)[0].fcurves.find("influence")).tolist() == before


def test_added_to_an_expression_of_the_artist(ext, face, speech):
    keys = face.data.shape_keys
    mine = own_action(
        keys, {f'key_blocks["{block.name}"].value': [(1, 0.2), (200, 0.2)] for block in keys.key_blocks[1:]}
    )
    before = as_before.animation()[0]["Mine"]
    animate(speech, destination='NLA', nla_blend='ADD', existing='LAYER', gain_jaw=0.5)
    assert as_before.animation()[0]["Mine"] == before
    below, ours = strips(keys)
    assert below.action == mine and ours.blend_type == 'ADD'
    curve = curves_in(ours.action, getattr(ours, "action_slot", None))[JAW]
    loud = int(keys_of(curve)[:, 1].argmax()) + 1
    assert values_at(keys, loud, "jawOpen")[0] == pytest.approx(0.2 + curve.evaluate(loud), abs=1e-4)
    # after the line the expression shows
    assert values_at(keys, 150, "jawOpen")[0] == pytest.approx(0.2, abs=0.02)
    bpy.ops.unitalker.clear(character="Face")
    assert keys.animation_data.action == mine and not strips(keys)


@pytest.mark.parametrize("blend", ['ADD', 'COMBINE', 'REPLACE'])
def test_a_strip_alone_shows_what_an_action_shows(ext, face, speech, blend):
    keys = face.data.shape_keys
    names = [block.name for block in keys.key_blocks[1:]]
    if blend == 'ADD' and not NEUTRAL_DEFAULT:
        with pytest.raises(RuntimeError, match=r"Blender 5\.0.*every shape at full\. Choose Replace"):
            animate(speech, destination='NLA', nla_blend=blend)
        assert len(bpy.data.actions) == 0
        return
    animate(speech)
    frames = (1, 12, 24, 36, 48, 90)
    wanted = [values_at(keys, frame, *names) for frame in frames]
    animate(speech, destination='NLA', nla_blend=blend)
    np.testing.assert_allclose([values_at(keys, frame, *names) for frame in frames], wanted, atol=1e-5)


def test_replaced_over_an_expression_shows_the_expression_before_and_after(ext, face, speech):
    keys = face.data.shape_keys
    own_action(keys, {JAW: [(1, 0.5), (200, 0.5)]})
    animate(speech, destination='NLA', existing='LAYER', start_frame=100)
    if NEUTRAL_DEFAULT:
        assert (
            values_at(keys, 50, "jawOpen")[0] == pytest.approx(0.5)
            and values_at(keys, 190, "jawOpen")[0] == pytest.approx(0.5)
        )
    else:
        assert "holds its first and last pose" in bpy.context.scene.unitalker.result_details


@pytest.mark.parametrize(("first", "second"), [('ACTION', 'NLA'), ('NLA', 'ACTION'), ('NLA', 'NLA')])
@pytest.mark.parametrize("his", [False, True])
def test_from_one_destination_to_another_nothing_is_doubled(ext, face, speech, first, second, his):
    keys = face.data.shape_keys
    if his:
        own_action(keys, {SMILE: [(1, 0.3)]})
    animate(speech, destination=second)
    wanted = as_before.animation()
    bpy.ops.unitalker.clear(character="Face")
    for destination in (first, second):
        animate(speech, destination=destination)
    assert as_before.animation() == wanted


@needs_slots
@pytest.mark.parametrize("first", ['ACTION', 'NLA'])
def test_from_our_action_to_a_slot_and_back_one_of_them_plays(ext, face, body, speech, first):
    keys = face.data.shape_keys
    animate(speech, destination=first)
    animate(speech, destination='SLOT', gain_jaw=0.5)
    assert keys.animation_data.action == body and not strips(keys)
    assert "'Face Lip Sync' no longer plays; it is kept" in bpy.context.scene.unitalker.result_details
    half = jaw(face)[:, 1].max()
    animate(speech, destination=first)
    assert len(strips(keys)) == (first == 'NLA') and keys.animation_data.action != body
    loud = max(values_at(keys, frame, "jawOpen")[0] for frame in range(1, 49))
    assert loud == pytest.approx(2 * half, abs=1e-3)


# ---- a strip that the artist changed

def change(strip, kind):
    """What an artist does to a strip in the NLA editor; the frames of the scene and of the Action on which it then
    plays."""
    if kind == "moved":
        strip.frame_end += 7            # Blender keeps every start before its end
        strip.frame_start += 7
        strip.scale = 1
    elif kind == "trimmed":
        strip.action_frame_start, strip.action_frame_end = 10, 30
        strip.frame_start, strip.frame_end = 10, 30
        strip.scale = 1
    elif kind == "scaled":
        strip.scale = 1.5
    return placement(strip)


def placement(strip):
    return [
        round(getattr(strip, name), 3)
        for name in ("frame_start", "frame_end", "action_frame_start", "action_frame_end", "scale")
    ]


def restyle(ext, how, speech):
    if how == "button":
        return animate(speech, destination='NLA', gain_jaw=0.5)
    takes = ext.module("addon.take.takes")
    one, = takes.takes_of(bpy.context, "Face", True)
    return takes.remake(bpy.context, one, {"gain_jaw": 0.5})


@pytest.mark.parametrize("how", ["button", "live"])
@pytest.mark.parametrize("kind", ["moved", "trimmed", "scaled"])
def test_a_strip_stays_where_the_artist_put_it(ext, face, speech, kind, how):
    animate(speech, destination='NLA')
    strip, = strips(face.data.shape_keys)
    before, peak = change(strip, kind), jaw_peak(strip)
    restyle(ext, how, speech)
    assert strips(face.data.shape_keys) == [strip] and placement(strip) == before
    assert jaw_peak(strip) == pytest.approx(peak / 2, rel=1e-4)


def jaw_peak(strip):
    return keys_of(curves_in(strip.action, getattr(strip, "action_slot", None))[JAW])[:, 1].max()


@pytest.mark.parametrize(("kind", "after"), [
    # from 1 to 71.5
    ("moved", [108, 155, 101, 148, 1]), ("trimmed", [110, 130, 110, 130, 1]), ("scaled", [101, 171.5, 101, 148, 1.5]),
])
def test_a_changed_strip_goes_along_with_its_sound(ext, face, speech, kind, after):
    animate(speech, destination='NLA')
    strip, = strips(face.data.shape_keys)
    change(strip, kind)
    animate(speech, destination='NLA', start_frame=40)      # it overlaps: the take moves
    animate(speech, destination='NLA', start_frame=80)
    animate(speech, destination='NLA', start_frame=101)
    assert strips(face.data.shape_keys) == [strip]
    assert placement(strip) == after


def test_blend_influence_and_mute_of_the_artist_stay_until_the_panel_says_otherwise(ext, face, speech):
    keys = face.data.shape_keys
    animate(speech, destination='NLA', nla_influence=0.5)
    strip, = strips(keys)
    strip.blend_type, strip.influence, strip.mute, strip.extrapolation = 'ADD', 0.2, True, 'NOTHING'
    animate(speech, destination='NLA', nla_influence=0.5, gain_jaw=0.5)
    assert (
        (strip.blend_type, strip.mute, strip.extrapolation) == ('ADD', True, 'NOTHING')
        and strip.influence == pytest.approx(0.2)
    )
    animate(speech, destination='NLA', nla_influence=0.75, gain_jaw=0.5)
    assert strip.influence == 0.75 and strip.blend_type == 'ADD' and strip.mute


def test_an_action_that_the_artist_pushed_down_stays_in_its_strip(ext, face, speech):
    keys = face.data.shape_keys
    animate(speech)
    action, slot = keys.animation_data.action, getattr(keys.animation_data, "action_slot", None)
    keys.animation_data.action = None
    strip = keys.animation_data.nla_tracks.new().strips.new("Pushed", 1, action)
    if slot is not None:
        strip.action_slot = slot
    before = change(strip, "moved")
    for _ in range(2):
        animate(speech, gain_jaw=0.5)
        assert keys.animation_data.action is None and strips(keys) == [strip] and placement(strip) == before


def test_a_strip_that_was_cut_in_two_stays_two(ext, face, speech):
    keys = face.data.shape_keys
    animate(speech, destination='NLA')
    strip, = strips(keys)
    second = keys.animation_data.nla_tracks.new().strips.new("Second", 21, strip.action)
    if has_slots:
        second.action_slot = strip.action_slot
    for one, (first, last) in ((strip, (1, 20)), (second, (20, 48))):
        one.action_frame_start, one.action_frame_end = first, last
        one.frame_start, one.frame_end = first, last
        one.scale = 1
    before = [placement(one) for one in strips(keys)]
    animate(speech, destination='NLA', gain_jaw=0.5)
    assert [placement(one) for one in strips(keys)] == before


def test_a_range_of_a_strip(ext, face, speech):
    animate(speech, destination='NLA', gain_jaw=0.5)
    strip, = strips(face.data.shape_keys)
    slot = getattr(strip, "action_slot", None)
    before = keys_of(curves_in(strip.action, slot)[JAW])
    animate(speech, destination='NLA', use_range=True, range_start=20, range_end=30, crossfade=2)
    after = keys_of(curves_in(strip.action, slot)[JAW])
    np.testing.assert_array_equal(after[:19], before[:19])
    assert (
        after[24, 1] == pytest.approx(2 * before[24, 1], abs=1e-6) and (strip.frame_start, strip.frame_end) == (1, 48)
    )


def test_two_lines_share_a_strip(ext, face, speech, tmp_path):
    animate(speech, destination='NLA')
    animate(shutil.copy(speech, tmp_path / "second.wav"), destination='NLA', start_frame=101)
    strip, = strips(face.data.shape_keys)
    assert (strip.frame_start, strip.frame_end) == (1, 148)


@pytest.mark.parametrize("destination", ['ACTION', 'NLA'])
def test_one_frame_alone_is_a_strip_of_one_frame(ext, face, speech, destination):
    own_action(face.data.shape_keys, {SMILE: [(1, 0.3)]})
    animate(speech, destination=destination, use_range=True, range_start=24, range_end=24)
    strip, = strips(face.data.shape_keys)
    assert strip.frame_start == 24 and strip.frame_end <= 25 and strip.scale == 1
    curve = curves_in(strip.action, getattr(strip, "action_slot", None))[JAW]
    assert len(curve.keyframe_points) == 1
    assert values_at(face.data.shape_keys, 24, "jawOpen")[0] == pytest.approx(curve.evaluate(24), abs=1e-5)
