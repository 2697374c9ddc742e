"""Where keys go, what is ours, and what stays the artist's."""

from __future__ import annotations

import contextlib
import shutil

import bpy
import numpy as np
import pytest

from tests.counting import calls_during

from .conftest import curves, curves_in, jaw, keys_of, make_face, own_action

JAW, SMILE = 'key_blocks["jawOpen"].value', 'key_blocks["mouthSmileLeft"].value'


def animate(speech, **options):
    return bpy.ops.unitalker.animate(audio=speech, character="Face", **options)


def snapshot(action):
    slots = getattr(action, "slots", (None,))
    return [{path: keys_of(curve).tolist() for path, curve in curves_in(action, slot).items()} for slot in slots]


def values_at(owner, frame):
    bpy.context.scene.frame_set(frame)
    return owner.key_blocks["jawOpen"].value, owner.key_blocks["mouthSmileLeft"].value


def test_a_second_run_doubles_nothing(ext, face, speech):
    animate(speech)
    before = jaw(face)
    animate(speech)
    np.testing.assert_array_equal(jaw(face), before)
    assert [action.name for action in bpy.data.actions] == ["Face Lip Sync"]
    assert len(curves(face.data.shape_keys)) == 52


def test_a_moved_line_takes_its_keys_along(ext, face, speech):
    animate(speech, start_frame=1)
    animate(speech, start_frame=31)
    assert jaw(face)[[0, -1], 0].tolist() == [31, 78] and len(jaw(face)) == 48


def test_lines_share_one_action_and_each_replaces_only_its_own_keys(ext, face, speech, tmp_path):
    second = tmp_path / "second.wav"
    shutil.copy(speech, second)
    animate(speech, start_frame=1)
    animate(str(second), start_frame=101)
    both = jaw(face)
    assert len(both) == 96 and len(bpy.data.actions) == 1
    animate(speech, start_frame=1, gain_jaw=0.5)
    after = jaw(face)
    np.testing.assert_array_equal(after[48:], both[48:])
    assert after[:48, 1].max() == pytest.approx(both[:48, 1].max() / 2, abs=1e-3)


def test_keys_that_the_artist_adds_beside_a_line_stay_with_their_handles(ext, face, speech):
    animate(speech)
    curve = curves(face.data.shape_keys)[JAW]
    key = curve.keyframe_points.insert(80, 0.7)
    key.handle_left_type = key.handle_right_type = 'FREE'
    key.handle_left, key.handle_right = (75, 0.1), (85, 0.9)
    key.interpolation = 'BEZIER'
    animate(speech, gain_jaw=0.5)
    key = curves(face.data.shape_keys)[JAW].keyframe_points[-1]
    assert (key.co[0], key.interpolation, key.handle_left_type) == (80, 'BEZIER', 'FREE')
    assert tuple(key.handle_left) == pytest.approx((75, 0.1)) and tuple(key.handle_right) == pytest.approx((85, 0.9))


def test_keys_come_out_linear_and_not_selected(ext, face, speech):
    animate(speech)
    keys = curves(face.data.shape_keys)[JAW].keyframe_points
    assert {(key.interpolation, key.select_control_point, key.select_left_handle) for key in keys} == {
        ('LINEAR', False, False)
    }
    animate(speech, interpolation='BEZIER')
    assert {key.interpolation for key in curves(face.data.shape_keys)[JAW].keyframe_points} == {'BEZIER'}


def test_fewer_keys_stay_within_the_error(ext, face, speech):
    animate(speech)
    every = jaw(face)
    animate(speech, reduce=True, max_error=0.02)
    fewer = jaw(face)
    assert len(fewer) < len(every)
    assert np.abs(np.interp(every[:, 0], fewer[:, 0], fewer[:, 1]) - every[:, 1]).max() < 0.02


def test_curves_lie_in_the_lip_sync_group(ext, face, speech):
    animate(speech)
    assert {curve.group.name for curve in curves(face.data.shape_keys).values()} == {"Lip Sync"}


def test_meshes_share_one_action_with_a_slot_each(ext, face, speech):
    make_face(ext, "Teeth", ("jawOpen", "jawLeft")).parent = face
    animate(speech)
    teeth = bpy.data.objects["Teeth"].data.shape_keys
    np.testing.assert_array_equal(keys_of(curves(teeth)[JAW]), jaw(face))
    if hasattr(bpy.data.actions[0], "slots"):
        action, = bpy.data.actions
        assert {slot.identifier for slot in action.slots} == {"KEFace", "KETeeth"}
    else:
        assert {action.name for action in bpy.data.actions} == {"Face Lip Sync", "Face Lip Sync Teeth"}


def test_another_action_name_keeps_the_earlier_take(ext, face, speech):
    animate(speech, action="Take 1")
    first = snapshot(bpy.data.actions["Take 1"])
    animate(speech, action="Take 2", gain_jaw=0.5)
    assert face.data.shape_keys.animation_data.action.name == "Take 2"
    assert snapshot(bpy.data.actions["Take 1"]) == first and bpy.data.actions["Take 1"].use_fake_user


def test_shift_moves_every_key(ext, face, speech):
    animate(speech, shift_frames=-1.5)
    assert jaw(face)[0, 0] == -0.5


# ---- beside the artist's own animation

def test_keep_leaves_the_artists_action_active_and_plays_beneath_it(ext, face, speech):
    keys = face.data.shape_keys
    mine = own_action(keys, {SMILE: [(1, 0.3), (40, 0.9)]})
    before = snapshot(mine)
    animate(speech)
    assert keys.animation_data.action == mine and snapshot(mine) == before
    track, = keys.animation_data.nla_tracks
    assert track.name == "Lip Sync" and track.strips[0].action.name == "Face Lip Sync"
    line = curves_in(track.strips[0].action, getattr(track.strips[0], "action_slot", None))
    assert len(line) == 51 and SMILE not in line
    loud = keys_of(line[JAW])[20]
    assert values_at(keys, int(loud[0])) == (
        pytest.approx(loud[1], abs=1e-5), pytest.approx(curves(keys)[SMILE].evaluate(loud[0]), abs=1e-5)
    )
    assert "mouthSmileLeft of 'Face': your own keys stay" in bpy.context.scene.unitalker.result_details


def test_keep_holds_the_closed_mouth_outside_the_line(ext, face, speech):
    keys = face.data.shape_keys
    own_action(keys, {SMILE: [(1, 0.3)]})
    animate(speech, start_frame=100)
    track, = keys.animation_data.nla_tracks
    line = keys_of(curves_in(track.strips[0].action, getattr(track.strips[0], "action_slot", None))[JAW])
    assert values_at(keys, 1)[0] == pytest.approx(line[0, 1], abs=1e-5)
    assert values_at(keys, 900)[0] == pytest.approx(line[-1, 1], abs=1e-5)


def test_keep_twice_makes_one_strip(ext, face, speech):
    keys = face.data.shape_keys
    own_action(keys, {SMILE: [(1, 0.3)]})
    for start in (1, 31):
        animate(speech, start_frame=start)
    track, = keys.animation_data.nla_tracks
    strip, = track.strips
    assert (strip.frame_start, strip.frame_end, strip.scale) == (31, 78, 1)
    assert len(bpy.data.actions) == 2


def test_keep_refuses_when_every_channel_has_keys(ext, face, speech):
    keys = face.data.shape_keys
    paths = [f'key_blocks["{block.name}"].value' for block in keys.key_blocks[1:]]
    mine = own_action(keys, {path: [(1, 0.0)] for path in paths})
    with pytest.raises(RuntimeError, match=r"No channel of 'Face' is free.*Play on Top"):
        animate(speech)
    assert (
        keys.animation_data.action == mine and len(keys.animation_data.nla_tracks) == 0 and len(bpy.data.actions) == 1
    )


def test_layer_moves_the_artists_action_beneath_and_plays_over_it(ext, face, speech):
    keys = face.data.shape_keys
    mine = own_action(keys, {JAW: [(1, 0.5), (200, 0.5)]})
    before = snapshot(mine)
    animate(speech, existing='LAYER', start_frame=100)
    assert snapshot(mine) == before
    assert keys.animation_data.action.name == "Face Lip Sync" and len(curves(keys)) == 52
    strip = keys.animation_data.nla_tracks[0].strips[0]
    assert (strip.action, strip.frame_start, strip.frame_end, strip.scale) == (mine, 1, 200, 1)
    assert values_at(keys, 124)[0] == pytest.approx(jaw(face)[24, 1], abs=1e-5)
    if bpy.types.ShapeKey.bl_rna.properties["value"].default == 0:
        assert values_at(keys, 50)[0] == pytest.approx(0.5)         # the artist's keys show before the line
    else:
        assert values_at(keys, 50) == (pytest.approx(jaw(face)[0, 1], abs=1e-5), pytest.approx(0.0, abs=0.2))
        assert "holds its first and last pose" in bpy.context.scene.unitalker.result_details


def test_layer_twice_and_clear_give_the_artists_action_back(ext, face, speech):
    keys = face.data.shape_keys
    mine = own_action(keys, {JAW: [(1, 0.5), (200, 0.5)]})
    for _ in range(2):
        animate(speech, existing='LAYER')
    assert len(keys.animation_data.nla_tracks) == 1
    bpy.ops.unitalker.clear(character="Face")
    assert keys.animation_data.action == mine and len(keys.animation_data.nla_tracks) == 0
    assert values_at(keys, 20)[0] == pytest.approx(0.5)


def test_nla_strips_of_the_artist_count_as_keys(ext, face, speech):
    keys = face.data.shape_keys
    mine = own_action(keys, {JAW: [(1, 0.5), (50, 0.5)]})
    slot = getattr(keys.animation_data, "action_slot", None)
    keys.animation_data.action = None
    strip = keys.animation_data.nla_tracks.new().strips.new("Mine", 1, mine)
    if slot:
        strip.action_slot = slot
    animate(speech)
    assert JAW not in curves(keys) and len(curves(keys)) == 51
    assert values_at(keys, 20)[0] == pytest.approx(0.5)


def test_curves_that_the_artist_adds_to_our_action_stay(ext, face, speech):
    animate(speech)
    keys = face.data.shape_keys
    place = next(iter(ext.module("addon.actions.actions").uses(keys)))
    bag = ext.module("addon.actions.actions").bag_of(place)
    bag.fcurves.remove(bag.fcurves.find(JAW))
    bag.fcurves.new(JAW).keyframe_points.insert(10, 0.4)
    for existing in ('KEEP', 'LAYER'):
        animate(speech, existing=existing)
        assert jaw(face).tolist() == [[10.0, pytest.approx(0.4)]]
    bpy.ops.unitalker.clear(character="Face")
    assert list(curves(keys)) == [JAW]


def test_tweak_mode_is_refused(ext, face, speech):
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
    with pytest.raises(RuntimeError, match="NLA tweak mode"):
        animate(speech)


# ---- clear

def test_clear_removes_all_and_puts_the_values_back(ext, face, speech):
    keys = face.data.shape_keys
    keys.key_blocks["mouthSmileLeft"].value = 0.25
    animate(speech)
    bpy.context.scene.frame_set(24)
    assert bpy.ops.unitalker.clear(character="Face") == {'FINISHED'}
    assert len(bpy.data.actions) == 0 and keys.animation_data.action is None
    assert keys.key_blocks["jawOpen"].value == 0 and keys.key_blocks["mouthSmileLeft"].value == pytest.approx(0.25)


def test_clear_beneath_the_artists_action_leaves_it_alone(ext, face, speech):
    keys = face.data.shape_keys
    mine = own_action(keys, {SMILE: [(1, 0.3)]})
    animate(speech)
    bpy.ops.unitalker.clear(character="Face")
    assert keys.animation_data.action == mine and len(keys.animation_data.nla_tracks) == 0
    assert [action.name for action in bpy.data.actions] == ["Mine"]


def test_clear_without_lip_sync_says_so(ext, face):
    own_action(face.data.shape_keys, {SMILE: [(1, 0.3)]})
    assert bpy.ops.unitalker.clear(character="Face") == {'CANCELLED'}
    assert len(bpy.data.actions) == 1


# ---- values

def test_values_over_the_slider_widen_it(ext, face):
    types = ext.module("engine.values.types")
    curve = types.Curve(np.array([0.0, 1.0]), np.array([-0.2, 1.6], np.float32))
    write(ext, {types.RigChannel("shape_key", "jawOpen"): curve})
    block = face.data.shape_keys.key_blocks["jawOpen"]
    assert (block.slider_min, block.slider_max) == (pytest.approx(-0.2), pytest.approx(1.6))
    assert values_at(face.data.shape_keys, 25)[0] == pytest.approx(1.6)
    assert ext.module("addon.keying.sliders").SLIDER_LIMIT == 10


def write(ext, channels, character="Face", fps=24.0):
    fcurves, rig, types = ext.module("addon.keying.write"), ext.module(
        "addon.character.character"
    ), ext.module("engine.values.types")
    last = 1 + max(curve.seconds[-1] for curve in channels.values()) * fps
    made = types.RigCurves(channels, "test", (), ())
    return fcurves.write(
        rig.gather(bpy.context, character), made, fcurves.Line("line", 1.0, last, fps), fcurves.KeyOptions()
    )


def rig_with_bone(mode):
    armature = bpy.data.objects.new("Rig", bpy.data.armatures.new("Rig"))
    bpy.context.scene.collection.objects.link(armature)
    bpy.context.view_layer.objects.active = armature
    bpy.ops.object.mode_set(mode='EDIT')
    armature.data.edit_bones.new('ja"w').tail.z = 1
    bpy.ops.object.mode_set(mode='OBJECT')
    armature.pose.bones[0].rotation_mode = mode
    armature["Open"] = 0.0
    return armature


@pytest.mark.parametrize("mode", ['XYZ', 'QUATERNION', 'AXIS_ANGLE'])
def test_bone_angles_turn_bones_of_every_rotation_mode(ext, mode):
    types = ext.module("engine.values.types")
    armature = rig_with_bone(mode)
    angles = (0.3, -0.2, 0.5)
    channels = {
        types.RigChannel("bone", 'ja"w', "rotation_euler", index): types.Curve(
            np.array([0.0, 1.0]), np.array([0.0, angle], np.float32)
        )
        for index, angle in enumerate(angles)
    }
    write(ext, channels, "Rig")
    bpy.context.scene.frame_set(25)
    from mathutils import Euler
    turned = armature.pose.bones[0].matrix_basis.to_quaternion()
    assert turned.rotation_difference(Euler(angles).to_quaternion()).angle == pytest.approx(0, abs=1e-3)


def test_custom_property_and_clear_bring_it_back(ext):
    types = ext.module("engine.values.types")
    armature = rig_with_bone('XYZ')
    armature["Open"] = 0.5
    write(ext, {
        types.RigChannel("property", '["Open"]'): types.Curve(np.array([0.0, 1.0]), np.array([0.0, 1.0], np.float32)),
        types.RigChannel("bone", 'ja"w', "rotation_euler", 0): types.Curve(
            np.array([0.0, 1.0]), np.array([0.0, 1.0], np.float32)
        ),
    }, "Rig")
    bpy.context.scene.frame_set(25)
    assert armature["Open"] == pytest.approx(1.0)
    bpy.ops.unitalker.clear(character="Rig")
    assert armature["Open"] == pytest.approx(0.5) and armature.pose.bones[0].rotation_euler[0] == pytest.approx(0.0)


def test_writing_is_bulk(ext, face):
    types = ext.module("engine.values.types")
    seconds = np.arange(3000) / 24
    channels = {
        types.RigChannel("shape_key", block.name): types.Curve(seconds, np.sin(seconds).astype(np.float32))
        for block in face.data.shape_keys.key_blocks[1:]
    }
    assert calls_during(lambda: write(ext, channels)) < 20_000       # for 156,000 keys
