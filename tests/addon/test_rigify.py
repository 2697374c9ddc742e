"""The Rigify preset on a rig that Blender's own Rigify generates."""

from __future__ import annotations

import os

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

MILLIMETRES = 1000.0


@pytest.fixture(scope="module")
def generated(package):
    """The generated rig, kept in a file: each test starts from an empty scene."""
    import addon_utils

    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True, load_ui=False)
    addon_utils.enable("rigify", default_set=True)
    bpy.ops.object.armature_human_metarig_add()
    bpy.ops.pose.rigify_generate()
    path = os.path.join(bpy.app.tempdir, "rigify.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    return path


def _face(ext, generated, **pose):
    """Heads of face bones in mm with this pose; smile, press and the like stand for both sides."""
    types, channels = ext.module("engine.values.types"), ext.module("engine.values.channels")
    presets, retarget, rig = ext.module("engine.rig.presets"), ext.module("engine.rig.retarget"), ext.module(
        "addon.character.character"
    )
    bpy.ops.wm.open_mainfile(filepath=generated)
    armature = next(obj for obj in bpy.data.objects if obj.type == 'ARMATURE' and obj.name != "metarig")
    weights = np.zeros((1, 52), np.float32)
    for name, value in pose.items():
        sides = (name, name + "Left", name + "Right")
        weights[0, [i for i, channel in enumerate(channels.ARKIT_52) if channel in sides]] = value
    names = rig.gather(bpy.context, armature.name).rig("auto", ())
    preset = presets.choose(names)
    assert preset.id == "rigify_face"
    assert len(presets.match(preset, names).found) == 50
    for channel, curve in retarget.retarget(
        types.Motion(weights, channels.ARKIT_52, 24.0), preset, names
    ).curves.items():
        bone = armature.pose.bones[channel.name]
        bone.rotation_mode = 'XYZ'
        getattr(bone, channel.path)[channel.index] = float(curve.values[0])
    bpy.context.view_layer.update()
    return {bone.name: np.array(bone.head) * MILLIMETRES for bone in armature.pose.bones}


def test_mouth_opens_closes_spreads_and_puckers(ext, generated):
    def gap(face):
        return face["lip.T"][2] - face["lip.B"][2]

    def width(face):
        return face["lips.L"][0] - face["lips.R"][0]

    rest = _face(ext, generated)
    opened = _face(ext, generated, jawOpen=0.6)
    closed = _face(
        ext, generated, jawOpen=0.4, mouthClose=0.4, mouthPress=0.25, mouthRollLower=0.12, mouthRollUpper=0.12
    )
    puckered, smiling = _face(ext, generated, mouthPucker=0.8), _face(ext, generated, mouthSmileLeft=0.7)
    assert gap(opened) > gap(rest) + 15
    assert gap(closed) <= gap(rest)
    assert width(puckered) < width(rest) - 20 and puckered["lip.T"][1] < rest["lip.T"][1] - 5
    assert smiling["lips.L"][2] > rest["lips.L"][2] + 5
    assert smiling["lips.R"] == pytest.approx(rest["lips.R"], abs=0.01)
