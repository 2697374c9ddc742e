"""Key reduction for Bezier curves. That the curves are Blender's is tested in tests/addon/test_bezier.py, by
Blender."""

from __future__ import annotations

import numpy as np
import pytest

from engine import Curve, RigChannel, RigCurves
from engine.motion import key_reduction

FPS = 30.0


def made(*columns):
    """Curves with a key on every frame."""
    seconds = np.arange(len(columns[0])) / FPS
    return RigCurves(
        {
            RigChannel("shape_key", str(row)): Curve(seconds, np.asarray(values, np.float32))
            for row, values in enumerate(columns)
        }, "test", (), (),
    )


def speech(seed=0, n_frames=600):
    """A curve with syllables, rests and corners."""
    random = np.random.default_rng(seed)
    steps = np.repeat(random.random(n_frames // 6 + 1), 6)[:n_frames]
    smooth_steps = np.convolve(np.pad(steps, 3, mode="edge"), np.ones(7) / 7, mode="valid")
    return np.where(random.random(n_frames) < 0.02, smooth_steps + 0.2, smooth_steps) * (np.arange(n_frames) % 150 > 30)


def reduced(values, max_error, slack=None):
    """The frames and the values of the keys that stay."""
    slack = np.full(len(values), np.inf, np.float32) if slack is None else slack
    curve, = key_reduction.reduce_for_curves(made(values), max_error, slack).curves.values()
    return np.round(curve.seconds * FPS), curve.values.astype(np.float64)


@pytest.mark.parametrize("max_error", [0.0005, 0.01, 0.1])
@pytest.mark.parametrize("seed", range(4))
def test_the_error_holds_on_frames_and_between(seed, max_error):
    values = np.asarray(speech(seed), np.float32).astype(np.float64)
    frames, keys = reduced(values, max_error)
    curve = key_reduction.evaluate(frames, keys, np.arange(len(values)))
    assert np.abs(curve - values).max() <= max_error
    for part in (0.2, 0.5, 0.8):
        between = key_reduction.evaluate(frames, keys, np.arange(len(values) - 1) + part)
        assert (between >= np.minimum(values[:-1], values[1:]) - max_error - 1e-3).all()
        assert (between <= np.maximum(values[:-1], values[1:]) + max_error + 1e-3).all()


def test_keys_that_stay_keep_their_values_and_the_ends_stay():
    values = speech()
    frames, keys = reduced(values, 0.02)
    np.testing.assert_array_equal(keys, np.asarray(values, np.float32)[frames.astype(int)])
    assert frames[0] == 0 and frames[-1] == len(values) - 1 and len(frames) < len(values) / 2


def test_a_curve_that_eases_takes_few_keys():
    ease = (1 - np.cos(np.linspace(0, 6 * np.pi, 600))) / 2
    assert len(reduced(ease, 0.005)[0]) < 600 / 10


def test_slack_holds_on_its_frames():
    values, slack = speech(3), np.full(600, np.inf, np.float32)
    slack[200:240] = 0.001
    frames, keys = reduced(values, 0.1, slack)
    curve = key_reduction.evaluate(frames, keys, np.arange(600))
    assert np.abs(curve - values)[200:240].max() <= 0.001 < np.abs(curve - values).max()


@pytest.mark.parametrize("values", [np.zeros(50), np.ones(3), np.linspace(0, 1, 20), np.eye(30)[15]])
def test_curves_of_nearly_nothing(values):
    frames, keys = reduced(values, 0.01)
    assert np.abs(key_reduction.evaluate(frames, keys, np.arange(len(values))) - values).max() <= 0.01
    assert len(frames) <= 8


def test_curves_too_short_or_stepped_are_left_alone():
    short = made([0.0, 1.0])
    assert key_reduction.reduce_for_curves(short, 0.1, np.zeros(2, np.float32)) is short


def test_handles_are_level_at_peaks_and_never_beyond_the_neighbours():
    random = np.random.default_rng(1)
    times, values = np.cumsum(random.integers(1, 9, 200)).astype(float), random.random(200)
    handles = key_reduction.auto_clamped(times, values)
    peak = (values[1:-1] - values[:-2]) * (values[2:] - values[1:-1]) <= 0
    np.testing.assert_array_equal(handles.left_y[1:-1][peak], values[1:-1][peak])
    assert (
        (handles.left_y[1:] >= np.minimum(values[1:], values[:-1]) - 1e-12).all()
        and (handles.left_y[1:] <= np.maximum(values[1:], values[:-1]) + 1e-12).all()
    )
