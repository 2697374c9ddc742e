"""What a take reads from the scene, the preferences and the sound when these are unusual."""

from __future__ import annotations

import sys

import bpy
import numpy as np
import pytest

from .conftest import TINY, curves, curves_in, jaw, make_face, write_wav


def animate(speech, character="Face", **options):
    return bpy.ops.unitalker.animate(audio=speech, character=character, **options)


# ---- frames

def test_a_sound_shorter_than_a_frame_is_one_error(ext, face, tmp_path):
    bpy.context.scene.render.fps = 1
    with pytest.raises(RuntimeError, match=r"Frame rate 1 leaves no frame"):
        animate(write_wav(tmp_path / "short.wav", np.zeros(1700)))
    assert len(bpy.data.actions) == 0


@pytest.mark.parametrize("option", ["start_frame", "shift_frames"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e9, -1e9])
def test_frames_off_the_timeline_are_one_error(ext, face, speech, option, value):
    with pytest.raises(RuntimeError, match=r"cannot start on frame"):
        animate(speech, **{option: value})
    assert len(bpy.data.actions) == 0


@pytest.mark.parametrize(("fps", "base"), [(24, 1.001), (30, 1.001), (60, 1.0), (120, 1.0)])
def test_every_frame_rate_keys_whole_frames_from_first_to_last(ext, face, speech, fps, base):
    bpy.context.scene.render.fps, bpy.context.scene.render.fps_base = fps, base
    animate(speech, start_frame=1001)
    assert jaw(face)[:, 0].tolist() == list(range(1001, 1001 + round(2 * fps / base)))


STYLES = {
    "earliest": {"anticipation": 3.0, "offset_lips": -3.0, "offset_jaw": -3.0, "smooth": 1.0},
    "Bezier": {"anticipation": 3.0, "interpolation": 'BEZIER', "reduce": True},
    "steps": {"offset_lips": -3.0, "interpolation": 'CONSTANT', "reduce": True},
    "life": {"use_head_motion": True, "use_eye_motion": True, "use_breath": True, "blinks": 2.0},
}


@pytest.mark.parametrize("destination", ['ACTION', 'NLA'])
@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("shift", [0.0, -4.0])
def test_no_key_lies_before_the_clips_first_frame_unless_shifted(ext, face, speech, style, destination, shift):
    animate(speech, start_frame=31, destination=destination, shift_frames=shift, **STYLES[style])
    data = face.data.shape_keys.animation_data
    player = data if data.action else data.nla_tracks[0].strips[0]
    keyed = curves_in(player.action, getattr(player, "action_slot", None)).values()
    frames = [key.co[0] for curve in keyed for key in curve.keyframe_points]
    assert min(frames) == 31 + shift and max(frames) <= 31 + shift + 47


# ---- sound

def test_files_of_one_name_in_two_folders_are_two_lines(ext, face, speech, tmp_path):
    samples = np.random.default_rng(0).normal(0, 0.1, 16_000)
    paths = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        paths.append(write_wav(tmp_path / name / "line.wav", samples))
    for _ in range(2):
        for number, path in enumerate(paths):
            animate(path, start_frame=1 + 100 * number)
    assert len(jaw(face)) == 48 and jaw(face)[[0, -1], 0].tolist() == [1, 124]


def test_a_damaged_soundfile_package_leaves_the_reading_to_blender(ext, face, speech, monkeypatch):
    pytest.importorskip("aud")
    # as when another extension's version needs what is not there
    monkeypatch.setitem(sys.modules, "soundfile", None)
    animate(speech)
    assert len(jaw(face)) == 48


# ---- preferences

def test_defaults_hold_when_the_extension_is_enabled_for_this_session_only(ext, package, face, speech):
    addons = bpy.context.preferences.addons         # `blender --addons` and addon_utils.enable make no entry here
    addons.remove(addons[package])
    try:
        animate(speech)
    finally:
        addons.new().module = package
    assert len(jaw(face)) == 48


# ---- who belongs to the character

def test_characters_beside_each_other_under_one_empty_are_two(ext, speech):
    cast = bpy.data.objects.new("Cast", None)
    bpy.context.scene.collection.objects.link(cast)
    for number, name in enumerate(("Ann", "Bob")):
        for part in ("Face", "Teeth"):
            obj = make_face(ext, f"{name} {part}")
            obj.parent, obj.location.x = cast, 10 * number
    bpy.context.view_layer.update()
    animate(speech, "Ann Face")
    keyed = {obj.name for obj in bpy.context.scene.objects if obj.type == 'MESH' and curves(obj.data.shape_keys)}
    assert keyed == {"Ann Face", "Ann Teeth"}


def test_a_backup_in_an_excluded_collection_is_left_alone(ext, face, speech):
    backup = make_face(ext, "Backup")
    store = bpy.data.collections.new("Store")
    bpy.context.scene.collection.children.link(store)
    store.objects.link(backup)
    bpy.context.scene.collection.objects.unlink(backup)
    bpy.context.view_layer.layer_collection.children["Store"].exclude = True
    animate(speech)
    assert len(curves(face.data.shape_keys)) == 52 and not curves(backup.data.shape_keys)


def test_a_character_of_another_scene_is_keyed_there_alone(ext, face, speech):
    other = make_face(ext, "Other")
    scene = bpy.data.scenes.new("Elsewhere")
    scene.collection.objects.link(other)
    bpy.context.scene.collection.objects.unlink(other)
    animate(speech, "Other")
    assert len(curves(other.data.shape_keys)) == 52 and not curves(face.data.shape_keys)


def test_absolute_shape_keys_are_named_as_such(ext, face, speech):
    face.data.shape_keys.use_relative = False
    with pytest.raises(RuntimeError, match=r"'Face' are absolute.*Relative"):
        animate(speech)


def test_muted_shape_keys_are_keyed_and_said(ext, face, speech):
    face.data.shape_keys.key_blocks["jawOpen"].mute = True
    animate(speech)
    assert len(curves(face.data.shape_keys)) == 52
    assert "jawOpen of 'Face': muted" in bpy.context.scene.unitalker.result_details


# ---- the command line

@pytest.mark.parametrize("option", ["--start-frame", "--shift-frames"])
def test_command_refuses_frames_that_are_none(ext, face, speech, tmp_path, capsys, option):
    run, out = ext.module("addon.command").run, tmp_path / "out.blend"
    assert run(["--audio", speech, "--model", TINY, "--character", "Face", option, "nan", "--save", str(out)]) == 1
    assert capsys.readouterr().err.count("\n") == 1 and not out.exists()


def test_a_deleted_character_that_the_panel_still_holds_is_one_error(ext, face, speech):
    settings = bpy.context.scene.unitalker
    settings.character = face               # the pointer keeps it in the file
    bpy.ops.object.delete()
    assert settings.character is not None
    with pytest.raises(RuntimeError, match="'Face' was deleted from its scene"):
        bpy.ops.unitalker.animate(audio=speech)
    assert len(bpy.data.actions) == 0


def test_a_character_that_is_only_instanced_is_keyed(ext, face, speech):
    collection = bpy.data.collections.new("Actor")
    collection.objects.link(face)
    bpy.context.scene.collection.objects.unlink(face)
    empty = bpy.data.objects.new("Empty", None)
    empty.instance_type, empty.instance_collection = 'COLLECTION', collection
    bpy.context.scene.collection.objects.link(empty)
    animate(speech)
    assert len(jaw(face)) == 48


def test_the_fit_follows_renamed_and_absolute_keys(ext, face):
    catalog, keys = ext.module("addon.take.catalog"), face.data.shape_keys
    assert "52 of 52" in catalog.fit(bpy.context).line
    keys.key_blocks["cheekPuff"].name = "other"
    assert "51 of 52" in catalog.fit(bpy.context).line
    keys.use_relative = False
    assert "absolute" in catalog.fit(bpy.context).problem
