"""Measures on curves made by hand, where the right answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from engine.learn.baselines import loudness_mouth, rhubarb_mouth
from engine.learn.metrics import SeenMouth, auc, beats, measure, reference_mouth
from engine.learn.synth.phones import Phone

PHONES = (
    Phone("SIL", 0.0, 0.6), Phone("M", 0.6, 0.7), Phone("AA", 0.7, 1.0), Phone("S", 1.0, 1.1), Phone("UW", 1.1, 1.3), Phone("P", 1.3, 1.4),
    Phone("IY", 1.4, 1.6), Phone("F", 1.6, 1.7), Phone("AE", 1.7, 1.9), Phone("SIL", 1.9, 2.5),
)
FRAMES = 125


def changed(mouth: SeenMouth, **curves: np.ndarray) -> SeenMouth:
    return SeenMouth(**{name: curves.get(name, getattr(mouth, name)) for name in ("opening", "jaw", "rounding", "tuck", "closure")})


def measured(mouth: SeenMouth):
    return measure({"clip": mouth}, {"clip": PHONES})


def test_the_viseme_model_is_perfect_by_its_own_measure():
    m = measured(reference_mouth(PHONES, FRAMES))
    assert (m.pbm_recall, m.closure_precision, m.fv_recall, m.fv_precision, m.round_recall, m.silence_shut) == (1, 1, 1, 1, 1, 1)
    assert (m.vowels_shut, m.round_false) == (0, 0)
    assert (m.closure_auc, m.open_auc, m.round_auc) == (1, 1, 1)
    assert (m.r_lip, m.r_jaw, m.r_round, m.r_closure) == pytest.approx((1, 1, 1, 1))
    assert m.lag_ms == pytest.approx(0, abs=0.1)


def test_an_open_p_counts_as_missed():
    mouth = reference_mouth(PHONES, FRAMES)
    opening = mouth.opening.copy()
    opening[60:75] = np.maximum(opening[60:75], 0.2)  # P
    assert measured(changed(mouth, opening=opening)).pbm_recall == 0.5


def test_a_closure_on_a_vowel_costs_precision_and_counts_as_shut_vowel():
    mouth = reference_mouth(PHONES, FRAMES)
    opening = mouth.opening.copy()
    opening[39:47] = 0.0  # AA, 0.78 to 0.92 s; P and F stay right, M belongs to the pause before it
    m = measured(changed(mouth, opening=opening))
    assert m.closure_precision == pytest.approx(2 / 3)
    assert m.vowels_shut == pytest.approx(1 / 4)


def test_a_late_mouth_has_a_positive_lag():
    mouth = reference_mouth(PHONES, FRAMES)
    assert measured(changed(mouth, opening=np.roll(mouth.opening, 2))).lag_ms == pytest.approx(40, abs=3)


def test_a_mouth_that_moves_in_silence_is_seen():
    mouth = reference_mouth(PHONES, FRAMES)
    assert measured(changed(mouth, opening=mouth.opening + 0.2)).silence_shut == 0


def test_auc_counts_ties_half():
    assert auc(np.array([1.0, 2.0]), np.array([0.0, 1.0])) == pytest.approx(0.875)
    assert np.isnan(auc(np.array([]), np.array([1.0])))


def test_viseme_model_beats_a_still_mouth():
    zero = np.zeros(FRAMES)
    still = SeenMouth(zero, zero, zero, zero, zero)
    verdict = beats(measured(reference_mouth(PHONES, FRAMES)), measured(still))
    assert all(verdict.values())


def test_rhubarb_shapes_are_eased_and_on_time():
    mouth = rhubarb_mouth([{"start": 0.0, "end": 1.0, "value": "A"}, {"start": 1.0, "end": 2.0, "value": "D"}], 100)
    assert mouth.opening[20] == pytest.approx(-0.05) and mouth.opening[80] == pytest.approx(0.68)
    assert np.all(np.diff(mouth.opening[47:53]) >= 0) and mouth.opening[49] < 0.3 < mouth.opening[50]


def test_loudness_opens_the_jaw_with_the_voice():
    samples = np.zeros(32000, np.float32)
    samples[16000:] = 0.3 * np.sin(np.arange(16000) * 0.2)
    mouth = loudness_mouth(samples, 100)
    assert mouth.jaw[:45].max() == 0 and mouth.jaw[60:95].min() > 0.5
