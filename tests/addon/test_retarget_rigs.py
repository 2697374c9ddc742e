"""Rigs of mixed kinds keyed in Blender: control bones with limits, driven keys, bones in other rotation modes,
properties, stepped mouths."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")


def _face(name, keys):
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata([(0, 0, 0), (1, 0, 0), (0, 1, 0)], [], [(0, 1, 2)])
    obj = bpy.data.objects.new(name, mesh)
    bpy.context.scene.collection.objects.link(obj)
    obj.shape_key_add(name="Basis")
    for key in keys:
        obj.shape_key_add(name=key, from_mix=False).data[0].co.z = 0.1
    return obj


def _armature(name, bones):
    data = bpy.data.armatures.new(name)
    obj = bpy.data.objects.new(name, data)
    bpy.context.scene.collection.objects.link(obj)
    bpy.context.view_layer.objects.active = obj
    bpy.ops.object.mode_set(mode='EDIT')
    for i, bone in enumerate(bones):
        made = data.edit_bones.new(bone)
        made.head, made.tail = (i, 0, 0), (i, 0, 1)
    bpy.ops.object.mode_set(mode='OBJECT')
    return obj


def _limit(obj, bone, low, high):
    constraint = obj.pose.bones[bone].constraints.new('LIMIT_LOCATION')
    constraint.owner_space = 'LOCAL'
    constraint.use_min_y = constraint.use_max_y = True
    constraint.min_y, constraint.max_y = low, high


def _drive(face, key, obj, bone):
    driver = face.data.shape_keys.key_blocks[key].driver_add("value").driver
    variable = driver.variables.new()
    variable.type = 'TRANSFORMS'
    variable.targets[0].id, variable.targets[0].bone_target, variable.targets[0].transform_type = obj, bone, 'LOC_Y'
    driver.expression = "var"


def _motion(ext, **curves):
    types, channels = ext.module("engine.values.types"), ext.module("engine.values.channels")
    weights = np.zeros((len(next(iter(curves.values()))), 52), np.float32)
    for name, values in curves.items():
        weights[:, channels.ARKIT_52.index(name)] = values
    return types.Motion(weights, channels.ARKIT_52, 24.0)


def _key(ext, name, motion, preset, interpolation='LINEAR'):
    rig, fcurves, retarget = ext.module(
        "addon.character.character"
    ), ext.module("addon.keying.write"), ext.module("engine.rig.retarget")
    character = rig.gather(bpy.context, name)
    curves = retarget.retarget(motion, preset, character.rig("auto", ()))
    line = fcurves.Line("line", 1, len(motion.weights), 24.0)
    return fcurves.write(
        character, curves, line, fcurves.KeyOptions(interpolation='CONSTANT' if curves.stepped else interpolation)
    )


def _preset(ext, *targets, **fields):
    preset = ext.module("engine.rig.preset")
    return preset.Preset("mixed", "arkit52", targets, **fields)


def test_limits_and_driven_keys_of_a_control_rig_are_read(ext):
    types, rig = ext.module("engine.values.types"), ext.module("addon.character.character")
    armature, face = _armature("rig", ["c_jaw_target", "free"]), _face("face", ["jawOpen", "mouthClose"])
    face.parent = armature
    _limit(armature, "c_jaw_target", -0.05, 0.02)
    _drive(face, "jawOpen", armature, "c_jaw_target")
    found = rig.gather(bpy.context, "face").rig("auto", ())
    assert found.driven == {types.RigChannel("shape_key", "jawOpen")}
    assert found.limits[types.RigChannel("bone", "c_jaw_target", "location", 1)] == pytest.approx((-0.05, 0.02))
    assert len(found.limits) == 1


def test_key_that_is_driven_on_one_mesh_alone_counts_for_the_other(ext):
    rig = ext.module("addon.character.character")
    armature, face, teeth = _armature("rig", ["b"]), _face("face", ["jawOpen"]), _face("teeth", ["jawOpen"])
    face.parent = teeth.parent = armature
    _drive(face, "jawOpen", armature, "b")
    assert rig.gather(bpy.context, "face").rig("auto", ()).driven == frozenset()


def test_control_bone_moves_to_its_limit_and_the_driven_key_follows_untouched(ext):
    types, preset = ext.module("engine.values.types"), ext.module("engine.rig.preset")
    armature, face = _armature("rig", ["c_jaw_target"]), _face("face", ["jawOpen"])
    face.parent = armature
    _limit(armature, "c_jaw_target", -0.05, 0.02)
    _drive(face, "jawOpen", armature, "c_jaw_target")
    targets = (
        preset.Target(types.RigChannel("bone", "c_jaw_target", "location", 1), (("jawOpen", -1.0),), to_limit=True),
        preset.Target(types.RigChannel("shape_key", "jawOpen"), (("jawOpen", 1.0),)),
    )
    written = _key(ext, "face", _motion(ext, jawOpen=[0.0, 1.0, 0.5]), _preset(ext, *targets))
    assert any("driven, left alone" in warning for warning in written.warnings)
    bpy.context.scene.frame_set(2)
    assert armature.pose.bones["c_jaw_target"].location.y == pytest.approx(-0.05)
    assert face.data.shape_keys.key_blocks["jawOpen"].value == pytest.approx(0.0)       # the driver's own range
    assert face.data.shape_keys.animation_data.action is None


@pytest.mark.parametrize("mode", ['XYZ', 'ZYX', 'QUATERNION', 'AXIS_ANGLE'])
def test_one_character_takes_keys_bones_and_properties_at_once(ext, mode):
    types, preset = ext.module("engine.values.types"), ext.module("engine.rig.preset")
    armature, face, teeth = _armature("rig", ["jaw"]), _face("face", ["smile"]), _face("teeth", ["smile"])
    face.parent = teeth.parent = armature
    armature["Puff"] = 0.0
    armature.pose.bones["jaw"].rotation_mode = mode
    targets = (
        preset.Target(types.RigChannel("shape_key", "smile"), (("mouthSmileLeft", 1.0),)),
        preset.Target(types.RigChannel("bone", "jaw", "rotation_euler", 0), (("jawOpen", 20.0),), degrees=True),
        preset.Target(types.RigChannel("bone", "jaw", "rotation_euler", 1), (("jawLeft", 5.0),), degrees=True),
        preset.Target(types.RigChannel("bone", "jaw", "location", 2), (("jawForward", 0.01),)),
        preset.Target(types.RigChannel("bone", "jaw", "scale", 0), (("jawOpen", 0.1),), offset=1.0),
        preset.Target(types.RigChannel("property", '["Puff"]'), (("cheekPuff", 10.0),)),
    )
    motion = _motion(
        ext, mouthSmileLeft=[0, 0.5], jawOpen=[0, 1.0], jawLeft=[0, 1.0], jawForward=[0, 1.0], cheekPuff=[0, 0.3]
    )
    _key(ext, "face", motion, _preset(ext, *targets))
    bpy.context.scene.frame_set(2)
    bone = armature.pose.bones["jaw"]
    from mathutils import Euler
    assert np.abs(
        np.array(bone.matrix_basis.to_3x3().normalized()) - np.array(Euler(np.radians((20, 5, 0)), 'XYZ').to_matrix())
    ).max() < 1e-4
    assert (bone.location.z, bone.scale.x, armature["Puff"]) == pytest.approx((0.01, 1.1, 3.0))
    assert [obj.data.shape_keys.key_blocks["smile"].value for obj in (face, teeth)] == pytest.approx([0.5, 0.5])


def test_stepped_mouth_holds_its_keys(ext):
    presets = ext.module("engine.rig.presets")
    stepped = next(preset for preset in presets.list_presets() if preset.id == "rhubarb_stepped")
    face = _face("face", list("ABCDEFGHX"))
    _key(ext, "face", _motion(ext, jawOpen=[0.0] * 4 + [0.8] * 6 + [0.0] * 4), stepped)
    block = face.data.shape_keys.key_blocks["D"]
    seen = []
    for frame in np.arange(1, 15, 0.5):
        bpy.context.scene.frame_set(int(frame), subframe=frame % 1)
        seen.append(block.value)
    assert set(np.round(seen, 6)) == {0.0, 1.0}
    assert sum(seen) == 12


def test_rigs_are_plain_values_that_can_be_changed(ext):
    rig = ext.module("addon.character.character")
    _face("face", ["jawOpen"])
    found = rig.gather(bpy.context, "face").rig("auto", ())
    assert dataclasses.replace(found, preset="arkit52").limits == {}


def test_an_armature_that_was_never_evaluated_is_keyed(ext):
    """It has no pose yet: an Action on it would end Blender 4.5 to 5.2."""
    types, preset = ext.module("engine.values.types"), ext.module("engine.rig.preset")
    armature = bpy.data.objects.new("new", bpy.data.armatures.new("new"))
    bpy.context.scene.collection.objects.link(armature)
    armature["Puff"] = 0.0
    assert armature.pose is None
    target = preset.Target(types.RigChannel("property", '["Puff"]'), (("cheekPuff", 10.0),))
    _key(ext, "new", _motion(ext, cheekPuff=[0, 0.3]), _preset(ext, target))
    bpy.context.scene.frame_set(2)
    assert armature["Puff"] == pytest.approx(3.0)


def test_an_armature_outside_of_the_view_layer_is_left_out_not_keyed(ext):
    armature = bpy.data.objects.new("new", bpy.data.armatures.new("new"))
    armature["Puff"] = 0.0
    hidden = bpy.data.collections.new("hidden")
    bpy.context.scene.collection.children.link(hidden)
    hidden.objects.link(armature)
    bpy.context.view_layer.layer_collection.children["hidden"].exclude = True
    assert armature.pose is None
    with pytest.raises(ext.module("engine").RigError, match="'new' has no shape keys, bones or custom properties"):
        ext.module("addon.character.character").gather(bpy.context, "new")


def _board(preset, bones):
    """A face board with the preset's first control bones."""
    names = [target.to.name for target in preset.targets if target.to.kind == "bone"]
    return _armature("board", sorted(set(names))[:bones])


def _push_down(owner):
    """What the artist's Push Down does."""
    animation = owner.animation_data
    action, slot = animation.action, getattr(animation, "action_slot", None)
    animation.action = None
    strip = animation.nla_tracks.new().strips.new(action.name, 1, action)
    if slot is not None:
        strip.action_slot = slot
    return strip


def _board_plays(board, frames):
    found = []
    for frame in frames:
        bpy.context.scene.frame_set(frame)
        found.append([tuple(bone.location) for bone in board.pose.bones])
    return np.array(found)


@pytest.mark.parametrize("again", ["same", "other words"])
def test_a_face_board_whose_action_was_pushed_down_plays_on_and_is_made_again_in_its_strip(ext, again, speech):
    preset_file = ext.module("engine.rig.preset_file")
    preset = preset_file.load_preset(preset_file.data_folder() / "metahuman_face_board.json")
    board = _board(preset, 60)
    assert bpy.ops.unitalker.animate(audio=speech, character="board") == {'FINISHED'}
    frames = (1, 6, 13, 25, 40)
    played = _board_plays(board, frames)
    assert np.abs(played).max() > 0.05
    strip = _push_down(board)
    np.testing.assert_allclose(_board_plays(board, frames), played, atol=1e-6)
    gain = 1.0 if again == "same" else 0.5
    assert bpy.ops.unitalker.animate(audio=speech, character="board", gain_jaw=gain) == {'FINISHED'}
    jaw = list(board.pose.bones).index(board.pose.bones["CTRL_C_jaw"])
    after = _board_plays(board, frames)
    np.testing.assert_allclose(after[:, jaw, 1], gain * played[:, jaw, 1], atol=1e-5)
    assert board.animation_data.action is None
    assert [one for track in board.animation_data.nla_tracks for one in track.strips] == [strip]
