"""Data that must survive: what an artist made stays, what cannot be keyed is refused with its reason before any
work."""

from __future__ import annotations

import os

import bpy
import numpy as np
import pytest

from . import as_before
from .conftest import TINY, curves, jaw, keys_of, make_face, own_action

JAW = 'key_blocks["jawOpen"].value'


@pytest.fixture
def no_listening(ext, monkeypatch):
    """Reading the sound is the first work: a refusal comes before it."""
    def read(_clip):
        raise AssertionError("the sound was read before the character was refused")

    monkeypatch.setattr(ext.module("addon.sound.clip"), "read", read)


def refused(message, speech, **options):
    """Generating fails with this message, and every key and value is as before."""
    before = as_before.animation(), as_before.values()
    with pytest.raises(RuntimeError, match=message):
        bpy.ops.unitalker.animate(audio=speech, **options)
    assert (as_before.animation(), as_before.values()) == before
    assert bpy.context.scene.unitalker.result_failed


def link(path, kind, name):
    with bpy.data.libraries.load(str(path), link=True) as (_, wanted):
        setattr(wanted, kind, [name])
    return getattr(wanted, kind)[0]


def save_and_clear(path):
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True, load_ui=False)
    bpy.context.scene.unitalker.model = TINY


def make_rig(ext, name="Rig", bone="jaw"):
    """An armature with one bone and a dial; the preset "Bone" drives both, kept in a file that is given back as its
    path."""
    armature = bpy.data.objects.new(name, bpy.data.armatures.new(name))
    bpy.context.scene.collection.objects.link(armature)
    bpy.context.view_layer.objects.active = armature
    bpy.ops.object.mode_set(mode='EDIT')
    armature.data.edit_bones.new(bone).tail.z = 1
    bpy.ops.object.mode_set(mode='OBJECT')
    armature.pose.bones[bone].rotation_mode = 'XYZ'
    armature["Dial"] = 0.1
    return armature


def rig_preset(ext, folder, *shape_keys):
    engine = ext.module("engine.rig.preset")
    channel = ext.module("engine.values.types").RigChannel
    targets = (
        engine.Target(channel("bone", "jaw", "rotation_euler", 0), (("jawOpen", 18.0),), degrees=True),
        engine.Target(channel("property", '["Dial"]'), (("jawOpen", 2.0),)),
        *(engine.Target(channel("shape_key", name), (("jawOpen", 1.0),)) for name in shape_keys),
    )
    return str(ext.module("engine.rig.presets").save_preset(engine.Preset("Bone", "arkit52", targets), folder))


# ---- linked characters

def test_a_linked_rig_is_refused_before_any_work_and_its_override_keeps_keys(ext, speech, tmp_path, monkeypatch):
    armature = make_rig(ext)
    make_face(ext, "Face", ("jawOpen",)).parent = armature
    cast = bpy.data.collections.new("Cast")
    bpy.context.scene.collection.children.link(cast)
    for obj in list(bpy.context.scene.collection.objects):
        cast.objects.link(obj)
        bpy.context.scene.collection.objects.unlink(obj)
    save_and_clear(tmp_path / "cast.blend")
    bpy.context.scene.collection.children.link(link(tmp_path / "cast.blend", "collections", "Cast"))
    preset = rig_preset(ext, tmp_path, "jawOpen")
    with monkeypatch.context() as patch:
        patch.setattr(ext.module("addon.sound.clip"), "read", lambda _clip: pytest.fail("the sound was read first"))
        refused(
            r"linked from another file, so keys on it would be lost.*Make Editable Override", speech, character="Rig",
            preset=preset,
        )
    assert bpy.ops.unitalker.make_override(character="Rig") == {'FINISHED'}
    name = bpy.context.scene.unitalker.character.name
    bpy.ops.unitalker.animate(audio=speech, character=name, preset=preset)
    for run in range(2):            # saved and loaded twice: the second time everything is an override already
        bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
        bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
        rig, face = (bpy.context.scene.objects[name] for name in ("Rig", "Face"))
        assert rig.override_library and not rig.library
        assert sorted(curves(rig)) == ['["Dial"]', 'pose.bones["jaw"].rotation_euler']
        assert jaw(face)[:, 1].max() > 0.1 and len(jaw(face)) == 48, run
    bpy.context.scene.frame_set(24)
    assert rig.pose.bones["jaw"].rotation_euler.x > 0.01


def test_a_library_that_is_missing_is_said(ext, speech, tmp_path, no_listening):
    make_face(ext, "Face", ("jawOpen",))
    save_and_clear(tmp_path / "cast.blend")
    bpy.context.scene.collection.objects.link(link(tmp_path / "cast.blend", "objects", "Face"))
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    os.remove(tmp_path / "cast.blend")
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    refused(
        r"'Face' only stands for something of .*cast\.blend.*could not be loaded.*Find Missing Files", speech,
        character="Face",
    )


def test_the_library_on_disk_is_never_changed(ext, speech, tmp_path):
    make_face(ext, "Face")
    (tmp_path / "library").mkdir()
    save_and_clear(tmp_path / "library" / "cast.blend")
    before = as_before.files(tmp_path / "library")
    bpy.context.scene.collection.objects.link(link(tmp_path / "library" / "cast.blend", "objects", "Face"))
    bpy.ops.unitalker.make_override(character="Face")
    bpy.ops.unitalker.animate(audio=speech, character=bpy.context.scene.unitalker.character.name)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    assert as_before.files(tmp_path / "library") == before


# ---- instances

def test_an_instance_is_refused_with_what_to_pick(ext, face, speech, no_listening):
    cast = bpy.data.collections.new("Cast")
    cast.objects.link(face)
    empty = bpy.data.objects.new("Crowd", None)
    empty.instance_type, empty.instance_collection = 'COLLECTION', cast
    bpy.context.scene.collection.objects.link(empty)
    refused(r"'Crowd' is an instance of the collection 'Cast'.*pick 'Face' instead", speech, character="Crowd")


def test_an_instance_of_nothing_that_moves_says_so(ext, speech, no_listening):
    empty = bpy.data.objects.new("Props", None)
    empty.instance_type, empty.instance_collection = 'COLLECTION', bpy.data.collections.new("Chairs")
    bpy.context.scene.collection.objects.link(empty)
    refused(
        r"'Props' is an instance of the collection 'Chairs'.*holds nothing that could be keyed", speech,
        character="Props",
    )


# ---- shared data

def test_key_data_that_two_objects_share_is_keyed_once_and_moves_both(ext, face, speech):
    twin = bpy.data.objects.new("Twin", face.data)
    bpy.context.scene.collection.objects.link(twin)
    twin.parent = face
    bpy.ops.unitalker.animate(audio=speech, character="Face")
    assert len(curves(face.data.shape_keys)) == 52 and len(bpy.data.actions) == 1
    assert bpy.context.scene.unitalker.result_counts.startswith("52 curves")


def test_an_action_of_the_artist_that_two_characters_share_stays_whole(ext, face, speech):
    other = make_face(ext, "Other")
    other.location.x = 9
    bpy.context.view_layer.update()
    shared = own_action(face.data.shape_keys, {JAW: [(1, 0.0), (40, 0.5)]}, "Shared")
    other.data.shape_keys.animation_data_create().action = shared
    if hasattr(shared, "slots"):
        other.data.shape_keys.animation_data.action_slot = shared.slots[0]
    keys = as_before.animation()[0]["Shared"]
    for existing in ('KEEP', 'LAYER'):
        bpy.ops.unitalker.animate(audio=speech, character="Face", existing=existing)
        assert as_before.animation()[0]["Shared"] == keys
        assert (
            other.data.shape_keys.animation_data.action == shared
            and not other.data.shape_keys.animation_data.nla_tracks
        )
    bpy.ops.unitalker.clear(character="Face")
    assert as_before.animation()[0]["Shared"] == keys
    assert face.data.shape_keys.animation_data.action == shared and not face.data.shape_keys.animation_data.nla_tracks


def test_an_artists_keys_and_drivers_are_the_same_after_generate_and_clear(ext, face, speech):
    keys = face.data.shape_keys
    own_action(keys, {JAW: [(3, 0.25), (7.5, 0.75), (30, 0.1)], 'key_blocks["mouthPucker"].value': [(2, 1.0)]})
    keys.key_blocks["cheekPuff"].driver_add("value").driver.expression = "0.25"
    keys.key_blocks["mouthSmileLeft"].value = 0.3
    bpy.context.scene.frame_set(1)          # so that keys and drivers have had their say
    before = as_before.animation(), as_before.values()
    for existing in ('KEEP', 'LAYER'):
        bpy.ops.unitalker.animate(audio=speech, character="Face", existing=existing)
        assert as_before.animation()[0]["Mine"] == before[0][0]["Mine"]
        bpy.ops.unitalker.clear(character="Face")
        bpy.context.scene.frame_set(1)
        assert as_before.values() == before[1] and as_before.animation()[0]["Mine"] == before[0][0]["Mine"]
        assert keys.animation_data.action.name == "Mine" and not keys.animation_data.nla_tracks


# ---- sliders

@pytest.fixture
def loud(ext, tmp_path):
    """A face whose jaw goes far beyond its slider, by a preset."""
    face = make_face(ext, "Face", ("jawOpen", "mouthClose"))
    engine, channel = ext.module("engine.rig.preset"), ext.module("engine.values.types").RigChannel
    target = engine.Target(channel("shape_key", "jawOpen"), (("jawOpen", 1.0),), gain=3.0, clamp=None)
    bpy.context.scene.unitalker.preset = str(
        ext.module("engine.rig.presets").save_preset(engine.Preset("Loud", "arkit52", (target,)), tmp_path)
    )
    return face


def test_raise_lengthens_the_slider_and_clear_gives_it_back(ext, loud, speech):
    before = as_before.values()
    bpy.ops.unitalker.animate(audio=speech, character="Face", sliders='RAISE')
    block = loud.data.shape_keys.key_blocks["jawOpen"]
    assert jaw(loud)[:, 1].max() == pytest.approx(block.slider_max) and block.slider_max > 1.5
    bpy.ops.unitalker.clear(character="Face")
    assert as_before.values() == before


def test_clip_cuts_the_values_says_so_and_leaves_the_slider(ext, loud, speech):
    before = as_before.values()
    bpy.ops.unitalker.animate(audio=speech, character="Face", sliders='CLIP')
    assert (
        jaw(loud)[:, 1].max() == 1.0 and as_before.values()[0]["Key", "jawOpen"][1:] == before[0]["Key", "jawOpen"][1:]
    )
    assert "jawOpen of 'Face': clipped at the slider's end." in bpy.context.scene.unitalker.result_details


def test_ask_writes_nothing_and_says_how_far_the_motion_goes(ext, loud, speech):
    refused(
        r"jawOpen of 'Face': the motion goes to [23]\.\d\d, beyond the sliders' ends\. Nothing was written", speech,
        character="Face", sliders='ASK',
    )


def test_ask_has_nothing_to_ask_where_values_fit(ext, face, speech):
    assert bpy.ops.unitalker.animate(audio=speech, character="Face", sliders='ASK') == {'FINISHED'}


# ---- shape keys as the artist made them

def test_masks_mutes_and_relations_of_keys_are_left_as_they_are(ext, face, speech):
    keys = face.data.shape_keys
    face.vertex_groups.new(name="Lips Ümlaut").add([0], 0.5, 'REPLACE')
    keys.key_blocks["jawOpen"].vertex_group = "Lips Ümlaut"
    keys.key_blocks["mouthClose"].mute = True
    keys.key_blocks["mouthPucker"].relative_key = keys.key_blocks["jawOpen"]
    bpy.ops.unitalker.animate(audio=speech, character="Face")
    assert keys.key_blocks["jawOpen"].vertex_group == "Lips Ümlaut" and keys.key_blocks["mouthClose"].mute
    assert keys.key_blocks["mouthPucker"].relative_key.name == "jawOpen"
    bpy.context.scene.frame_set(int(jaw(face)[jaw(face)[:, 1].argmax(), 0]))
    moved = face.evaluated_get(bpy.context.evaluated_depsgraph_get()).data.vertices[0].co.z
    keys.key_blocks["jawOpen"].vertex_group = ""
    bpy.context.view_layer.update()
    # the mask still halves the jaw
    assert 0 < moved < face.evaluated_get(bpy.context.evaluated_depsgraph_get()).data.vertices[0].co.z


NAMES = ('口を開ける', 'Mund "auf"', "back\\slash", "it's", "a]b[c", "Ünïcödé́", "new\tline", '"]', "😀", "x" * 63)


def test_any_name_is_keyed_by_a_path_that_leads_to_it(ext, speech, tmp_path):
    face = make_face(ext, 'Face "Ö" \\', NAMES)
    engine, channel = ext.module("engine.rig.preset"), ext.module("engine.values.types").RigChannel
    names = [block.name for block in face.data.shape_keys.key_blocks[1:]]
    presets = ext.module("engine.rig.presets")
    good = [name for name in names if "\t" not in name]             # a preset holds no control characters
    targets = tuple(engine.Target(channel("shape_key", name), (("jawOpen", 1.0),)) for name in good)
    bpy.ops.unitalker.animate(
        audio=speech, character=face.name,
        preset=str(presets.save_preset(engine.Preset("Odd", "arkit52", targets), tmp_path)),
    )
    assert len(good) == 9 and len(curves(face.data.shape_keys)) == 9
    values = keys_of(next(iter(curves(face.data.shape_keys).values())))
    frame, peak = values[values[:, 1].argmax()]
    bpy.context.scene.frame_set(int(frame))
    assert {name: face.data.shape_keys.key_blocks[name].value for name in good} == pytest.approx(
        dict.fromkeys(good, float(peak)), abs=1e-5
    )
    bpy.ops.unitalker.clear(character=face.name)
    assert not curves(face.data.shape_keys) and all(block.value == 0 for block in face.data.shape_keys.key_blocks[1:])


def test_a_number_of_double_precision_comes_back_exactly(ext, speech, tmp_path):
    armature = make_rig(ext)
    before = as_before.values()
    bpy.ops.unitalker.animate(audio=speech, character="Rig", preset=rig_preset(ext, tmp_path))
    bpy.context.scene.frame_set(24)
    assert armature["Dial"] != 0.1
    bpy.ops.unitalker.clear(character="Rig")
    assert as_before.values() == before and armature["Dial"] == 0.1


# ---- curves that exist already

def test_making_a_line_again_keeps_how_its_curves_are_shown_and_played(ext, face, speech):
    bpy.ops.unitalker.animate(audio=speech, character="Face")
    curve = curves(face.data.shape_keys)[JAW]
    curve.mute, curve.lock, curve.hide, curve.extrapolation, curve.color_mode = True, True, True, 'LINEAR', 'CUSTOM'
    curve.color = (0.25, 0.5, 0.75)
    noisy = curves(face.data.shape_keys)['key_blocks["mouthClose"].value']
    noisy.modifiers.new('NOISE')
    bpy.ops.unitalker.animate(audio=speech, character="Face", smooth=0.5)
    curve, noisy = (curves(face.data.shape_keys)[path] for path in (JAW, 'key_blocks["mouthClose"].value'))
    assert (curve.mute, curve.lock, curve.hide, curve.extrapolation, curve.color_mode) == (
        True, True, True, 'LINEAR', 'CUSTOM'
    )
    assert tuple(curve.color) == (0.25, 0.5, 0.75) and curve.group.name == "Lip Sync" and len(noisy.modifiers) == 1


def test_meshes_that_take_the_same_curves_get_equal_keys(ext, face, speech):
    other = make_face(ext, "Teeth")
    other.parent = face
    for _ in range(2):
        bpy.ops.unitalker.animate(audio=speech, character="Face")
        for path, curve in curves(face.data.shape_keys).items():
            twin = curves(other.data.shape_keys)[path]
            assert np.array_equal(keys_of(curve), keys_of(twin)) and curve.array_index == twin.array_index
            assert (
                {key.interpolation for key in twin.keyframe_points} == {'LINEAR'}
                and not any(key.select_control_point for key in twin.keyframe_points)
            )
            assert twin.group.name == curve.group.name == "Lip Sync"
