"""The sample clip of the demo and its phone times."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from engine import read_audio

DATA = Path(__file__).resolve().parent.parent / "data"


@pytest.fixture(scope="module")
def phones() -> list[dict]:
    return json.loads((DATA / "sample.json").read_text(encoding="utf-8"))["phones"]


def test_clip_is_a_short_clean_line():
    wave = read_audio(DATA / "sample.flac")
    assert 4 < wave.duration_s < 5
    assert 0.2 < np.abs(wave.samples).max() < 1


def test_phones_cover_the_clip_without_gaps(phones):
    assert phones[0]["start_s"] == 0
    assert all(before["end_s"] == after["start_s"] for before, after in pairwise(phones))
    assert phones[-1]["end_s"] == pytest.approx(read_audio(DATA / "sample.flac").duration_s, abs=0.01)


def test_line_has_many_closures_between_vowels(phones):
    assert sum(phone["phone"] in ("M", "B", "P") for phone in phones) >= 10
    assert len({phone["phone"] for phone in phones} & {"AA", "IY", "EY", "UW", "AH", "UH", "IH", "AY"}) >= 6


def test_loud_where_vowels_are_and_quiet_in_pauses(phones):
    samples = read_audio(DATA / "sample.flac").samples
    def level(label):
        return np.mean([
            np.abs(samples[int(p["start_s"] * 16000):int(p["end_s"] * 16000)]).mean()
            for p in phones if p["phone"] == label
        ])
    assert level("AA") > 5 * level("SIL")
