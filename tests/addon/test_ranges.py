"""Only some frames of a take: what lies outside stays to the last bit, old turns into new inside, closed lips stay
closed."""

from __future__ import annotations

import shutil

import bpy
import numpy as np
import pytest

from . import as_before
from .conftest import curves, jaw, keys_of, make_face, own_action

JAW, CLOSE, SMILE = (f'key_blocks["{name}"].value' for name in ("jawOpen", "mouthClose", "mouthSmileLeft"))
FIELDS = as_before.KEY_FIELDS


def animate(speech, **options):
    return bpy.ops.unitalker.animate(audio=str(speech), character="Face", **options)


def ranged(speech, first, last, **options):
    return animate(speech, use_range=True, range_start=first, range_end=last, **options)


def outside(face, first, last):
    """Every field of every key outside of the frames, curve by curve."""
    return {
        path: [
            tuple(str(getattr(key, name)) for name in FIELDS)
            for key in curve.keyframe_points if not first <= key.co[0] <= last
        ]
        for path, curve in curves(face.data.shape_keys).items()
    }


def values(face, path, frames):
    return np.array([curves(face.data.shape_keys)[path].evaluate(frame) for frame in frames])


@pytest.mark.parametrize("mode", ['LINEAR', 'BEZIER'])
@pytest.mark.parametrize("reduce", [False, True])
def test_keys_outside_stay_to_the_last_bit_and_the_middle_is_new(ext, face, speech, mode, reduce):
    animate(speech, interpolation=mode, reduce=reduce, max_error=0.01, gain_jaw=0.5)
    half, before = values(face, JAW, range(1, 49)), outside(face, 15, 30)
    assert ranged(
        speech, 15, 30, crossfade=4, interpolation=mode, reduce=reduce, max_error=0.01, gain_jaw=1.0
    ) == {'FINISHED'}
    assert outside(face, 15, 30) == before
    after = values(face, JAW, range(1, 49))
    np.testing.assert_allclose(after[18:26], 2 * half[18:26], atol=0.021 if reduce else 1e-6)        # frames 19 to 26
    assert 2 * half[18:26].max() > 0.2
    assert after[14] == pytest.approx(half[14], abs=1e-5) and after[29] == pytest.approx(half[29], abs=1e-5)
    between = np.linspace(0, 1, 5)[1:-1]
    wanted = half[15:18] * (1 - between) + 2 * half[15:18] * between
    np.testing.assert_allclose(after[15:18], wanted, atol=0.021 if reduce else 1e-6)


def test_linear_curves_outside_are_the_same_between_the_keys_too(ext, face, speech):
    animate(speech, reduce=True, max_error=0.05)
    frames = np.concatenate([np.arange(1, 20, 0.25), np.arange(29, 48, 0.25)])
    before = {path: values(face, path, frames) for path in curves(face.data.shape_keys)}
    ranged(speech, 20, 28, reduce=True, max_error=0.05, gain_jaw=2.0)
    for path, old in before.items():
        np.testing.assert_allclose(values(face, path, frames)[:76], old[:76], atol=2e-6, err_msg=path)
        np.testing.assert_allclose(values(face, path, frames[76:]), old[76:], atol=2e-6, err_msg=path)


def test_the_same_range_twice_gives_the_same_keys(ext, face, speech):
    animate(speech, gain_jaw=0.25)
    ranged(speech, 15, 34, crossfade=6)
    once = as_before.animation()[0]
    for gain in (0.5, 2.0, 1.0):        # as a dragged slider does
        ranged(speech, 15, 34, crossfade=6, gain_jaw=gain)
    assert as_before.animation()[0] == once


def test_the_same_range_twice_on_meshes_that_differ(ext, face, speech):
    teeth = make_face(ext, "Teeth", ("jawOpen", "mouthClose"))
    teeth.parent = face
    animate(speech, gain_jaw=0.25)
    curve = curves(teeth.data.shape_keys)[JAW]
    for key in curve.keyframe_points:
        key.co[1] = 0.5
    curve.update()
    ranged(speech, 15, 34, crossfade=6)
    once = as_before.animation()[0]
    for gain in (0.5, 1.0):
        ranged(speech, 15, 34, crossfade=6, gain_jaw=gain)
    assert as_before.animation()[0] == once
    assert values(teeth, JAW, [15])[0] == pytest.approx(0.5) != pytest.approx(values(face, JAW, [15])[0])


def test_hand_made_edits_inside_are_where_the_next_fade_starts(ext, face, speech):
    animate(speech)
    ranged(speech, 15, 34, crossfade=4, gain_jaw=0.5)
    edited = curves(face.data.shape_keys)[JAW]
    edited.keyframe_points[14].co[1] = 0.9
    edited.update()
    ranged(speech, 15, 34, crossfade=4, gain_jaw=0.5)
    assert values(face, JAW, [15])[0] == pytest.approx(0.9)


def test_hand_made_edits_of_our_keys_outside_stay(ext, face, speech):
    animate(speech)
    curve = curves(face.data.shape_keys)[JAW]
    key = curve.keyframe_points[4]
    key.co[1], key.interpolation, key.handle_right_type, key.handle_left_type = 0.77, 'BEZIER', 'FREE', 'FREE'
    key.handle_right = (6.5, 0.3)
    before = outside(face, 20, 30)
    ranged(speech, 20, 30, gain_jaw=0.5)
    assert (
        outside(face, 20, 30) == before
        and curves(face.data.shape_keys)[JAW].keyframe_points[4].co[1] == pytest.approx(0.77)
    )


@pytest.mark.parametrize("crossfade", [0.0, 3.0, 100.0])
def test_crossfades_of_any_length(ext, face, speech, crossfade):
    animate(speech, gain_jaw=0.5)
    half = jaw(face)[:, 1]
    ranged(speech, 20, 30, crossfade=crossfade)
    after = jaw(face)[:, 1]
    np.testing.assert_array_equal(after[[*range(19), *range(30, 48)]], half[[*range(19), *range(30, 48)]])
    np.testing.assert_allclose(after[24], 2 * half[24], atol=1e-6)
    assert (half[19:30] - 1e-6 <= after[19:30]).all() and (after[19:30] <= 2 * half[19:30] + 1e-6).all()
    if crossfade == 0:
        np.testing.assert_allclose(after[19:30], 2 * half[19:30], atol=1e-6)


def test_a_range_that_reaches_the_ends_fades_only_where_something_lies_beside_it(ext, face, speech):
    animate(speech, gain_jaw=0.5)
    half = jaw(face)[:, 1]
    ranged(speech, -100, 500)
    np.testing.assert_allclose(jaw(face)[:, 1], 2 * half, atol=1e-6)
    assert jaw(face)[[0, -1], 0].tolist() == [1, 48]


def test_a_range_at_frames_between_frames(ext, face, speech):
    animate(speech, shift_frames=-0.5, gain_jaw=0.5)
    before = outside(face, 20, 30)
    ranged(speech, 20, 30, shift_frames=-0.5, crossfade=2)
    assert outside(face, 20, 30) == before
    frames = jaw(face)[:, 0]
    assert (np.diff(frames) > 0.4).all() and {20.0, 20.5, 29.5, 30.0} <= set(frames.tolist())


def test_a_channel_that_is_new_starts_and_ends_at_rest(ext, speech):
    face = make_face(
        ext, "Face", tuple(name for name in ext.module("engine.values.channels").ARKIT_52 if name != "mouthPucker")
    )
    animate(speech)
    block = face.shape_key_add(name="mouthPucker", from_mix=False)
    block.data[0].co.z, block.value = 0.1, 0.25
    ranged(speech, 15, 34, crossfade=3)
    pucker = curves(face.data.shape_keys)['key_blocks["mouthPucker"].value']
    assert keys_of(pucker)[[0, -1]].tolist() == [[15, 0.25], [34, 0.25]]


# ---- closures

@pytest.fixture
def motion(ext, face, speech, monkeypatch):
    """Makes a take of given jaw and mouthClose values, a frame each; without options all of it, else with use_range."""
    engine, types = ext.module("engine"), ext.module("engine.values.types")
    channels, lips = ext.module("engine.values.channels").ARKIT_52, ext.module("engine.motion.lip_contact")

    def make(jaw_open, close, **options):
        weights = np.zeros((48, len(channels)), np.float32)
        weights[:, channels.index("jawOpen")], weights[:, channels.index("mouthClose")] = jaw_open, close

        def animate_(_wave, settings, rig, *_):
            made = types.Motion(weights, channels, settings.fps)
            curves_ = {
                types.RigChannel("shape_key", name): types.Curve(np.arange(48) / settings.fps, weights[:, row])
                for row, name in enumerate(channels)
            }
            return types.Animation(made, lips.contacts_of(made), types.RigCurves(curves_, "Made", channels, ()))

        monkeypatch.setattr(engine, "animate", animate_)
        return animate(speech, **options)

    return make


def opening(face, frames):
    return values(face, JAW, frames) - values(face, CLOSE, frames)


@pytest.mark.parametrize("reduce", [False, True])
@pytest.mark.parametrize("mode", ['LINEAR', 'BEZIER'])
def test_the_fade_opens_no_closure_of_the_old_or_the_new(ext, face, motion, mode, reduce):
    frames = np.arange(1, 49)
    jaw_open = np.full(48, 0.5, np.float32)
    old, new = np.zeros(48, np.float32), np.zeros(48, np.float32)
    old[[15, 16, 30]] = 0.5             # frames 16, 17 and 31: closed before
    new[[18, 27, 28]] = 0.5             # frames 19, 28 and 29: closed now
    same = {"interpolation": mode, "reduce": reduce, "max_error": 0.05}
    motion(jaw_open, old, **same)
    motion(jaw_open * 0.8, new * 0.8, **same, use_range=True, range_start=15, range_end=32, crossfade=8)
    shut = opening(face, frames) < 0.06
    assert shut[[15, 16, 18, 27, 28, 30]].all()
    assert shut.sum() == 6
    assert opening(face, [23])[0] == pytest.approx(0.4, abs=0.06)


def test_closures_that_stay_from_one_range_to_the_next(ext, face, motion):
    jaw_open, none = np.full(48, 0.5, np.float32), np.zeros(48, np.float32)
    closed = none.copy()
    closed[20] = 0.5
    motion(jaw_open, none)
    motion(jaw_open, closed, use_range=True, range_start=15, range_end=30, crossfade=2)         # frame 21 is closed now
    motion(jaw_open, none, use_range=True, range_start=20, range_end=40, crossfade=6)           # and lies in this fade
    assert opening(face, [21])[0] < 0.06
    take, = ext.module("addon.take.takes").takes_of(bpy.context, "Face")
    assert take.first_frame == 1


# ---- refused

@pytest.mark.parametrize(
    ("first", "last", "message"),
    [
        (30, 20, "The range ends on frame 20, before it starts on 30"),
        (60, 90, "lie outside of this sound, which covers 1 to 48"),
    ],
)
def test_a_range_that_is_none_changes_nothing(ext, face, speech, first, last, message):
    animate(speech)
    before = as_before.animation()
    with pytest.raises(RuntimeError, match=message):
        ranged(speech, first, last)
    assert as_before.animation() == before


def test_a_part_of_a_line_cannot_go_elsewhere(ext, face, speech):
    animate(speech, action="Take 1")
    before = as_before.animation()
    with pytest.raises(RuntimeError, match=r"is in the Action 'Take 1', and a range of it cannot go elsewhere"):
        ranged(speech, 20, 30, action="Take 2")
    assert as_before.animation() == before
    if hasattr(bpy.data.actions[0], "slots"):
        own_action(face, {"location": [(1, 0.0)]}, "Shot")
        with pytest.raises(RuntimeError, match="cannot go elsewhere"):
            ranged(speech, 20, 30, destination='SLOT', action="Shot")
    ranged(speech, 20, 30, action="Take 1", gain_jaw=0.5)
    bpy.context.scene.unitalker.action = "Take 2"
    assert bpy.ops.unitalker.regenerate_range(
        line=ext.module("addon.take.takes").takes_of(bpy.context, "Face")[0].line, start=20, end=30
    ) == {'FINISHED'}
    assert len(jaw(face)) == 48


def test_a_part_of_a_line_that_has_moved_is_refused(ext, face, speech):
    animate(speech)
    before = as_before.animation()
    with pytest.raises(
        RuntimeError,
        match=r"starts on frame 1 at 24 frames per second, its sound now on 11 at 24.*generate all of it first",
    ):
        ranged(speech, 20, 30, start_frame=11)
    bpy.context.scene.render.fps = 30
    with pytest.raises(RuntimeError, match=r"on 1 at 30: a part of it would not fit the rest"):
        ranged(speech, 20, 30)
    assert as_before.animation() == before


# ---- the rest of the character

def test_a_range_leaves_other_takes_and_the_artists_action_alone(ext, face, speech, tmp_path):
    mine = own_action(face.data.shape_keys, {SMILE: [(1, 0.3), (25, 0.9)]})
    second = shutil.copy(speech, tmp_path / "second.wav")
    animate(speech)
    animate(second, start_frame=101)
    before = as_before.animation()[0]["Mine"]
    place = next(place for place in ext.module("addon.actions.actions").uses(face.data.shape_keys) if place.strip)
    bag = ext.module("addon.actions.actions").bag_of(place)
    later = keys_of(bag.fcurves.find(JAW))[48:].tolist()
    ranged(speech, 20, 30, gain_jaw=0.5)
    assert keys_of(bag.fcurves.find(JAW))[48:].tolist() == later and as_before.animation()[0]["Mine"] == before
    assert face.data.shape_keys.animation_data.action == mine
    strip, = face.data.shape_keys.animation_data.nla_tracks[0].strips
    assert (strip.frame_start, strip.frame_end) == (1, 148)


def test_clearing_a_range_leaves_what_lies_outside(ext, face, speech):
    animate(speech, interpolation='BEZIER')
    before = outside(face, 20, 30)
    takes = ext.module("addon.take.takes")
    assert takes.clear_frames(bpy.context, "Face", True, (20, 30)) == 52
    assert outside(face, 20, 30) == before
    assert not ((jaw(face)[:, 0] >= 20) & (jaw(face)[:, 0] <= 30)).any() and len(jaw(face)) == 37
    assert takes.clear_frames(bpy.context, "Face", True, (20, 30)) == 0


def test_a_held_take_changes_only_in_its_range(ext, face, speech, tmp_path):
    engine, channel = ext.module("engine.rig.preset"), ext.module("engine.values.types").RigChannel
    targets = tuple(
        engine.Target(channel("shape_key", name), ((name, 1.0),), blend="mouth") for name in ("jawOpen", "mouthPucker")
    )
    preset = str(
        ext.module("engine.rig.presets").save_preset(engine.Preset("Held", "arkit52", targets, hold_frames=2), tmp_path)
    )
    animate(speech, preset=preset)
    frames = list(range(1, 49))
    before = values(face, JAW, frames)
    kept = outside(face, 20, 30)
    ranged(speech, 20, 30, preset=preset)
    assert outside(face, 20, 30) == kept
    np.testing.assert_array_equal(values(face, JAW, frames), before)
