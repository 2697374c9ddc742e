"""Fewer keys on Bezier curves: the error that is stated holds for the curve that Blender itself evaluates, on frames
and between, closures included."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from .conftest import ROOT, curves, keys_of

SAMPLE = str(ROOT / "tests" / "data" / "sample.flac")
PARTS = 4           # of a frame


@pytest.fixture
def new_curve(ext):
    """Makes a Bezier curve through keys (n, 2), as the add-on writes it."""
    action = bpy.data.actions.new("Test")
    actions, keys = ext.module("addon.actions.actions"), ext.module("addon.actions.keys")
    owner = bpy.data.objects.new("Owner", None)
    owner.animation_data_create()
    _, bag = actions.open_slot(owner, action, "Owner")

    def make(points):
        return keys.Writer('BEZIER').new(bag, ("location", len(bag.fcurves)), np.asarray(points, np.float32))

    return make


def signals():
    """Keys of all sorts: dense and sparse, rising, level, with long and short neighbours."""
    random = np.random.default_rng(0)
    for number in range(40):
        times = np.cumsum(random.integers(1, (2, 4, 15, 60)[number % 4], 40)).astype(np.float64)
        values = random.random(40)
        if number % 3 == 0:
            values = np.round(values, 1)
        if number % 5 == 0:
            values = np.sort(values)
        yield times, values.astype(np.float32).astype(np.float64)


def test_the_engine_knows_how_blender_evaluates_its_curves(ext, new_curve):
    bezier = ext.module("engine.motion.key_reduction")
    for times, values in signals():
        curve = new_curve(np.stack([times, values], 1))
        at = np.arange(times[0] - 2, times[-1] + 2, 1 / PARTS)
        # Blender reckons in single precision
        np.testing.assert_allclose(
            bezier.evaluate(times, values, at), [curve.evaluate(moment) for moment in at], atol=1e-5
        )


@pytest.mark.parametrize("max_error", [0.001, 0.01, 0.05])
def test_the_stated_error_holds_on_every_frame_and_between(ext, face, max_error):
    model = {"audio": SAMPLE, "character": "Face", "model": "mini"}
    bpy.ops.unitalker.animate(**model)
    exact = {path: keys_of(curve) for path, curve in curves(face.data.shape_keys).items()}
    every = sum(len(keys) for keys in exact.values())
    bpy.ops.unitalker.animate(**model, interpolation='BEZIER', reduce=True, max_error=max_error)
    for path, curve in curves(face.data.shape_keys).items():
        frames, wanted = exact[path].T
        values = np.array([[curve.evaluate(frame + part / PARTS) for part in range(PARTS)] for frame in frames])
        assert np.abs(values[:, 0] - wanted).max() <= max_error, path
        low, high = np.minimum(wanted[:-1], wanted[1:]) - max_error, np.maximum(wanted[:-1], wanted[1:]) + max_error
        assert (values[:-1].min(1) >= low).all() and (values[:-1].max(1) <= high).all(), path
        assert {key.interpolation for key in curve.keyframe_points} == {'BEZIER'}
        assert {key.handle_left_type for key in curve.keyframe_points} == {'AUTO_CLAMPED'}
    fewer = sum(len(curve.keyframe_points) for curve in curves(face.data.shape_keys).values())
    assert fewer < every * {0.001: 0.9, 0.01: 0.6, 0.05: 0.4}[max_error]


@pytest.mark.parametrize("max_error", [0.05, 0.3])
def test_no_closure_is_loosened_between_the_keys(ext, face, max_error):
    lips, types = ext.module("engine.motion.lip_contact"), ext.module("engine.values.types")
    model = {"audio": SAMPLE, "character": "Face", "model": "mini"}
    names = [block.name for block in face.data.shape_keys.key_blocks[1:]]

    def motion(at):
        found = curves(face.data.shape_keys)
        columns = [[found[f'key_blocks["{name}"].value'].evaluate(moment) for moment in at] for name in names]
        return types.Motion(np.array(columns, np.float32).T, tuple(names), 24.0)

    bpy.ops.unitalker.animate(**model)
    last = int(keys_of(next(iter(curves(face.data.shape_keys).values())))[-1, 0])
    shut = lips.closed_frames(motion(range(1, last + 1)))
    assert shut.sum() > 20
    bpy.ops.unitalker.animate(**model, interpolation='BEZIER', reduce=True, max_error=max_error)
    assert lips.closed_frames(motion(range(1, last + 1)))[shut].all()
    stays = np.flatnonzero(shut[:-1] & shut[1:]) + 1        # shut on this frame and the next: in between as well
    for part in range(1, PARTS):
        opening = lips.opening(motion(stays + part / PARTS))
        assert opening.max() < lips.CLOSED_BELOW + 2 * lips.CONTACT_TOLERANCE


def test_handles_look_at_the_next_keys_only_so_that_an_edit_stays_where_it_is(ext, face, speech):
    bpy.ops.unitalker.animate(audio=speech, character="Face", interpolation='BEZIER')
    curve = curves(face.data.shape_keys)['key_blocks["jawOpen"].value']
    before = [tuple(key.handle_right) for key in curve.keyframe_points]
    curve.keyframe_points[24].co[1] += 0.3
    curve.update()
    after = [tuple(key.handle_right) for key in curve.keyframe_points]
    assert [number for number in range(48) if before[number] != after[number] and number not in (23, 24, 25)] == []


def test_a_range_of_bezier_keys_with_fewer_keys_keeps_the_error_inside(ext, face):
    model = {"audio": SAMPLE, "character": "Face", "model": "mini"}
    bpy.ops.unitalker.animate(**model, gain_jaw=0.5)
    exact = {path: keys_of(curve) for path, curve in curves(face.data.shape_keys).items()}
    bpy.ops.unitalker.animate(**model, interpolation='BEZIER', reduce=True, max_error=0.01)
    bpy.ops.unitalker.animate(
        **model, interpolation='BEZIER', reduce=True, max_error=0.01, gain_jaw=0.5, use_range=True, range_start=30,
        range_end=70, crossfade=4,
    )
    for path, curve in curves(face.data.shape_keys).items():
        frames, wanted = exact[path][34:65].T           # frames 35 to 65
        assert np.abs([curve.evaluate(frame) for frame in frames] - wanted).max() <= 0.01, path


@pytest.mark.parametrize(
    ("max_error", "first", "last"), [(0.01, 30, 70), (0.01, 41, 90), (0.03, 33, 50), (0.03, 57, 80)]
)
def test_beside_a_range_the_curve_moves_by_less_than_the_error(ext, face, max_error, first, last):
    model = {
        "audio": SAMPLE, "character": "Face", "model": "mini", "interpolation": 'BEZIER', "reduce": True,
        "max_error": max_error,
    }
    bpy.ops.unitalker.animate(**model)
    found = curves(face.data.shape_keys)
    end = int(keys_of(next(iter(found.values())))[-1, 0])
    outside = np.concatenate([np.arange(1, first + 0.1, 1 / PARTS), np.arange(last, end, 1 / PARTS)])
    before = {path: [curve.evaluate(moment) for moment in outside] for path, curve in found.items()}
    bpy.ops.unitalker.animate(
        **model, gain_jaw=0.5, gain_lips=0.5, use_range=True, range_start=first, range_end=last, crossfade=4
    )
    for path, curve in curves(face.data.shape_keys).items():
        np.testing.assert_allclose(
            [curve.evaluate(moment) for moment in outside], before[path], atol=max_error, err_msg=path
        )
