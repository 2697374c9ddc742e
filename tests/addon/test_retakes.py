"""Retakes: the mouth alone over a performance, a piece of another recording, a take that goes on from the last one, and
Actions without needless keys."""

from __future__ import annotations

import gzip

import bpy
import numpy as np
import pytest

from .conftest import RATE_HZ, SHARED, curves, make_face, own_action, write_wav

ROM = SHARED / "paired" / "arkit_rom_alexdjulin_noaudio" / "alex_rom_3.csv.gz"
FRAMES = range(1, 49)
JAW, CLOSE, BROW, BLINK, PUFF = (
    f'key_blocks["{name}"].value' for name in ("jawOpen", "mouthClose", "browInnerUp", "eyeBlinkLeft", "cheekPuff")
)


def perform(face, values):
    """An Action of the artist with a key on every frame: shape key -> values."""
    return own_action(face.data.shape_keys, {
        f'key_blocks["{name}"].value': list(enumerate(map(float, row), start=1)) for name, row in values.items()
    })


def captured(n_frames=48):
    """A piece of the captured performance, or where it is not here a made-up one."""
    names = [block.name for block in bpy.data.shape_keys[0].key_blocks[1:]]
    if ROM.exists():
        rows = gzip.decompress(ROM.read_bytes()).decode().splitlines()
        columns = [column[:1].lower() + column[1:] for column in rows[0].split(",")]
        table = np.array([[float(cell) for cell in row.split(",")[2:]] for row in rows[600:600 + n_frames]])
        return {name: table[:, columns.index(name) - 2] for name in names if name in columns}
    return {name: np.abs(np.sin(np.arange(n_frames) / 7 + number)) for number, name in enumerate(names)}


def every_key(action_curves):
    return {
        path: [
            (*key.co, *key.handle_left, *key.handle_right, key.interpolation, key.handle_left_type)
            for key in curve.keyframe_points
        ]
        for path, curve in action_curves.items()
    }


def shown(face, names):
    """What Blender plays, (frames, names)."""
    rows = []
    for frame in FRAMES:
        bpy.context.scene.frame_set(frame)
        rows.append([face.data.shape_keys.key_blocks[name].value for name in names])
    return np.array(rows)


def is_mouth(name):
    return name.startswith(("jaw", "mouth", "tongue"))


def values(face, path, frames=FRAMES):
    return np.array([curves(face.data.shape_keys)[path].evaluate(frame) for frame in frames])


@pytest.fixture
def other(tmp_path):
    """Another recording of two seconds: a buzz from .3 to 1.7 s with another rhythm."""
    seconds = np.arange(2 * RATE_HZ) / RATE_HZ
    buzz = 0.4 * np.sign(np.sin(2 * np.pi * 150 * seconds)) * (np.sin(2 * np.pi * 3 * seconds) > 0)
    return write_wav(tmp_path / "other.wav", buzz * (seconds > 0.3) * (seconds < 1.7))


def test_redo_mouth_keeps_all_but_the_mouth_of_a_performance_to_the_bit(ext, face, other):
    action = perform(face, captured())
    names = [block.name for block in face.data.shape_keys.key_blocks[1:]]
    stays = [name for name in names if not is_mouth(name)]
    before, keys_before = shown(face, names), every_key({c.data_path: c for c in all_curves(action)})
    assert bpy.ops.unitalker.redo_mouth(source='FILE', audio=other, character="Face") == {'FINISHED'}
    after = shown(face, names)
    kept = [names.index(name) for name in stays]
    np.testing.assert_array_equal(after[:, kept], before[:, kept])
    assert every_key({c.data_path: c for c in all_curves(action)}) == keys_before
    fresh = make_face(ext, "Fresh")
    bpy.ops.unitalker.animate(source='FILE', audio=other, character="Fresh")
    mouth = [name for name in names if is_mouth(name)]
    np.testing.assert_allclose(
        after[:, [names.index(name) for name in mouth]], shown(fresh, mouth), atol=1e-6,
    )
    assert np.abs(after - before).max() > 0.1           # the mouth is another one
    assert not any(path.split('"')[1] in stays for path in curves(face.data.shape_keys))


def all_curves(action):
    if not hasattr(action, "slots"):
        return list(action.fcurves)
    return [
        curve for layer in action.layers for strip in layer.strips for bag in strip.channelbags for curve in bag.fcurves
    ]


def test_redo_mouth_over_a_take_of_ours_keeps_its_other_keys(ext, face, speech, other):
    bpy.ops.unitalker.animate(source='FILE', audio=speech, character="Face", performance="natural")
    before = every_key(curves(face.data.shape_keys))
    kept = {path: keys for path, keys in before.items() if path in (BLINK, BROW)}
    assert kept
    assert bpy.ops.unitalker.redo_mouth(source='FILE', audio=other, character="Face") == {'FINISHED'}
    now = every_key(curves(face.data.shape_keys))
    assert {path: now[path] for path in kept} == kept


def test_punch_in_changes_the_middle_and_nothing_outside(ext, face, speech, other):
    bpy.ops.unitalker.animate(source='FILE', audio=speech, character="Face")
    curves(face.data.shape_keys)[JAW].keyframe_points[40].co[1] = 0.77         # an edit outside
    old = values(face, JAW)
    outside = {
        path: [key for key in keys if not 10 <= key[0] <= 24]
        for path, keys in every_key(curves(face.data.shape_keys)).items()
    }
    punch = {"use_range": True, "range_start": 10, "range_end": 24, "crossfade": 3}
    assert bpy.ops.unitalker.punch_in(source='FILE', audio=other, character="Face", **punch) == {'FINISHED'}
    new = values(face, JAW)
    for path, keys in every_key(curves(face.data.shape_keys)).items():
        inner = [key for key in keys if not 10 <= key[0] <= 24]
        assert inner == outside[path]
    np.testing.assert_array_equal(np.delete(new, range(9, 24)), np.delete(old, range(9, 24)))
    fresh = make_face(ext, "Fresh")
    bpy.ops.unitalker.animate(source='FILE', audio=other, character="Fresh")
    np.testing.assert_allclose(new[12:21], values(fresh, JAW)[12:21], atol=1e-6)       # frames 13 to 21
    assert new[9] == pytest.approx(old[9], abs=1e-6) and new[23] == pytest.approx(old[23], abs=1e-6)
    assert np.abs(new - old).max() > 0.1


def test_punch_in_needs_a_take_to_go_into(ext, face, other):
    with pytest.raises(RuntimeError, match="No take of 'Face' plays on frames 1 to 48"):
        bpy.ops.unitalker.punch_in(source='FILE', audio=other, character="Face")


def test_continue_from_last_starts_after_it_and_in_its_pose(ext, face, speech, other):
    bpy.ops.unitalker.animate(source='FILE', audio=speech, character="Face")
    curve = curves(face.data.shape_keys)[JAW]
    curve.keyframe_points[47].co[1] = 0.5           # the artist left the mouth open on the last frame
    curve.update()
    result = bpy.ops.unitalker.continue_last(source='FILE', audio=other, character="Face", crossfade=6)
    assert result == {'FINISHED'}
    takes = ext.module("addon.take.takes").takes_of(bpy.context, "Face")
    assert [(take.first_frame, take.last_frame) for take in takes] == [(1, 48), (49, 96)]
    frames = [48, 49, 52, 55, 60]
    now = values(face, JAW, frames)
    fresh = make_face(ext, "Fresh")
    bpy.ops.unitalker.animate(source='FILE', audio=other, character="Fresh", start_frame=49)
    plain = values(fresh, JAW, frames)
    assert now[:2] == pytest.approx([0.5, 0.5], abs=1e-6)
    assert now[2] == pytest.approx(0.25 + plain[2] / 2, abs=1e-6) and now[3:] == pytest.approx(plain[3:], abs=1e-6)


@pytest.mark.parametrize("kind", ['LINEAR', 'BEZIER', 'CONSTANT'])
def test_clean_action_stays_within_the_error_and_says_how_much_went(ext, face, kind):
    wave = np.round(0.5 - 0.5 * np.cos(np.arange(48) / 5), 3 if kind != 'CONSTANT' else 1)
    action = perform(face, {"browInnerUp": wave, "eyeBlinkLeft": np.full(48, 0.3), "cheekPuff": np.linspace(0, 1, 48)})
    for curve in all_curves(action):
        for key in curve.keyframe_points:
            key.interpolation = kind
        curve.update()
    fine = np.arange(1, 48, 0.25)
    before = {curve.data_path: [curve.evaluate(frame) for frame in fine] for curve in all_curves(action)}
    done, _ = ext.module("addon.retakes.clean_up").clean_action(bpy.context, "Face", "", 0.02)
    assert done.keys == 144 and done.gone == 144 - sum(len(curve.keyframe_points) for curve in all_curves(action))
    off = max(
        np.abs(np.array(before[curve.data_path]) - [curve.evaluate(frame) for frame in fine]).max()
        for curve in all_curves(action)
    )
    assert off <= 0.0201 and done.error <= 0.0201 and done.gone > (60 if kind == 'CONSTANT' else 100)
    assert done.error == pytest.approx(off, abs=0.003)
    counts = {curve.data_path: len(curve.keyframe_points) for curve in all_curves(action)}
    assert counts[BLINK] == 2


def test_clean_action_keeps_closed_lips_and_locked_curves(ext, face):
    jaw = 0.3 + 0.05 * np.sin(np.arange(48))
    close = np.where(np.arange(48) % 12 < 3, jaw, 0.0)
    action = perform(face, {"jawOpen": jaw, "mouthClose": close, "browInnerUp": jaw, **{
        name: np.zeros(48) for name in ("mouthFunnel", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthUpperUpLeft",
                                        "mouthUpperUpRight")
    }})
    for curve in all_curves(action):
        for key in curve.keyframe_points:
            key.interpolation = 'LINEAR'
        curve.lock = curve.data_path == BROW
    gap = jaw - close
    done, warnings = ext.module("addon.retakes.clean_up").clean_action(bpy.context, "Face", "", 0.2)
    now = {curve.data_path: curve for curve in all_curves(action)}
    assert done.locked == 1 and len(now[BROW].keyframe_points) == 48 and warnings == ()
    after = np.array([now[JAW].evaluate(frame) - now[CLOSE].evaluate(frame) for frame in FRAMES])
    assert np.abs(after - gap)[gap == 0].max() <= 0.0101 and done.gone > 20
    assert bpy.ops.unitalker.clean_action(error=0.2) == {'FINISHED'}




def test_a_text_without_a_voice_is_a_placeholder_until_the_sound_is_there(ext, face, speech):
    if not ext.module("engine.speech.g2p").languages():
        pytest.skip("no espeak-ng here")
    words = "Maybe Bob knows."
    assert bpy.ops.unitalker.speak_text(speak=words, character="Face", start_frame=1) == {'FINISHED'}
    takes = ext.module("addon.take.takes")
    (take,) = takes.takes_of(bpy.context, "Face")
    assert take.line.startswith("placeholders/Maybe Bob knows") and np.ptp(values(face, JAW)) > 0.01
    assert "placeholder" in bpy.context.scene.unitalker.result_details
    assert take.choices["transcript"] == words
    assert ext.module("addon.sound.placeholder").sound_file(words, "", 0.5) != take.clip.path
    bpy.ops.unitalker.animate(source='FILE', audio=speech, character="Face")
    (take,) = takes.takes_of(bpy.context, "Face")
    assert take.line.endswith("speech.wav") and "1 placeholder went" in bpy.context.scene.unitalker.result_details
    with pytest.raises(RuntimeError, match="There are no words to speak"):
        bpy.ops.unitalker.speak_text(character="Face")
