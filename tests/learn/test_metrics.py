"""Measures on curves made by hand, where the right answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from engine.learn.data.labels import Word
from engine.learn.evaluate.baselines import loudness_mouth, rhubarb_mouth
from engine.learn.evaluate.bootstrap import value_of
from engine.learn.evaluate.metrics import SeenMouth, auc, beats, gather_words, measure, pool_words, reference_mouth
from engine.learn.synth.phones import Phone

PHONES = (
    Phone("SIL", 0.0, 0.6), Phone("M", 0.6, 0.7), Phone("AA", 0.7, 1.0), Phone("S", 1.0, 1.1), Phone("UW", 1.1, 1.3),
    Phone("P", 1.3, 1.4),
    Phone("IY", 1.4, 1.6), Phone("F", 1.6, 1.7), Phone("AE", 1.7, 1.9), Phone("SIL", 1.9, 2.5),
)
FRAMES = 125


def changed(mouth: SeenMouth, **curves: np.ndarray) -> SeenMouth:
    return SeenMouth(
        **{name: curves.get(name, getattr(mouth, name)) for name in ("opening", "jaw", "rounding", "tuck", "closure")}
    )


def measured(mouth: SeenMouth):
    return measure({"clip": mouth}, {"clip": PHONES})


def test_the_viseme_model_is_perfect_by_its_own_measure():
    m = measured(reference_mouth(PHONES, FRAMES))
    assert (m.pbm_recall, m.closure_precision, m.fv_recall, m.fv_precision, m.round_recall, m.silence_shut) == (
        1, 1, 1, 1, 1, 1
    )
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
    opening[39:47] = 0.0  # AA, 0.78 to 0.92 s; P stays right, M belongs to the pause before it, the lips of F are apart
    m = measured(changed(mouth, opening=opening))
    assert m.closure_precision == pytest.approx(1 / 2)
    assert m.vowels_shut == pytest.approx(1 / 4)


def test_rest_at_the_very_start_of_a_clip_is_no_closure_inside():
    spoken = (Phone("AA", 0.0, 0.5), Phone("P", 0.5, 0.6), Phone("AA", 0.6, 1.0))
    opening = np.full(50, 0.4)
    opening[26:29] = 0.0  # P
    mouth = SeenMouth(opening, opening, np.zeros(50), np.zeros(50), np.zeros(50))
    assert measure({"clip": mouth}, {"clip": spoken}).closure_inside == 1
    opening[0] = opening[-1] = 0.0
    m = measure({"clip": mouth}, {"clip": spoken})
    assert m.closure_inside == 1 and m.closure_precision == pytest.approx(1 / 3)
    opening[10] = 0.0  # but within it, it is
    assert measure({"clip": mouth}, {"clip": spoken}).closure_inside == 0.5


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


def test_a_still_mouth_has_no_jitter_and_a_trembling_one_has():
    mouth = reference_mouth(PHONES, FRAMES)
    trembling = mouth.opening + 0.05 * (-1.0) ** np.arange(FRAMES)  # second difference 0.2 everywhere
    still = measured(changed(mouth, opening=np.full(FRAMES, 0.3)))
    assert still.jitter == pytest.approx(0, abs=1e-12)
    straight = measured(changed(mouth, opening=np.full(FRAMES, 0.3) + trembling - mouth.opening))
    assert straight.jitter == pytest.approx(0.2)


def test_a_mouth_that_is_too_wide_on_one_vowel_is_over_open_there():
    mouth = reference_mouth(PHONES, FRAMES)
    opening = mouth.opening.copy()
    assert measured(mouth).over_open == 0
    opening[71:79] += 0.2  # 8 frames of IY, of 65 or 66 speech frames
    assert measured(changed(mouth, opening=opening)).over_open == pytest.approx(8 / 65, abs=0.003)


def test_share_of_shut_frames_counts_speech_only():
    mouth = reference_mouth(PHONES, FRAMES)
    assert measured(changed(mouth, opening=np.zeros(FRAMES))).shut_share == 1
    opening = np.ones(FRAMES)
    opening[:25] = 0  # the pause
    assert measured(changed(mouth, opening=opening)).shut_share == 0


def test_amplitude_is_the_spread_against_the_reference():
    mouth = reference_mouth(PHONES, FRAMES)
    assert measured(changed(mouth, opening=0.5 * mouth.opening + 0.1)).amplitude == pytest.approx(0.5)


def test_a_clip_that_asks_for_no_closure_has_no_say_in_its_correlation():
    vowels = (Phone("SIL", 0.0, 0.5), Phone("AA", 0.5, 1.0), Phone("IY", 1.0, 1.5), Phone("SIL", 1.5, 2.0))
    mouths = {"clip": reference_mouth(PHONES, FRAMES), "vowels": reference_mouth(vowels, 100)}
    assert measure(mouths, {"clip": PHONES, "vowels": vowels}).r_closure == pytest.approx(1)


def test_every_measure_of_a_silent_film_mouth_is_worse_or_empty():
    zero = np.zeros(FRAMES)
    m = measured(SeenMouth(zero, zero, zero, zero, zero))
    assert m.vowels_shut == 1 and m.closure_auc == m.open_auc == m.round_auc == 0.5
    assert (m.r_lip, m.r_jaw, m.amplitude, m.shut_share) == (0, 0, 0, 1)
    assert np.isnan(m.fv_precision)  # no tuck at all


def test_words_with_p_b_m_must_shut_and_others_must_not():
    words = (
        Word("pope", 0.2, 0.5, ("P", "OW", "UH", "P")), Word("tea", 0.6, 0.9, ("T", "IY")),
        Word("see", 1.0, 1.3, ("S", "IY")),
    )
    opening = np.full(100, 0.3)
    opening[12:14] = 0.0  # in "pope"
    opening[56:58] = 0.0  # in "see"
    mouth = SeenMouth(opening, opening, np.where(np.arange(100) < 30, 0.5, 0.0), np.zeros(100), np.zeros(100))
    found = {name: value_of(s) for name, s in pool_words(gather_words(mouth, words, 2.0)).items()}
    assert (found["word_shut"], found["word_shut_false"], found["word_shut_auc"]) == (1, 0.5, 0.75)
    assert (found["word_round"], found["word_round_false"]) == (1, 0)
    assert found["silence_shut"] == 0  # the mouth hangs open after the last word
