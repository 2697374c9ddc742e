"""Moods by hand: read from sliders, keyed on frames, proposed by the voice."""

from __future__ import annotations

import json

import bpy
import numpy as np
import pytest

from .conftest import RATE_HZ, TINY, curves, keys_of, make_face, write_wav


@pytest.fixture
def settings(ext):
    bpy.context.scene.unitalker.model = TINY
    return bpy.context.scene.unitalker


def mood_keys(face, name: str) -> np.ndarray:
    return keys_of(curves(face)[f"unitalker_mood.{name}"])


def test_a_pose_of_the_sliders_becomes_a_mood_and_a_second_one_takes_turns(ext, settings):
    face = make_face(ext, "Face")
    blocks = face.data.shape_keys.key_blocks
    blocks["mouthSmileLeft"].value, blocks["browDownRight"].value, blocks["jawOpen"].value = 0.6, 0.4, 0.5
    settings.character = face
    assert bpy.ops.unitalker.mood_from_sliders(name="Smirk") == {'FINISHED'}
    pose = {"mouthSmileLeft": pytest.approx(0.6, abs=1e-3), "browDownRight": pytest.approx(0.4, abs=1e-3)}
    assert json.loads(settings.own_moods) == {"smirk": [pose]}
    assert settings.mood == settings.mood_pick == "smirk"
    blocks["mouthSmileLeft"].value = 0.2
    bpy.ops.unitalker.mood_from_sliders(name="smirk")
    assert len(json.loads(settings.own_moods)["smirk"]) == 2
    assert bpy.ops.unitalker.mood_remove() == {'FINISHED'}
    assert settings.own_moods == settings.mood == "" and not bpy.ops.unitalker.mood_remove.poll()


def test_an_own_mood_reaches_the_keys_and_the_note(ext, speech, settings):
    face = make_face(ext, "Face")
    settings.own_moods, settings.mood = '{"smirk": {"browDownRight": 0.7}}', "smirk"
    bpy.ops.unitalker.animate(audio=speech, character="Face", performance="lips")
    assert keys_of(curves(face.data.shape_keys)['key_blocks["browDownRight"].value'])[:, 1].max() > 0.6
    take, = ext.module("addon.take.takes").takes_of(bpy.context, "Face")
    assert take.choices["own_moods"] == settings.own_moods


def test_an_own_mood_has_a_slider_that_can_be_keyed(ext, speech, settings):
    face = make_face(ext, "Face")
    face.data.shape_keys.key_blocks["browDownRight"].value = 0.7
    settings.character = face
    bpy.ops.unitalker.mood_from_sliders(name="scowl")
    face.data.shape_keys.key_blocks["browDownRight"].value, settings.mood = 0.0, ""
    slider = face.unitalker_mood.own["scowl"]
    for frame, value in ((1, 0.0), (20, 0.0), (25, 0.8)):
        slider.amount = value
        slider.keyframe_insert("amount", frame=frame)
    bpy.ops.unitalker.animate(audio=speech, character="Face", performance="lips", start_frame=1)
    brow = dict(map(tuple, keys_of(curves(face.data.shape_keys)['key_blocks["browDownRight"].value'])))
    assert max(brow[frame] for frame in range(1, 20)) < 0.05 and brow[30] > 0.45
    assert bpy.ops.unitalker.mood_on_frames(mood="scowl", amount=0.5, first=50, last=90) == {'FINISHED'}
    assert mood_keys(face, "own[0].amount")[-3:, 1] == pytest.approx([0.5, 0.5, 0])
    assert bpy.ops.unitalker.mood_remove.poll() is False and settings.own_moods


def test_a_slider_of_an_own_mood_is_followed_by_live_and_given_to_other_characters(ext, speech, settings, monkeypatch):
    monkeypatch.setattr(ext.module("addon.take.live"), "_may_run", lambda: True)
    settings.own_moods = '{"grin": {"mouthSmileLeft": 1.0}, "scowl": {"browDownLeft": 1.0}}'
    face = make_face(ext, "Face")
    settings.source, settings.audio, settings.character = 'FILE', speech, face
    bpy.ops.unitalker.animate()
    settings.live = True
    assert bpy.ops.unitalker.mood_slider(mood="scowl") == {'FINISHED'}
    assert [item.name for item in face.unitalker_mood.own] == ["scowl"]
    face.unitalker_mood.own["scowl"].amount = 0.6
    brow = keys_of(curves(face.data.shape_keys)['key_blocks["browDownLeft"].value'])
    assert settings.live_note == "" and brow[:, 1].max() > 0.5
    with pytest.raises(RuntimeError, match="no own mood 'smirk'"):
        bpy.ops.unitalker.mood_slider(mood="smirk")


def test_a_face_at_rest_is_no_mood(ext, settings):
    settings.character = make_face(ext, "Face")
    with pytest.raises(RuntimeError, match="no pose to read"):
        bpy.ops.unitalker.mood_from_sliders(name="smirk")
    with pytest.raises(RuntimeError, match="is a mood already"):
        bpy.ops.unitalker.mood_from_sliders(name="happy")


def test_a_mood_on_frames_comes_and_goes_and_leaves_other_keys(ext, settings):
    face = make_face(ext, "Face")
    settings.character = face
    fps = bpy.context.scene.render.fps
    face.unitalker_mood.angry = 0.3
    face.unitalker_mood.keyframe_insert("angry", frame=500)
    assert bpy.ops.unitalker.mood_on_frames(mood="angry", amount=0.9, first=50, last=120) == {'FINISHED'}
    wanted = [(50, 0), (50 + 0.4 * fps, 0.9), (120 - 0.6 * fps, 0.9), (120, 0), (500, 0.3)]
    np.testing.assert_allclose(mood_keys(face, "angry"), wanted, atol=1e-3)
    with pytest.raises(RuntimeError, match="Fix First or Last"):
        bpy.ops.unitalker.mood_on_frames(mood="angry", first=9, last=9)


def test_the_voice_proposes_more_intensity_where_it_is_louder(ext, settings, tmp_path):
    face = make_face(ext, "Face")
    seconds = np.arange(6 * RATE_HZ) / RATE_HZ
    loud = np.where(seconds < 3, 0.05, 0.5) * np.maximum(np.sin(2 * np.pi * 1.7 * seconds), 0.05)
    sound = write_wav(tmp_path / "rising.wav", loud * np.sign(np.sin(2 * np.pi * 120 * seconds)))
    settings.source, settings.audio, settings.character, settings.start_frame = 'FILE', sound, face, 101
    assert bpy.ops.unitalker.mood_from_voice() == {'FINISHED'}
    keys = mood_keys(face, "intensity")
    early, late = (np.interp(frame, keys[:, 0], keys[:, 1]) for frame in (101 + 36, 101 + 108))
    assert keys[0, 0] == 101 and early < 0.9 and late > 1.1
    assert "unitalker_mood.happy" not in curves(face)
    bpy.ops.unitalker.mood_from_voice()         # again: the same keys, none twice
    np.testing.assert_allclose(mood_keys(face, "intensity"), keys)
