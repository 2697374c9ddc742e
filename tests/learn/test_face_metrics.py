"""The papers' measures: against numbers worked out by hand and against those that a public implementation recorded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from engine.learn.evaluate.face_metrics import (
    FaceClip,
    dynamics_deviation,
    face_table,
    largest_channel_error,
    largest_error,
    lip_vertex_error,
    mean_channel_error,
    mean_error,
    time_warped_error,
)
from engine.values.errors import SettingError

FIXTURE = Path(__file__).resolve().parents[3] / "shared" / "fixtures" / "composite" / "composite_metrics.safetensors"
LIPS, UPPER = np.array([0, 1]), np.array([2])


def clip() -> FaceClip:
    """Two frames of three vertices: errors of 3 and 5 on the lips, then 1 and 0; recorded, the upper vertex moves."""
    truth = np.zeros((2, 3, 3))
    truth[1, 2] = [0, 2, 0]
    given = np.zeros((2, 3, 3))
    given[0, 0], given[0, 1], given[1, 0] = [3, 0, 0], [0, 3, 4], [0, 0, 1]
    return FaceClip(truth, given, np.zeros((3, 3)))


def test_lip_vertex_error_is_the_largest_squared_distance_of_each_frame():
    assert lip_vertex_error(clip().truth, clip().given, LIPS) == pytest.approx((25 + 1) / 2)


def test_lip_vertex_distance_is_the_largest_distance_of_each_frame():
    assert largest_error(clip().truth, clip().given, LIPS) == pytest.approx((5 + 1) / 2)


def test_mean_vertex_error_is_the_mean_distance():
    assert mean_error(clip().truth, clip().given) == pytest.approx((3 + 5 + 1 + 2) / 6)


def test_upper_face_dynamics_deviation_has_a_sign():
    """Recorded squared offsets 0 and 4 deviate by 2, given ones by 0."""
    assert dynamics_deviation(clip(), UPPER) == pytest.approx(2.0)
    turned = FaceClip(clip().given, clip().truth, clip().neutral)
    assert dynamics_deviation(turned, UPPER) == pytest.approx(-2.0)


def test_channel_errors_are_squared():
    truth, given = np.array([[0.0, 0.5], [1.0, 0.0]]), np.array([[0.2, 0.5], [1.0, 0.4]])
    assert largest_channel_error(truth, given) == pytest.approx((0.04 + 0.16) / 2)
    assert mean_channel_error(truth, given) == pytest.approx((0.04 + 0.16) / 4)


def test_time_warping_pairs_a_clip_with_itself_played_slower_at_no_cost():
    truth = np.random.default_rng(1).normal(size=(9, 4, 3))
    assert time_warped_error(truth, np.repeat(truth, 2, axis=0)) == 0.0
    assert time_warped_error(truth, truth[::-1]) > 1.0


def test_time_warping_in_blocks_is_time_warping(monkeypatch):
    truth, given = np.random.default_rng(2).normal(size=(2, 30, 5, 3))
    whole = time_warped_error(truth, given)
    monkeypatch.setattr("engine.learn.evaluate.face_metrics.DTW_BLOCK", 1000)
    assert time_warped_error(truth, given) == pytest.approx(whole, rel=1e-12)


def test_a_table_pools_frames_not_clips():
    whole = clip()
    parts = [FaceClip(whole.truth[i:i + 1], whole.given[i:i + 1], whole.neutral) for i in (0, 1)]
    table = face_table([*parts, parts[0]], {"lips": LIPS, "upper": UPPER})
    assert table["LVE"] == pytest.approx((25 + 1 + 25) / 3)
    assert table["LVD"] == table["L_max"] == pytest.approx((5 + 1 + 5) / 3)
    assert table["UFVE"] == pytest.approx(2 / 3)


def test_clips_of_two_lengths_are_refused():
    with pytest.raises(SettingError, match="one length"):
        FaceClip(np.zeros((3, 2, 3)), np.zeros((4, 2, 3)), np.zeros((2, 3)))


@pytest.mark.skipif(not FIXTURE.is_file(), reason="../shared/fixtures/composite is absent")
def test_recorded_measures_of_a_public_implementation():
    recorded = load_file(FIXTURE)
    truth, given, shifted = (recorded[name][0] for name in ("gt", "pred", "shifted"))
    lips = np.flatnonzero(recorded["mask"])
    everywhere = np.arange(truth.shape[1])
    seen = {
        "mean_all": mean_error(truth, given), "mean_mask": mean_error(truth, given, lips),
        "max_all": largest_error(truth, given, everywhere), "max_mask": largest_error(truth, given, lips),
        "dtw_all": time_warped_error(truth, shifted), "dtw_mask": time_warped_error(truth, shifted, lips),
    }
    for name, value in seen.items():
        assert value == pytest.approx(float(recorded[name][0]), abs=1e-5), name
