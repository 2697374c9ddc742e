"""Blinks, head, gaze and breath on rigs: bones with odd rolls in every rotation mode, and the artist's own keys."""

from __future__ import annotations

import math

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")
from mathutils import Matrix, Quaternion, Vector  # noqa: E402

from .conftest import curves, make_face  # noqa: E402

# name -> head, tail, roll, parent: a skeleton that faces -Y, with rolls and directions that nobody would want
BONES = {
    "hips": ((0, 0, 1.0), (0, 0.1, 1.1), 0.7, ""), "chest": ((0, 0, 1.3), (0.1, 0, 1.5), -2.1, "hips"),
    "shoulder.L": ((0.05, 0, 1.45), (0.15, 0.05, 1.43), 1.9, "chest"),
    "shoulder.R": ((-0.05, 0, 1.45), (-0.15, -0.05, 1.43), 0.3, "chest"),
    "Head": ((0, 0.02, 1.6), (0.05, -0.1, 1.65), 2.6, "chest"),
    "eye.L": ((0.03, -0.08, 1.7), (0.03, -0.12, 1.7), 0.4, "Head"),
    "eye.R": ((-0.03, -0.08, 1.7), (-0.03, -0.05, 1.75), -1.2, "Head"),
}
MODES = ('XYZ', 'ZYX', 'QUATERNION', 'AXIS_ANGLE')
FORWARD, UP, LEFT = Vector((0, -1, 0)), Vector((0, 0, 1)), Vector((1, 0, 0))


def skeleton(lying: bool, mode: str = 'XYZ') -> bpy.types.Object:
    """The armature; lying: in a space of its own with Y up, and stood up by the object's rotation, as files of other
    programs are."""
    data = bpy.data.armatures.new("rig")
    obj = bpy.data.objects.new("rig", data)
    bpy.context.scene.collection.objects.link(obj)
    bpy.context.view_layer.objects.active = obj
    space = Matrix.Rotation(-math.pi / 2, 4, 'X') if lying else Matrix()
    obj.matrix_world = space.inverted()
    bpy.ops.object.mode_set(mode='EDIT')
    for name, (head, tail, roll, parent) in BONES.items():
        bone = data.edit_bones.new(name)
        bone.head, bone.tail, bone.roll = space @ Vector(head), space @ Vector(tail), roll
        bone.parent = data.edit_bones.get(parent) if parent else None
    bpy.ops.object.mode_set(mode='OBJECT')
    for bone in obj.pose.bones:
        bone.rotation_mode = mode
    return obj


def key(ext, name: str, existing: str = 'KEEP', **curves: float) -> object:
    """Key these channels on frame 2 and a still face on frame 1, all of them as life."""
    channels, types = ext.module("engine.values.channels"), ext.module("engine.values.types")
    fcurves, parts, presets, retarget, rig = (
        ext.module(module)
        for module in (
            "addon.keying.write", "addon.keying.parts", "engine.rig.presets", "engine.rig.retarget",
            "addon.character.character",
        )
    )
    names = (*channels.ARKIT_52, *channels.LIFE)
    weights = np.zeros((3, len(names)), np.float32)
    for channel, value in curves.items():
        weights[1:, names.index(channel)] = value
    character = rig.gather(bpy.context, name)
    found = character.rig("arkit52", ())
    moved = frozenset(curves)
    made = retarget.retarget(types.Motion(weights, names, 24.0), presets.choose(found), found, moved)
    return fcurves.write(character, made, parts.Line("line", 1, 3, 24.0), parts.KeyOptions(existing=existing))


def goes(obj: bpy.types.Object, bone: str, way: Vector) -> Vector:
    """Where a direction of the world that is fixed to a bone goes from frame 1 to frame 2."""
    bpy.context.scene.frame_set(1)
    before = (obj.matrix_world @ obj.pose.bones[bone].matrix).to_3x3().normalized()
    bpy.context.scene.frame_set(2)
    after = (obj.matrix_world @ obj.pose.bones[bone].matrix).to_3x3().normalized()
    return after @ before.inverted() @ way


def with_face(ext, obj: bpy.types.Object) -> bpy.types.Object:
    face = make_face(ext, "Face", ("jawOpen", "mouthClose", "mouthFunnel", "eyeBlinkLeft", "eyeBlinkRight"))
    face.parent = obj
    return face


@pytest.mark.parametrize("lying", [False, True], ids=["Z up", "Y up"])
@pytest.mark.parametrize("mode", MODES)
def test_head_nods_forward_turns_and_tilts_whatever_the_roll(ext, lying, mode):
    for channel, way, wanted in (("headPitch", UP, FORWARD), ("headYaw", FORWARD, -LEFT), ("headRoll", UP, -LEFT)):
        obj = skeleton(lying, mode)
        with_face(ext, obj)
        key(ext, "rig", **{channel: 0.2})
        assert (goes(obj, "Head", way) - (math.cos(0.2) * way + math.sin(0.2) * wanted)).length < 1e-4
        bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True, load_ui=False)


@pytest.mark.parametrize("lying", [False, True], ids=["Z up", "Y up"])
def test_eyes_look_and_the_chest_rises(ext, lying):
    obj = skeleton(lying)
    with_face(ext, obj)
    key(ext, "rig", eyeLookOutLeft=0.5, eyeLookInRight=0.5, breath=1.0)
    for bone in ("eye.L", "eye.R"):
        assert goes(obj, bone, FORWARD) @ LEFT > 0.25
    assert goes(obj, "chest", UP) @ FORWARD < -0.01
    assert goes(obj, "shoulder.L", LEFT) @ UP > 0.02 and goes(obj, "shoulder.R", -LEFT) @ UP > 0.02


@pytest.mark.parametrize("existing", ['KEEP', 'LAYER'])
def test_life_never_goes_over_the_artists_keys(ext, existing):
    obj = skeleton(lying=False)
    face = with_face(ext, obj)
    obj.pose.bones["Head"].rotation_euler.x = 0.1
    obj.pose.bones["Head"].keyframe_insert("rotation_euler", index=0, frame=2)      # one of three angles is enough
    block = face.data.shape_keys.key_blocks["eyeBlinkLeft"]
    block.value = 0.4
    block.keyframe_insert("value", frame=2)
    jaw = face.data.shape_keys.key_blocks["jawOpen"]
    jaw.keyframe_insert("value", frame=2)
    written = key(ext, "rig", existing, headPitch=0.2, eyeBlinkLeft=1.0, eyeBlinkRight=1.0, breath=1.0)
    bpy.context.scene.frame_set(2)
    assert block.value == pytest.approx(0.4) and obj.pose.bones["Head"].rotation_euler.x == pytest.approx(0.1)
    assert face.data.shape_keys.key_blocks["eyeBlinkRight"].value == pytest.approx(1.0)
    assert tuple(obj.pose.bones["Head"].rotation_euler)[1:] == (0.0, 0.0)
    assert obj.pose.bones["chest"].rotation_euler[:] != (0.0, 0.0, 0.0)
    assert any("eyeBlinkLeft" in warning and "your own keys stay" in warning for warning in written.warnings)
    assert any("Head" in warning and "your own keys stay" in warning for warning in written.warnings)


def test_clear_puts_head_and_eyes_back(ext):
    obj = skeleton(lying=False, mode='QUATERNION')
    with_face(ext, obj)
    key(ext, "rig", headPitch=0.2, breath=1.0, eyeLookUpLeft=0.5, eyeLookUpRight=0.5)
    bpy.context.scene.frame_set(2)
    assert obj.pose.bones["Head"].rotation_quaternion.angle > 0.1
    ext.module("addon.keying.clearing").clear(ext.module("addon.character.character").gather(bpy.context, "rig"))
    assert all(bone.rotation_quaternion.angle == pytest.approx(0, abs=1e-6) for bone in obj.pose.bones)


def test_generate_moves_head_and_eyes_where_they_are_switched_on(ext, speech):
    obj = skeleton(lying=True)
    with_face(ext, obj)
    assert bpy.ops.unitalker.animate(audio=speech, character="rig") == {'FINISHED'}
    # the tiny model moves the eyes itself
    assert {path.split('"')[1] for path in curves(obj)} <= {"eye.L", "eye.R"}
    options = {"use_head_motion": True, "use_eye_motion": True, "use_breath": True, "use_blinks": False, "seed": 4}
    assert bpy.ops.unitalker.animate(audio=speech, character="rig", **options) == {'FINISHED'}
    assert {path.split('"')[1] for path in curves(obj)} == {
        "Head", "eye.L", "eye.R", "chest", "shoulder.L", "shoulder.R"
    }


@pytest.mark.parametrize("mode", MODES)
def test_a_head_that_the_artist_turned_stays_turned_and_nods_in_its_own_direction(ext, mode):
    obj = skeleton(lying=False, mode=mode)
    with_face(ext, obj)
    head = obj.pose.bones["Head"]
    rest = head.bone.matrix_local.to_quaternion()
    turned = rest.inverted() @ Quaternion((0, 0, 1), 0.5) @ rest        # to its left, as the world sees it
    head.rotation_quaternion, head.rotation_euler = turned, turned.to_euler(mode if len(mode) == 3 else 'XYZ')
    head.rotation_axis_angle = (turned.angle, *turned.axis)
    for _ in range(2):          # again: what our keys show on the current frame is not taken for the artist's pose
        key(ext, "rig", headPitch=0.2)
        bpy.context.scene.frame_set(2)
        facing = (head.matrix.to_quaternion() @ rest.inverted()) @ FORWARD
        expected = Quaternion((0, 0, 1), 0.5) @ (math.cos(0.2) * FORWARD - math.sin(0.2) * UP)
        assert (facing - expected).length < 1e-4
    ext.module("addon.keying.clearing").clear(ext.module("addon.character.character").gather(bpy.context, "rig"))
    assert ((head.matrix_basis.to_quaternion().inverted()) @ turned).angle == pytest.approx(0, abs=1e-3)
