"""Key reduction: fewer keys, a bound that holds, closures that stay."""

from __future__ import annotations

import numpy as np
import pytest

from engine import Curve, RigChannel, RigCurves
from engine.motion.key_reduction import reduce_for_lines
from engine.motion.lip_contact import CONTACT_TOLERANCE

FREE = np.full(600, np.inf, np.float32)


def rig_curves(values: np.ndarray, fps: float = 30.0) -> RigCurves:
    seconds = np.arange(len(values)) / fps
    curves = {
        RigChannel("shape_key", f"k{index}"): Curve(seconds, values[:, index].astype(np.float32))
        for index in range(values.shape[1])
    }
    return RigCurves(curves, "test", (), ())


def speech_like(n: int = 600, seed: int = 3) -> np.ndarray:
    random = np.random.default_rng(seed)
    return np.clip(np.convolve(random.normal(size=n + 8), np.hanning(9) / 2, mode="valid")[:, None] * [0.5, 1.0], 0, 1)


@pytest.mark.parametrize("max_error", [0.005, 0.02, 0.1])
def test_lines_between_keys_stay_within_the_error(max_error):
    values = speech_like()
    curves = rig_curves(values)
    reduced = reduce_for_lines(curves, max_error, FREE)
    for channel, curve in reduced.curves.items():
        full = curves.curves[channel]
        assert np.abs(np.interp(full.seconds, curve.seconds, curve.values) - full.values).max() <= max_error + 1e-6
        assert len(curve.seconds) < len(full.seconds)


def test_larger_error_leaves_fewer_keys():
    reduced = [reduce_for_lines(rig_curves(speech_like()), error, FREE).curves for error in (0.005, 0.02, 0.1)]
    counts = [sum(len(curve.seconds) for curve in curves.values()) for curves in reduced]
    assert counts[0] > counts[1] > counts[2]


def test_closures_keep_their_own_tight_bound():
    values = speech_like()
    shut = (np.arange(len(values)) % 20) < 3
    curves = rig_curves(values)
    slack = np.where(shut, np.float32(CONTACT_TOLERANCE), FREE)
    for channel, curve in reduce_for_lines(curves, 0.2, slack).curves.items():
        full = curves.curves[channel]
        error = np.abs(np.interp(full.seconds, curve.seconds, curve.values) - full.values)
        assert error[shut].max() <= CONTACT_TOLERANCE + 1e-6


def test_still_curve_keeps_two_keys():
    reduced = reduce_for_lines(rig_curves(np.full((100, 1), 0.3)), 0.01, FREE[:100])
    assert [len(curve.seconds) for curve in reduced.curves.values()] == [2]


def test_first_and_last_key_remain():
    curve = next(iter(reduce_for_lines(rig_curves(speech_like()), 0.1, FREE).curves.values()))
    assert (curve.seconds[0], curve.seconds[-1]) == (0, 599 / 30)


@pytest.mark.parametrize("n", [3, 4, 240, 241, 242, 480, 481, 483, 1000, 1801])
def test_long_curves_get_no_keys_where_blocks_of_the_search_meet(n):
    line, still = np.linspace(0, 1, n), np.full(n, 0.25)
    bent = np.abs(np.arange(n) - n // 2) / n
    curves = reduce_for_lines(
        rig_curves(np.stack([line, still, bent], axis=1)), 0.001, np.full(n, np.inf, np.float32)
    ).curves
    assert [len(curve.seconds) for curve in curves.values()][:2] == [2, 2]
    assert len(list(curves.values())[2].seconds) <= 4
    for values, curve in zip((line, still, bent), curves.values(), strict=True):
        assert np.abs(np.interp(np.arange(n) / 30, curve.seconds, curve.values) - values).max() <= 0.001 + 1e-6


def test_error_holds_over_minutes():
    values = speech_like(3000)
    curves = reduce_for_lines(rig_curves(values), 0.02, np.full(3000, np.inf, np.float32)).curves
    for column, curve in enumerate(curves.values()):
        assert np.abs(
            np.interp(np.arange(3000) / 30, curve.seconds, curve.values) - values[:, column].astype(np.float32)
        ).max() <= 0.02 + 1e-6
