"""FLAME parameters on a FLAME rig: expression shape keys and the jaw bone."""

from __future__ import annotations

import hashlib
import json
import shutil

import bpy
import numpy as np
import pytest

from .conftest import TINY, curves, keys_of, make_face

HEAD = "flame_params_from_dadhead"


@pytest.fixture
def model(ext, tmp_path):
    """The tiny model with one more head that gives FLAME parameters."""
    folder, channels = tmp_path / "flame", ext.module("engine.values.channels").FLAME_413
    shutil.copytree(TINY, folder)
    info = json.loads((folder / "model.json").read_text())
    arrays = dict(np.load(folder / "heads.npz"))
    weights = np.random.default_rng(2).normal(size=(arrays["arkit52/W"].shape[0], len(channels))) * 0.1
    arrays |= {f"{HEAD}/W": weights.astype(np.float32), f"{HEAD}/b": np.zeros(len(channels), np.float32)}
    np.savez(folder / "heads.npz", **arrays)
    info["sha256"]["heads.npz"] = hashlib.sha256((folder / "heads.npz").read_bytes()).hexdigest()
    info["heads"].append({
        "id": HEAD, "space": "flame", "channels": channels, "fps": 30,
        "resample": {"where": "features", "align_corners": True},
    })
    (folder / "model.json").write_text(json.dumps({**info, "id": "flame"}))
    bpy.context.scene.unitalker.model = str(folder)
    bpy.context.scene.unitalker.head = HEAD
    return folder


@pytest.fixture
def flame_rig(ext):
    """A mesh with 100 expression and 10 identity keys under an armature with a jaw, as the FLAME Blender Add-on makes
    it."""
    face = make_face(ext, "FLAME", (*(f"Shape{n}" for n in range(1, 11)), *(f"Exp{n}" for n in range(1, 101))))
    armature = bpy.data.objects.new("Skeleton", bpy.data.armatures.new("Skeleton"))
    bpy.context.scene.collection.objects.link(armature)
    bpy.context.view_layer.objects.active = armature
    bpy.ops.object.mode_set(mode='EDIT')
    bone = armature.data.edit_bones.new("jaw")
    bone.head, bone.tail = (0, 0, 0), (0, 0, 0.01)
    bpy.ops.object.mode_set(mode='OBJECT')
    armature.pose.bones["jaw"].rotation_mode = 'XYZ'
    face.parent = armature
    return face, armature


def test_expressions_and_jaw_follow_the_parameters(ext, model, flame_rig, speech):
    face, armature = flame_rig
    assert ext.module("addon.take.catalog").fit(bpy.context).line.startswith("FLAME: 103 of 103 channels")
    bpy.context.scene.render.fps = 30
    assert bpy.ops.unitalker.animate(audio=speech, character="FLAME", identity="wide") == {'FINISHED'}
    engine, strip_audio = ext.module("engine"), ext.module("addon.sound.clip")
    wave = strip_audio.read(strip_audio.find_file(bpy.context, speech, 1.0))
    motion = engine.animate(wave, engine.Settings(model=str(model), head=HEAD, identity="wide", fps=30.0)).motion
    keyed = curves(face.data.shape_keys)
    assert len(keyed) == 100 and not any("Shape" in path for path in keyed)
    for number in range(100):
        np.testing.assert_allclose(
            keys_of(keyed[f'key_blocks["Exp{number + 1}"].value'])[:, 1], motion[f"expression{number:03d}"], atol=1e-6
        )
    assert motion.weights[:, 300:400].min() < -0.01         # negative values are no mistake there, and stay
    bone = curves(armature)
    for index, axis in enumerate("XYZ"):
        path = 'pose.bones["jaw"].rotation_euler' + (str(index) if index else "")
        np.testing.assert_allclose(keys_of(bone[path])[:, 1], motion[f"jaw{axis}"], atol=1e-6)


def test_blendshapes_do_not_go_to_a_flame_rig(ext, model, flame_rig, speech):
    with pytest.raises(RuntimeError, match="No preset fits this character"):
        bpy.ops.unitalker.animate(audio=speech, character="FLAME", head="arkit52")
