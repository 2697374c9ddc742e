"""Articulation, anticipation, delays and smoothing per region: what each does, and that closed lips stay closed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine import Delays, Gains, Life, Motion, RegionSmooth, Settings, animate, read_audio
from engine.motion.articulation import articulate
from engine.motion.lip_contact import closed_frames, closest_moments, opening, seal
from engine.motion.smooth import smooth
from engine.motion.timing import anticipate as anticipate_plain
from engine.motion.timing import delay, speaking_contacts
from tests.engine.conftest import DATA
from tests.engine.lip_gap import lip_gap_mm, touching
from tests.engine.test_lips import face

# the bundled model's own rate: frames can be compared one by one
PLAIN = Settings(threads=1, fps=50, life=Life(blinks=0))
REGIONS = ("jaw", "lips", "cheeks", "brows")


@pytest.fixture(scope="module")
def line():
    return read_audio(DATA / "sample.flac")


def moments_of(motion: Motion) -> np.ndarray:
    return closest_moments(opening(motion), closed_frames(motion))


def anticipate(motion: Motion, lead_s: float) -> Motion:
    """As postprocessing does it."""
    held = speaking_contacts(motion, closed_frames(motion))
    return seal(anticipate_plain(motion, lead_s, held), held)[0]


@pytest.fixture
def plain(line) -> Motion:
    return animate(line, PLAIN).motion


@pytest.mark.parametrize("change", [
    {"articulation": -1.0}, {"articulation": -0.3}, {"articulation": 0.3}, {"articulation": 1.0},
    {"anticipation_s": 0.02}, {"anticipation_s": 0.2}, {"anticipation_s": 0.5},
    {"articulation": 1.0, "anticipation_s": 0.2, "smooth": 1.0, "gains": Gains(2, 2, 2, 2)},
    *(
        {"delays": Delays(**{region: delay_s})}
        for region in ("jaw", "cheeks", "brows") for delay_s in (-1.25, -0.5, -0.033, 0.05, 0.5, 1.25)
    ),
    *({"region_smooth": RegionSmooth(**{region: 1.0})} for region in REGIONS),
    {
        "articulation": -1.0, "anticipation_s": 0.1, "delays": Delays(jaw=0.2, cheeks=-0.5),
        "region_smooth": RegionSmooth(1, 1, 1, 1),
    },
], ids=str)
def test_every_contact_is_where_it_was(line, plain, change):
    shut = closed_frames(plain)
    # lips that rest may open before the first sound; those that are held together may not
    if "anticipation_s" in change:
        shut &= plain["mouthPressLeft"] + plain["mouthClose"] > 0.1
    assert 10 < shut.sum() < 0.8 * len(shut) and len(moments_of(plain)) > 8
    motion = animate(line, replace(PLAIN, **change)).motion
    assert touching(motion)[shut].all()
    assert not motion.weights[[0, -1]].any()
    assert motion.weights.min() >= 0 and motion.weights.max() <= 1
    assert np.abs(motion.weights - plain.weights).max() > 0.02 or "cheeks" in str(change) or "brows" in str(change)


@pytest.mark.parametrize("delay_s", [-0.5, -0.07, 0.033, 0.5])
@pytest.mark.parametrize("fields", [("lips",), ("lips", "jaw")])
def test_contacts_go_with_delayed_lips(line, plain, delay_s, fields):
    motion = animate(line, replace(PLAIN, delays=Delays(**dict.fromkeys(fields, delay_s)))).motion
    moments = moments_of(plain)
    # nearer to the ends they move less
    inner = moments[
        np.abs((moments / 50 + delay_s) - plain.weights.shape[0] / 100) < plain.weights.shape[0] / 100 - 1.0
    ]
    assert len(inner) > 4
    assert touching(motion)[np.round(inner + delay_s * 50).astype(int)].all()
    assert len(moments_of(motion)) >= len(moments) - 1


def test_precise_is_fuller_and_faster_and_relaxed_is_lazier(line, plain):
    def figures(motion):
        gap, open_frames = lip_gap_mm(motion), ~touching(plain)
        return np.percentile(gap[open_frames], 90), np.percentile(np.abs(np.diff(gap)), 90), np.percentile(
            motion["mouthPucker"], 95
        )

    lazy, half, usual, crisp = (
        np.array(figures(animate(line, replace(PLAIN, articulation=amount)).motion)) for amount in (-1, -0.5, 0, 1)
    )
    assert (crisp > 1.15 * usual).all() and (lazy < 0.85 * usual).all()
    assert (lazy < half).all() and (half < usual).all()


def test_precise_does_not_sharpen_the_jitter_of_single_frames():
    jitter = 0.4 + 0.02 * (-1.0) ** np.arange(200)
    assert np.abs(np.diff(articulate(face(200, jawOpen=jitter), 1.0)["jawOpen"]))[20:-20].max() < 1.2 * 0.04


def test_articulation_leaves_eyes_brows_and_still_faces_alone():
    motion = face(50, jawOpen=0.3, browInnerUp=np.linspace(0, 1, 50), eyeBlinkLeft=np.linspace(1, 0, 50))
    for amount in (-1.0, 1.0):
        changed = articulate(motion, amount)
        assert (
            np.array_equal(changed["browInnerUp"], motion["browInnerUp"])
            and np.array_equal(changed["eyeBlinkLeft"], motion["eyeBlinkLeft"])
        )
        assert not articulate(face(50), amount).weights.any()


@pytest.mark.parametrize("channel", ["jawOpen", "mouthPucker", "mouthStretchLeft"])
@pytest.mark.parametrize("lead_s", [0.05, 0.1, 0.2])
def test_shapes_begin_earlier_and_end_when_they_did(channel, lead_s):
    frames = np.arange(200)
    before = face(
        200,
        **{channel: ((frames >= 100) & (frames < 120)) * 0.8, "browInnerUp": ((frames >= 100) & (frames < 120)) * 0.8},
    )
    after = anticipate(before, lead_s)
    started = np.flatnonzero(after[channel] > 0.01)
    assert 100 - started[0] == pytest.approx(lead_s * 50, abs=1.01) and started[-1] == 119
    assert after[channel].max() == before[channel].max()
    assert np.array_equal(after["browInnerUp"], before["browInnerUp"])


def test_jaw_opens_beneath_lips_that_are_still_closed():
    frames = np.arange(100)
    before = face(100, jawOpen=np.where(frames < 50, 0.05, 0.6), mouthClose=np.where(frames < 50, 0.05, 0))
    after = anticipate(before, 0.1)
    assert after["jawOpen"][48] > 0.5 and touching(after)[49]


def test_lips_that_part_after_a_contact_do_not_part_before_it():
    """An m after silence: the vowel behind it may not open the resting mouth for a moment before the m."""
    frames = np.arange(100)
    pressed = (frames >= 50) & (frames < 55)
    before = face(
        100, jawOpen=np.where(frames < 50, 0, np.where(pressed, 0.1, 0.6)), mouthClose=np.where(pressed, 0.1, 0),
        mouthPressLeft=np.where(pressed, 0.3, 0), mouthPressRight=np.where(pressed, 0.3, 0),
        mouthLowerDownLeft=np.where(frames < 55, 0, 0.4),
    )
    after = anticipate(before, 0.3)
    assert touching(after)[:55].all() and after["jawOpen"][50] > 0.5


@pytest.mark.parametrize("delay_s", [-0.06, 0.06, 0.013])
def test_delay_moves_its_region_by_fractions_of_frames_and_nothing_else(delay_s):
    seconds = np.arange(200) / 50
    wave = 0.3 + 0.2 * np.sin(2 * np.pi * 1.5 * seconds)
    before = face(200, browInnerUp=wave, cheekPuff=wave, jawOpen=wave)
    after = delay(before, Delays(brows=delay_s), closed_frames(before))
    inner = slice(40, 160)
    assert after["browInnerUp"][inner] == pytest.approx(
        0.3 + 0.2 * np.sin(2 * np.pi * 1.5 * (seconds[inner] - delay_s)), abs=0.002
    )
    assert (
        np.array_equal(after["cheekPuff"], before["cheekPuff"]) and np.array_equal(after["jawOpen"], before["jawOpen"])
    )


@pytest.mark.parametrize("delay_s", [-0.5, 0.5])
def test_delay_loses_nothing_at_the_ends(delay_s):
    peaks = np.zeros(200)
    peaks[[4, 100, 195]] = 0.8
    before = face(200, browInnerUp=np.convolve(peaks, [0.25, 0.5, 1, 0.5, 0.25], "same"))
    after = delay(before, Delays(brows=delay_s), closed_frames(before))["browInnerUp"]
    tops = np.flatnonzero((after[1:-1] > after[:-2]) & (after[1:-1] >= after[2:]) & (after[1:-1] > 0.5)) + 1
    assert len(tops) == 3 and tops[1] == 100 + delay_s * 50


def test_region_smoothing_softens_its_region_only():
    rough = 0.4 + 0.1 * np.random.default_rng(0).normal(size=200)
    before = face(200, jawOpen=rough, mouthPucker=rough, cheekPuff=rough, browInnerUp=rough)
    after = smooth(before, 0.0, RegionSmooth(lips=0.5))
    assert np.abs(np.diff(after["mouthPucker"], 2)).mean() < 0.1 * np.abs(np.diff(before["mouthPucker"], 2)).mean()
    for channel in ("jawOpen", "cheekPuff", "browInnerUp"):
        assert np.array_equal(after[channel], before[channel])


def test_raw_ignores_all_that_shapes(line):
    shaped = replace(
        PLAIN, articulation=1, anticipation_s=0.2, delays=Delays(0.5, 0.5, 0.5, 0.5),
        region_smooth=RegionSmooth(1, 1, 1, 1), life=Life(2, 2, 2, 2, 2),
    )
    assert np.array_equal(
        animate(line, replace(shaped, raw=True)).motion.weights, animate(line, replace(PLAIN, raw=True)).motion.weights
    )
