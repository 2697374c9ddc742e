"""Comparing the viseme model with given curves, and fitting targets to them."""

from __future__ import annotations

import numpy as np
import pytest

from engine.learn.evaluate.calibration import COMPARED, FPS, RecognisedClip, correlations, suggested_targets
from engine.learn.synth.phones import PHONES, Phone
from engine.learn.visemes.curves import phone_shares, viseme_curves
from engine.learn.visemes.targets import CURVES, viseme_tables

LINE = "SIL AA S IY T UW N AE SH OW N EH L AA SIL"


def clip_of(labels: str, repeats: int = 12) -> RecognisedClip:
    """A clip whose given curves are the viseme model's own."""
    names = labels.split() * repeats
    rng = np.random.default_rng(3)
    ends = np.cumsum(rng.uniform(0.08, 0.2, len(names)))
    phones = [Phone(name, start, end) for name, start, end in zip(names, np.append(0, ends), ends, strict=False)]
    curves = viseme_curves(phones, FPS, round(ends[-1] * FPS))
    theirs = {
        name: curves[:, [CURVES.index(curve) for curve in pair.ours]].sum(axis=1) for name, pair in COMPARED.items()
    }
    return RecognisedClip("clip", phones, theirs)


def test_a_curve_agrees_with_itself_without_a_shift():
    r, best, lag_ms = correlations(clip_of(LINE))["jaw"]
    assert (r, best, lag_ms) == (pytest.approx(1.0), pytest.approx(1.0), 0.0)


def test_shares_add_up_to_one_and_a_long_phone_has_nearly_all_of_its_middle():
    phones = [Phone("T", 0.0, 0.1), Phone("AA", 0.1, 0.7), Phone("T", 0.7, 0.8)]
    shares = phone_shares(phones, 50.0, 40, "jaw")
    assert shares.sum(axis=1) == pytest.approx(np.ones(40), abs=1e-5)
    assert shares[20, PHONES.index("AA")] > 0.95


def test_a_target_that_the_given_curves_exceed_is_suggested_larger_and_the_others_stay():
    clip = clip_of(LINE)
    shares = phone_shares(clip.phones, FPS, clip.frames, "jaw")
    wanted = viseme_tables()[0][:, CURVES.index("jawOpen")].copy()
    wanted[PHONES.index("UW")] += 0.3
    theirs = {**clip.theirs, "jaw": shares @ wanted}
    suggested = suggested_targets([RecognisedClip(clip.name, clip.phones, theirs)], "jaw")
    changes = {phone: then - now for phone, (now, then) in suggested.items()}
    assert changes.pop("UW") > 0.1
    assert max(changes.values()) < 0.06
