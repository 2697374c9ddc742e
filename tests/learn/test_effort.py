"""Effort of syllables, laughter, and where closures lie in the viseme model."""

import random

import numpy as np
import pytest

from engine.learn.evaluate.lips import closure_edges, lip_gap
from engine.learn.synth.effort import PERFORMED_DB, phone_efforts_db
from engine.learn.synth.laughter import laugh
from engine.learn.synth.phones import Phone
from engine.learn.synth.utterance import Utterance
from engine.learn.visemes.curves import to_arkit, viseme_curves
from engine.values.channels import ARKIT_52

VOWELS_AT = [(0.1, 0.2, 1.0), (0.3, 0.4, 1.0), (0.5, 0.6, 2.0)]    # start, end, level


def utterance(voice: str = "someone") -> Utterance:
    rng = np.random.default_rng(0)
    wave = np.zeros(16000)
    for start_s, end_s, level in VOWELS_AT:
        noise = rng.standard_normal(round((end_s - start_s) * 16000)).clip(-2, 2)
        wave[round(start_s * 16000):round(end_s * 16000)] = level * 3000 * noise
    phones = [Phone("SIL", 0.0, 0.1)]
    for start_s, end_s, _ in VOWELS_AT:
        phones += [Phone("AA", start_s, end_s), Phone("D", end_s, end_s + 0.1)]
    return Utterance(wave.astype(np.int16), tuple(phones), voice)


def test_a_vowel_of_twice_the_pressure_is_6_db_of_effort():
    efforts = phone_efforts_db(utterance())
    assert efforts[5] == pytest.approx(6.0, abs=0.5) and efforts[1] == pytest.approx(0.0, abs=0.5)
    assert 0.0 < efforts[4] < 6.0       # a consonant lies between its vowels


def test_a_shout_is_known_by_its_manner_not_by_its_level():
    assert set(phone_efforts_db(utterance("someone shouted")).tolist()) == {PERFORMED_DB["shouted"]}


def test_effort_opens_the_jaw():
    phones = utterance().phones
    efforts = ([0.0] * len(phones), [PERFORMED_DB["shouted"]] * len(phones))
    calm, loud = (viseme_curves(phones, 50, 50, loudness_db=one)[:, 0].max() for one in efforts)
    assert 1.25 < loud / calm < 1.5


def test_a_laugh_is_bursts_behind_breath():
    laughed = laugh(utterance(), random.Random(1))
    bursts = [p for p in laughed.phones if p.label == "AA"]
    assert len(bursts) >= 3 and all(0.05 < p.end_s - p.start_s < 0.1 for p in bursts)
    gaps = np.diff([p.start_s for p in bursts])
    assert np.all((gaps > 0.1) & (gaps < 0.27))
    silent = laughed.samples[:round(laughed.phones[0].end_s * 16000) - 1]
    assert not silent.any()


@pytest.mark.parametrize("label", ["P", "B", "M"])
@pytest.mark.parametrize("vowel", ["AA", "IY", "EH"])
def test_lips_are_shut_as_long_as_the_label_says(label, vowel):
    """90 ms between vowels; the end of p is its burst, on parted lips."""
    times = (("SIL", 0.0, 0.2), (vowel, 0.2, 0.32), (label, 0.32, 0.41), (vowel, 0.41, 0.53), ("SIL", 0.53, 0.8))
    phones = [Phone(*one) for one in times]
    gap = lip_gap(to_arkit(viseme_curves(phones, 50, 40)), ARKIT_52)
    [(_, start_ms, end_ms)] = closure_edges(gap, phones, 50, 0.06)
    assert abs(start_ms) < 15 and abs(end_ms) < 18


def test_rounded_vowels_narrow_the_lips_as_a_real_head_shows_them():
    def gap(label: str) -> float:
        phones = [Phone("T", 0.0, 0.1), Phone(label, 0.1, 0.3), Phone("T", 0.3, 0.4)]
        return float(lip_gap(to_arkit(viseme_curves(phones, 50, 20)), ARKIT_52)[10])

    assert 0.06 < gap("UW") < 0.16 and 0.06 < gap("W") < 0.16
    assert gap("AO") < 0.65 * gap("AA") and gap("OW") < 0.65 * gap("AE")
