"""Teach in Blender: the artist's keys on bones, custom properties and shape keys are learned, and Generate drives the
same controls."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import bpy
import numpy as np
import pytest

from . import as_before
from .conftest import curves, keys_of, make_face, own_action, write_wav
from .drawn import draw
from .full_disk import full_disk

RATE_HZ = 16_000
BONE = 'pose.bones["Kiefer"]'
PROPERTY = f'{BONE}["Mund"]'


def syllables(seconds, seed):
    """Noise bursts twice a second, of changing loudness."""
    random = np.random.default_rng(seed)
    t = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    loud = np.maximum(np.sin(2 * np.pi * 2 * t), 0) * (0.3 + 0.2 * np.sin(2 * np.pi * 0.3 * t))
    return loud, (loud * random.normal(scale=0.6, size=len(t))).clip(-1, 1)


@pytest.fixture
def rig(ext):
    """A face with two keys of foreign names on an armature with a jaw bone that has a slider; the artist keyed 12 s of
    all three at 24 fps."""
    face = make_face(ext, "Face", ("Auf", "Ruhig"))
    armature = bpy.data.objects.new("Rig", bpy.data.armatures.new("Rig"))
    bpy.context.scene.collection.objects.link(armature)
    bpy.context.view_layer.objects.active = armature
    bpy.ops.object.mode_set(mode='EDIT')
    armature.data.edit_bones.new("Kiefer").tail = (0, 0, 1)
    bpy.ops.object.mode_set(mode='OBJECT')
    armature.pose.bones["Kiefer"].rotation_mode = 'XYZ'
    armature.pose.bones["Kiefer"]["Mund"] = 0.0
    face.parent = armature
    loud = syllables(12, 0)[0]
    keys = [(1 + frame, float(loud[min(frame * RATE_HZ // 24, len(loud) - 1)])) for frame in range(12 * 24)]
    own_action(
        armature,
        {
            f"{BONE}.rotation_euler": [(frame, -0.8 * value) for frame, value in keys],
            PROPERTY: [(frame, 20 * value) for frame, value in keys],
        },
    )
    own_action(face.data.shape_keys, {'key_blocks["Auf"].value': keys}, "Mine too")
    return face, armature


@pytest.fixture
def sound(tmp_path):
    return write_wav(tmp_path / "take.wav", syllables(12, 0)[1])


@pytest.fixture(autouse=True)
def own_folder(ext, tmp_path, monkeypatch):
    """The user's presets go to a folder of this test."""
    folder = tmp_path / "user"
    folder.mkdir()
    for name in ("addon.host.preferences", "addon.teach.take"):
        monkeypatch.setattr(ext.module(name), "user_folder", lambda *_, **__: str(folder))
    return folder


def teach(sound, **options):
    return bpy.ops.unitalker.teach(audio=sound, character="Face", name="Meine", **options)


def drop_keys(*owners):
    for owner in owners:
        owner.animation_data_clear()


def age(ext, path, **changes):
    """Make a taught head one of other weights."""
    file = ext.module("engine.rig.fitted_head_file")
    file.write_fitted_head(dataclasses.replace(file.load_fitted_head(path), mark="0.1", **changes), path)


@pytest.mark.parametrize("of_0_1", [False, True])
def test_a_head_of_other_weights_is_taught_again_by_one_click(ext, rig, sound, own_folder, of_0_1):
    teach(sound)
    scores = re.findall(r"r \d\.\d\d", bpy.context.scene.unitalker.teach_details)
    assert "unitalker.teach_again" not in [name for name, _ in draw(bpy.types.UNITALKER_PT_teach).buttons]
    age(ext, own_folder / "meine.npz", **({"examples": None} if of_0_1 else {}))
    assert "unitalker.teach_again" in [name for name, _ in draw(bpy.types.UNITALKER_PT_teach).buttons]
    with pytest.raises(RuntimeError, match="Teach Again in Tools > Teach"):
        bpy.ops.unitalker.animate(audio=sound, character="Face")
    if of_0_1:
        assert bpy.ops.unitalker.teach_again(audio=sound, character="Face") == {'FINISHED'}
    drop_keys(rig[0].data.shape_keys, rig[1])
    if not of_0_1:
        assert bpy.ops.unitalker.teach_again() == {'FINISHED'}      # the file alone is enough
    assert re.findall(r"r \d\.\d\d", bpy.context.scene.unitalker.teach_details) == scores
    assert bpy.ops.unitalker.animate(audio=sound, character="Face") == {'FINISHED'}


def test_bones_properties_and_shape_keys_are_learned_and_driven_by_other_speech(ext, rig, sound, own_folder, tmp_path):
    face, armature = rig
    assert teach(sound) == {'FINISHED'}
    settings = bpy.context.scene.unitalker
    assert settings.preset == "meine.npz"
    assert (own_folder / "meine.npz").is_file()
    assert settings.teach_result.startswith("'Meine': learned 3 of 3 controls from 11.9 s")
    found = dict(re.findall(r"(Kiefer rotation_euler X|Mund|Auf): r (\d\.\d\d)", settings.teach_details))
    assert len(found) == 3
    assert all(float(r) > 0.8 for r in found.values()), settings.teach_details
    assert re.search(r"Kiefer rotation_euler X: r \S+ error \d\S*°", settings.teach_details)

    drop_keys(armature, face.data.shape_keys)
    loud, samples = syllables(8, 5)
    assert bpy.ops.unitalker.animate(audio=write_wav(tmp_path / "other.wav", samples), character="Face") == {'FINISHED'}
    expected = np.interp(np.arange(8 * 24) / 24, np.arange(len(loud)) / RATE_HZ, loud)
    for owner, path, gain in (
        (armature, f"{BONE}.rotation_euler", -0.8), (armature, PROPERTY, 20),
        (face.data.shape_keys, 'key_blocks["Auf"].value', 1),
    ):
        keys = keys_of(curves(owner)[path])
        assert len(keys) == 8 * 24
        assert np.corrcoef(keys[:, 1], gain * expected)[0, 1] > 0.9
        assert np.ptp(keys[:, 1]) == pytest.approx(abs(gain) * np.ptp(expected), rel=0.4)


def test_teaching_leaves_the_artists_keys_and_the_scene_as_they_were(ext, rig, sound):
    face, armature = rig
    before = [
        keys_of(curve).tobytes() for owner in (armature, face.data.shape_keys) for curve in curves(owner).values()
    ]
    teach(sound)
    assert [
        keys_of(curve).tobytes() for owner in (armature, face.data.shape_keys) for curve in curves(owner).values()
    ] == before
    assert sorted(action.name for action in bpy.data.actions) == ["Mine", "Mine too"]


def test_the_panel_counts_a_taught_heads_controls(ext, rig, sound):
    teach(sound)
    bpy.context.scene.unitalker.character = rig[0]
    catalog = ext.module("addon.take.catalog")
    assert catalog.fit(bpy.context).line == "Meine: 3 of 3 taught controls found"
    assert ("meine.npz", "Meine") in [
        item[:2] for item in catalog.preset_items(bpy.context.scene.unitalker, bpy.context)
    ]
    make_face(ext, "Other", ("nothing", "here"))
    bpy.context.scene.unitalker.character = bpy.data.objects["Other"]
    assert "finds none of its controls" in catalog.fit(bpy.context).problem


def test_keys_that_generate_made_are_not_taught(ext, face, sound, own_folder):
    bpy.ops.unitalker.animate(audio=sound, character="Face")
    with pytest.raises(RuntimeError, match=r"'Face' has no keys of yours: the ones that Generate made do not count"):
        teach(sound)
    next(iter(curves(face.data.shape_keys).values())).group.name = "Mine"       # the artist makes them his own
    assert teach(sound) == {'FINISHED'}
    assert (own_folder / "meine.npz").is_file()


def test_the_difference_from_a_preset_is_taught_if_wanted(ext, face, sound):
    bpy.ops.unitalker.animate(audio=sound, character="Face")
    next(iter(curves(face.data.shape_keys).values())).group.name = "Mine"
    assert teach(sound, start_from_preset=True, preset="arkit52") == {'FINISHED'}
    assert "(preset: r " in bpy.context.scene.unitalker.teach_details


@pytest.mark.parametrize("mode", ['ZYX', 'QUATERNION', 'AXIS_ANGLE'])
def test_every_rotation_mode_comes_back_in_the_bones_own_way(ext, rig, sound, tmp_path, mode):
    _, armature = rig
    bone = armature.pose.bones["Kiefer"]
    bone.rotation_mode = mode
    drop_keys(armature)
    loud = syllables(12, 0)[0]
    frames = [(1 + frame, float(loud[min(frame * RATE_HZ // 24, len(loud) - 1)])) for frame in range(12 * 24)]
    armature.animation_data_create()
    for frame, value in frames[::2]:
        if mode == 'QUATERNION':
            bone.rotation_quaternion = (np.cos(value / 2), np.sin(value / 2), 0, 0)
        elif mode == 'AXIS_ANGLE':
            bone.rotation_axis_angle = (value, 1, 0, 0)
        else:
            bone.rotation_euler = (value, 0.2 * value, 0)
        path = {'QUATERNION': "rotation_quaternion", 'AXIS_ANGLE': "rotation_axis_angle"}.get(mode, "rotation_euler")
        bone.keyframe_insert(path, frame=frame)
    assert teach(sound) == {'FINISHED'}
    drop_keys(armature)
    assert bpy.ops.unitalker.animate(audio=sound, character="Face") == {'FINISHED'}
    keyed = curves(armature)
    turned = keyed[f"{BONE}.{path}{1 if mode == 'QUATERNION' else ''}"]
    expected = np.array([value for _, value in frames])
    values = np.array([turned.evaluate(frame) for frame, _ in frames])
    assert np.corrcoef(values, expected)[0, 1] > 0.9


@pytest.mark.parametrize(("change", "message"), [
    ("unnamed", None),
    ("short", r"covers \d\.\d s of the sound, at least 5 s are needed"),
    ("none", r"has no keys of yours"),
])
def test_a_take_that_cannot_be_taught_is_one_error_and_writes_nothing(ext, rig, tmp_path, own_folder, change, message):
    face, armature = rig
    if message is None:
        with pytest.raises(RuntimeError, match="has no name"):
            bpy.ops.unitalker.teach(
                audio=write_wav(tmp_path / "a.wav", syllables(12, 0)[1]), character="Face", name=" "
            )
    else:
        if change == "none":
            drop_keys(armature, face.data.shape_keys)
        with pytest.raises(RuntimeError, match=message):
            teach(write_wav(tmp_path / "a.wav", syllables(4 if change == "short" else 12, 0)[1]))
        assert bpy.context.scene.unitalker.teach_failed
    assert list(Path(own_folder).iterdir()) == []
    assert bpy.context.scene.unitalker.preset == "auto"


def test_keys_in_an_nla_strip_are_read_where_they_play(ext, rig, sound):
    _, armature = rig
    animation = armature.animation_data
    action, slot = animation.action, getattr(animation, "action_slot", None)
    animation.action = None
    track = animation.nla_tracks.new()
    strip = track.strips.new("moved", 101, action)
    if slot is not None:
        strip.action_slot = slot
    keyed = ext.module("addon.keying.artist_keys").read(
        ext.module("addon.character.character").gather(bpy.context, "Rig", False), 101, 24, 50
    )
    control = next(number for number, one in enumerate(keyed.controls) if one.kind == "property")
    loud = syllables(12, 0)[0]
    at = np.interp(np.arange(0, 11, 0.5), keyed.seconds, keyed.values[:, control])
    assert at == pytest.approx(
        [20 * loud[int(second * 24) * RATE_HZ // 24] for second in np.arange(0, 11, 0.5)], abs=0.2
    )


def test_a_head_that_does_not_fit_on_the_disk_is_one_error_and_leaves_nothing(ext, rig, sound, own_folder, monkeypatch):
    module = ext.module("addon.teach.take")
    true, before = module.save_fitted_head, as_before.animation()

    def onto_full_disk(taught, folder):
        with full_disk():
            return true(taught, folder)

    monkeypatch.setattr(module, "save_fitted_head", onto_full_disk)
    with pytest.raises(RuntimeError, match="cannot be written"):
        teach(sound)
    assert (
        list(own_folder.iterdir()) == [] and as_before.animation() == before
        and bpy.context.scene.unitalker.preset == "auto"
    )


def test_a_damaged_taught_file_is_named_in_the_panel(ext, own_folder):
    (own_folder / "kiefer.npz").write_bytes(b"PK\x03\x04 cut")
    ext.module("addon.take.catalog").refresh()
    assert "kiefer.npz" not in [
        item[0] for item in ext.module("addon.take.catalog").preset_items(bpy.context.scene.unitalker, bpy.context)
    ]
    lines = ext.module("addon.take.catalog").damaged_heads()
    assert len(lines) == 1
    assert lines[0].startswith("Taught file kiefer.npz is damaged (")
    assert str(own_folder) not in lines[0]
    assert "kiefer.npz is damaged" in " ".join(draw(bpy.types.UNITALKER_PT_teach).texts)
