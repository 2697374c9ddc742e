"""Speech that moves as an Action does: shape keys, slots and ranges of it, bones through the preset read backwards."""

from __future__ import annotations

import json
import math

import bpy
import numpy as np
import pytest

from . import drawn
from .conftest import TINY, curves, keys_of, make_face, own_action

MANNER = TINY + "_manner"
SMILE = 'key_blocks["mouthSmileLeft"].value'


@pytest.fixture
def manner(ext) -> object:
    """The scene's settings with a model that takes manners."""
    settings = bpy.context.scene.unitalker
    settings.model = MANNER
    return settings


def take(owner, name="Smiling", mean=0.6, jaw=0.3, frames=96):
    """Four seconds in which the left corner stands at a mean and the jaw moves."""
    steps = range(1, frames + 1, 4)
    return own_action(owner, {
        SMILE: [(frame, mean) for frame in steps],
        **{f'key_blocks["{key}"].value': [(frame, jaw + 0.2 * math.sin(frame)) for frame in steps]
           for key in ("jawOpen", "mouthClose", "mouthFunnel", "mouthPucker")},
    }, name)


def smile_of(face) -> float:
    return float(keys_of(curves(face.data.shape_keys)[SMILE])[:, 1].max())


def animate(speech, **options):
    return bpy.ops.unitalker.animate(audio=speech, character="Face", **options)


def test_speech_takes_over_the_manner_of_an_action_of_another_character(ext, manner, speech):
    other = make_face(ext, "Other")
    take(other.data.shape_keys)
    face = make_face(ext, "Face")
    animate(speech)
    plain = smile_of(face)
    animate(speech, reference_action="Smiling")
    assert plain < 0.35 and smile_of(face) == pytest.approx(0.6, abs=0.02)


def test_a_range_of_the_action_counts_alone(ext, manner, face, speech):
    other = make_face(ext, "Other")
    steps = range(1, 193, 4)
    keys = {SMILE: [(frame, 0.2 if frame < 96 else 0.7) for frame in steps]}
    keys |= {f'key_blocks["{key}"].value': [(frame, 0.3 + 0.2 * math.sin(frame)) for frame in steps]
             for key in ("jawOpen", "mouthClose", "mouthFunnel", "mouthPucker")}
    own_action(other.data.shape_keys, keys, "Both")
    animate(speech, reference_action="Both", reference_first=100, reference_last=190)
    assert smile_of(face) == pytest.approx(0.7, abs=0.02)
    animate(speech, reference_action="Both", reference_first=1, reference_last=90)
    assert smile_of(face) < 0.4


def test_an_action_is_read_again_when_a_key_of_it_changes(ext):
    read = ext.module("addon.actions.face_motion").face_motion
    action = take(make_face(ext, "Other").data.shape_keys)
    first, _ = read(action, "", (0, 0), 24.0, ())
    assert read(action, "", (0, 0), 24.0, ())[0] is first
    curve = curves(bpy.data.objects["Other"].data.shape_keys)[SMILE]
    curve.keyframe_points[3].co[1] = 0.1
    curve.update()
    again, _ = read(action, "", (0, 0), 24.0, ())
    assert again["mouthSmileLeft"].min() == pytest.approx(0.1, abs=0.05) and first["mouthSmileLeft"].min() > 0.5


def test_bones_are_read_backwards_through_their_preset(ext):
    read = ext.module("addon.actions.face_motion").face_motion
    preset = {
        "schema": 1, "name": "Bones", "source": "arkit52", "targets": [
            {"to": {"kind": "bone", "bone": "jaw_b", "path": "rotation_euler", "index": 0, "unit": "degree"},
             "from": {"jawOpen": 20.0}, "offset": 2.0},
            {"to": {"kind": "bone", "bone": "corner_l", "path": "location", "index": 2},
             "from": {"mouthSmileLeft": 0.5, "mouthFrownLeft": -0.5}},
            {"to": {"kind": "property", "path": '["puff"]'}, "from": {"cheekPuff": 1.0}},
        ],
    }
    folder = bpy.app.tempdir or "/tmp"
    with open(f"{folder}/bones_for_test.json", "w", encoding="utf-8") as file:
        json.dump(preset, file)
    rig = bpy.data.objects.new("Rig", bpy.data.armatures.new("Rig"))
    bpy.context.scene.collection.objects.link(rig)
    action = own_action(rig, {
        'pose.bones["jaw_b"].rotation_euler': [(1, math.radians(2)), (25, math.radians(12))],
        '["puff"]': [(1, 0.0), (25, 0.8)],
    }, "Bony")
    motion, unread = read(action, "", (0, 0), 24.0, (folder,))
    assert unread == "" and set(motion.channels) >= {"jawOpen", "cheekPuff"}
    assert motion["jawOpen"][[0, -1]] == pytest.approx([0.0, 0.5], abs=1e-3)
    assert motion["cheekPuff"][-1] == pytest.approx(0.8, abs=1e-3)


@pytest.mark.skipif(bpy.app.version < (4, 4), reason="an Action has no slots before Blender 4.4")
def test_one_slot_of_an_action_counts_alone(ext, manner, speech):
    first, second, face = (make_face(ext, name) for name in ("First", "Second", "Face"))
    action = take(first.data.shape_keys, "Shared", mean=0.2)
    slot = action.slots.new('KEY', "Second")
    bag = action.layers[0].strips[0].channelbag(slot, ensure=True)
    for curve in take(second.data.shape_keys, "Other", mean=0.7).layers[0].strips[0].channelbags[0].fcurves:
        copy = bag.fcurves.new(curve.data_path)
        for key in curve.keyframe_points:
            copy.keyframe_points.insert(*key.co)
    animate(speech, reference_action="Shared", reference_slot="Second")
    assert smile_of(face) == pytest.approx(0.7, abs=0.02)
    with pytest.raises(RuntimeError, match="has no slot 'Third'"):
        animate(speech, reference_action="Shared", reference_slot="Third")


@pytest.mark.parametrize(("made", "match"), [
    (lambda key: None, "is not in this file"),
    (lambda key: own_action(key, {}, "Smiling"), "none of them with keys"),
    (lambda key: own_action(key, {'key_blocks["Blob"].value': [(1, 0.0), (90, 1.0)]}, "Smiling"), "No preset fits"),
    (lambda key: take(key, frames=9), "at least 1 s"),
])
def test_an_action_that_holds_no_manner_says_why(ext, manner, face, speech, made, match):
    made(make_face(ext, "Other").data.shape_keys)
    with pytest.raises(RuntimeError, match=match):
        animate(speech, reference_action="Smiling")
    assert not curves(face.data.shape_keys)


def test_a_style_is_saved_and_chosen_again(ext, manner, speech, tmp_path):
    other = make_face(ext, "Other")
    manner.style_from, manner.reference_action = 'ACTION', take(other.data.shape_keys)
    bpy.ops.unitalker.style_save(filepath=str(tmp_path / "calm.json"))
    assert json.loads((tmp_path / "calm.style.json").read_text())["vector"][0] == pytest.approx(0.6, abs=0.01)
    manner.style_from = 'IDENTITY'
    face = make_face(ext, "Face")
    animate(speech, reference=str(tmp_path / "calm.style.json"))
    assert smile_of(face) == pytest.approx(0.6, abs=0.02)


def test_a_changed_action_is_seen_by_the_next_take(ext, manner, face, speech):
    action = take(make_face(ext, "Other").data.shape_keys)
    animate(speech, reference_action="Smiling")
    for curve in curves_of(ext, action):
        if curve.data_path == SMILE:
            for key in curve.keyframe_points:
                key.co.y = 0.3
            curve.update()
    animate(speech, reference_action="Smiling")
    assert smile_of(face) == pytest.approx(0.3, abs=0.1)


def curves_of(ext, action):
    module = ext.module("addon.actions.face_motion")
    return list(module._curves(action, ""))


def test_the_panel_offers_actions_where_the_model_takes_them(ext, manner, face):
    assert {"Style From", "Identity"} <= set(drawn.draw(bpy.types.UNITALKER_PT_style).texts)
    manner.style_from = 'ACTION'
    shown = drawn.draw(bpy.types.UNITALKER_PT_style).texts
    assert {"Style From", "Action", "Frames", "Save Style As"} <= set(shown) and "Identity" not in shown
    ext.module("addon.take.catalog").choose_model(manner, TINY)
    assert manner.style_from == 'IDENTITY'
    assert "Style From" not in drawn.draw(bpy.types.UNITALKER_PT_style).texts


def test_quaternions_are_read_as_angles(ext):
    module = ext.module("addon.actions.face_motion")
    half = math.radians(15)
    parts = {0: np.full(2, math.cos(half), np.float32), 1: np.full(2, math.sin(half), np.float32)}
    angles = {channel.index: values for channel, values in module._angles("jaw", parts, 2)}
    assert angles[0] == pytest.approx([2 * half] * 2, abs=1e-5) and angles[1] == pytest.approx([0, 0], abs=1e-6)


def test_the_bundled_model_hears_a_style_in_the_voice_and_says_so(ext, face, speech):
    settings = bpy.context.scene.unitalker
    assert ext.module("addon.take.catalog").style_sources("mini") == ('IDENTITY', 'VOICE')
    settings.model, settings.style_from = "mini", 'VOICE'
    animate(speech)
    heard = [line for line in settings.result_details.splitlines() if line.startswith("Heard in the voice: ")]
    assert len(heard) == 1 and ":" in heard[0].removeprefix("Heard in the voice: ")


def test_a_given_voice_decides_where_the_style_is_from(ext, face, speech):
    animate(speech, model="mini", voice=speech)
    assert "Heard in the voice: " in bpy.context.scene.unitalker.result_details


@pytest.mark.parametrize("interpolation", ['LINEAR', 'BEZIER', 'CONSTANT'])
def test_keys_are_read_as_blender_plays_them(ext, face, interpolation):
    action = take(face.data.shape_keys)
    curve = next(curve for curve in curves_of(ext, action) if "jawOpen" in curve.data_path)
    for key in curve.keyframe_points:
        key.interpolation = interpolation
    curve.update()
    frames = np.arange(1, 90, 0.7)
    sampled = ext.module("addon.actions.face_motion")._sampled(curve, frames)
    assert np.allclose(sampled, [curve.evaluate(frame) for frame in frames], atol=1e-6)
