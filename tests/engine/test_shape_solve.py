"""Slider values from moving vertices."""

from __future__ import annotations

import numpy as np
import pytest

from engine import RigError, SettingError
from engine.geometry.shape_solve import solve_weights


@pytest.fixture(scope="module")
def face():
    """Forty overlapping keys on 5,023 vertices, FLAME's number, and two seconds of motion with many sliders at 0."""
    random = np.random.default_rng(3)
    keys = random.normal(size=(40, 5023, 3)).astype(np.float32)
    keys[1:] += 0.8 * keys[:-1]
    values = np.clip(np.sin(np.arange(60)[:, None] / 7 + random.uniform(0, 6, 40)) * 1.2 - 0.2, 0, 1).astype(np.float32)
    return keys, values, np.einsum("tk,knx->tnx", values, keys)


def test_sliders_come_back_and_nothing_is_left_out(face):
    keys, values, moved = face
    found, share = solve_weights(moved, keys)
    np.testing.assert_allclose(found, values, atol=2e-3)
    assert share.max() < 5e-3


def test_values_stay_within_bounds_where_the_motion_goes_beyond(face):
    keys, _, moved = face
    found, share = solve_weights(3 * moved - 1.5 * keys[0], keys, highest=1.0)
    assert found.min() >= 0 and found.max() <= 1 and share.mean() > 0.2
    assert solve_weights(3 * moved, keys, highest=3.0)[0].max() > 2.9


def test_smoothing_takes_jitter_out(face):
    keys, values, _ = face
    few, noisy = (
        keys[::8], np.random.default_rng(5).normal(0, 0.3, (60, 5)).astype(np.float32) + values[:, ::8].mean() + 0.3
    )
    shaken = np.einsum("tk,knx->tnx", noisy, few)
    jitter = [np.abs(np.diff(solve_weights(shaken, few, smooth, 3.0)[0], axis=0)).mean() for smooth in (0.0, 1.0, 5.0)]
    assert jitter[0] > 1.5 * jitter[1] > 1.5 * jitter[2]


def test_what_cannot_be_solved_is_said_so(face):
    keys, _, moved = face
    with pytest.raises(RigError, match="5023 vertices, the shape keys have 100"):
        solve_weights(moved, keys[:, :100])
    with pytest.raises(RigError, match="Of 40 shape keys none"):
        solve_weights(moved, np.zeros_like(keys))
    with pytest.raises(SettingError, match="Smoothing"):
        solve_weights(moved, keys, -1.0)
