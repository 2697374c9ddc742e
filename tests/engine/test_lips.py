"""Lips that touch stay together through every step."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine import Gains, Motion
from engine.motion.lip_contact import (
    CLOSED_JAW,
    LEAST_PARTED,
    close_lips,
    closed_frames,
    contact_scores,
    contacts_of,
    open_vowels,
    opening,
    seal,
    seal_retimed,
)
from engine.motion.retime import retime
from engine.motion.smooth import apply_gains, ease_ends, smooth
from engine.values.channels import ARKIT_52
from tests.engine.lip_gap import touching


def face(n_frames: int, fps: float = 50.0, **curves) -> Motion:
    weights = np.zeros((n_frames, len(ARKIT_52)), np.float32)
    for name, values in curves.items():
        weights[:, ARKIT_52.index(name)] = values
    return Motion(weights, ARKIT_52, fps)


def talking(closure_frames: int = 3) -> Motion:
    """Two seconds of an open mouth with a short closure in every fifth of a second."""
    shut = np.arange(100) % 10 < closure_frames
    return face(
        100, jawOpen=np.where(shut, 0.2, 0.6), mouthClose=np.where(shut, 0.2, 0),
        mouthLowerDownLeft=np.where(shut, 0, 0.3),
    )


def test_opening_counts_jaw_lips_and_press():
    motion = face(
        1, jawOpen=0.5, mouthClose=0.2, mouthLowerDownLeft=0.4, mouthLowerDownRight=0.4, mouthPressLeft=0.2,
        mouthPressRight=0.2,
    )
    assert opening(motion)[0] == pytest.approx(0.5 - 0.2 + 0.35 * 0.4 - 0.15 * 0.2)


@pytest.mark.parametrize("amount", [0.1, 0.5, 1.0])
def test_smoothing_never_opens_a_closed_mouth(amount):
    before = talking(closure_frames=2)
    closed = closed_frames(before)
    after, still_closed = seal(smooth(before, amount), closed, before)
    assert closed.any() and touching(after)[closed].all() and still_closed[closed].all()
    assert not np.array_equal(after.weights, before.weights)


def test_smoothing_lowers_the_jitter_of_open_speech():
    noise = 0.4 + 0.1 * np.random.default_rng(0).normal(size=200)
    rough = face(200, jawOpen=noise)
    assert np.abs(np.diff(smooth(rough, 0.5)["jawOpen"], 2)).mean() < 0.1 * np.abs(np.diff(rough["jawOpen"], 2)).mean()


@pytest.mark.parametrize("gains", [Gains(jaw=2.0), Gains(jaw=0.3), Gains(lips=0.0), Gains(lips=2.0, jaw=1.5)])
def test_gains_keep_closed_lips_closed(gains):
    before = talking()
    after, _ = seal(apply_gains(before, gains), closed_frames(before))
    assert touching(after)[closed_frames(before)].all()


def test_gain_scales_its_region_only():
    motion = apply_gains(
        face(1, jawOpen=0.4, mouthPucker=0.4, cheekPuff=0.4, browInnerUp=0.4, eyeBlinkLeft=0.4),
        Gains(0.5, 1.5, 2.0, 0.0),
    )
    got = [float(motion[name][0]) for name in ("jawOpen", "mouthPucker", "cheekPuff", "browInnerUp", "eyeBlinkLeft")]
    assert got == pytest.approx([0.2, 0.6, 0.8, 0.0, 0.4])


@pytest.mark.parametrize("fps", [12.0, 15.0, 23.976, 24.0, 30.0, 60.0])
def test_slow_frame_rate_loses_no_closure(fps):
    before = talking(closure_frames=1)      # 20 ms: shorter than any scene frame below 50 fps
    after = seal_retimed(retime(before, fps), before, closed_frames(before))
    times = np.flatnonzero(closed_frames(before)) / before.fps
    frames = np.minimum(np.round(times * fps).astype(int), len(after.weights) - 1)
    assert touching(after)[frames].all()


def test_retime_keeps_clip_length_and_peak():
    jaw = np.linspace(0, 1, 60, dtype=np.float32)[:, None]
    out = retime(Motion(jaw, ("jawOpen",), fps=60.0), fps=24.0)
    assert out.weights.shape == (24, 1)
    assert out.weights.max() == pytest.approx(1.0, abs=0.06)


def test_heard_closure_shuts_the_lips():
    motion = face(3, jawOpen=0.3, mouthLowerDownLeft=0.2, mouthLowerDownRight=0.2)
    met = close_lips(motion, np.array([[0, 0, 0], [0.9, 0, 0], [0, 0.9, 0]], np.float32))
    assert list(touching(met)) == [False, True, False]
    assert met["mouthRollLower"][2] == pytest.approx(0.5)
    assert np.array_equal(met.weights[0], motion.weights[0])


def test_a_closure_that_is_as_likely_as_not_is_made():
    """In noise few are surer; a mouth that stays open on p b m is seen, one that shuts for a moment hardly."""
    met = close_lips(
        face(2, jawOpen=0.3, mouthLowerDownLeft=0.2, mouthLowerDownRight=0.2),
        np.array([[0.05, 0, 0], [0.5, 0, 0]], np.float32),
    )
    assert list(touching(met)) == [False, True]


def test_the_jaw_comes_up_to_lips_that_were_not_on_their_way():
    late = close_lips(face(1, jawOpen=0.3), np.array([[1, 0, 0]], np.float32))
    assert late["jawOpen"] == pytest.approx(0.3 * CLOSED_JAW) and late["mouthClose"] == late["jawOpen"]
    in_time = close_lips(face(1, jawOpen=0.3, mouthClose=0.3), np.array([[1, 0, 0]], np.float32))
    assert in_time["jawOpen"] == pytest.approx(0.3)


def test_lips_are_parted_inside_of_a_vowel_as_far_as_a_gap_needs():
    shut = face(
        3, jawOpen=0.3, mouthClose=0.3, mouthPressLeft=0.3, mouthPressRight=0.3, mouthRollLower=0.1, mouthRollUpper=0.1
    )
    parted = open_vowels(shut, np.array([0, 0.5, 1], np.float32))
    assert np.array_equal(parted.weights[0], shut.weights[0])
    assert opening(shut)[1] < opening(parted)[1] < opening(parted)[2] == pytest.approx(LEAST_PARTED)
    assert parted["mouthPressLeft"][2] == parted["mouthRollLower"][2] == 0
    assert np.array_equal(parted["jawOpen"], shut["jawOpen"])


def test_an_open_mouth_is_not_parted_further():
    wide = face(2, jawOpen=0.3, mouthRollLower=0.2, mouthClose=0.05)
    assert np.array_equal(open_vowels(wide, np.ones(2, np.float32)).weights, wide.weights)


def test_key_reduction_never_opens_a_closed_mouth():
    """Every channel moves as far as it may, each the way that opens the mouth most; lips that almost part included."""
    jaw = np.concatenate([np.linspace(0, 0.0599, 50), np.linspace(0.061, 0.5, 50)])
    before = face(100, jawOpen=jaw, mouthPressLeft=0.2, mouthPressRight=0.2, mouthRollLower=0.1, mouthClose=0.045)
    contacts = contacts_of(before)
    slack = contacts.slack[:, None]
    assert 40 < contacts.closed.sum() < 100
    assert np.isinf(slack[~contacts.closed]).all() and slack[contacts.closed].max() <= 0.005
    way = np.array([
        -1 if name in ("mouthClose", "mouthPressLeft", "mouthPressRight", "mouthRollLower") else 1 for name in ARKIT_52
    ])
    moved = replace(before, weights=(before.weights + np.where(np.isinf(slack), 0, slack) * way).astype(np.float32))
    assert touching(moved)[contacts.closed].all() and closed_frames(moved)[contacts.closed].all()


def test_contact_scores_sum_the_phones_of_a_class():
    logits = np.log(np.array([[0.1, 0.2, 0.3, 0.4]], np.float32))
    assert contact_scores(logits, ("SIL", "P", "M", "V"))[0, :2] == pytest.approx([0.5, 0.4])


def test_silence_counts_against_the_likeliest_sound_alone():
    names = ("SIL", *(f"S{number}" for number in range(20)))
    unheard, spoken = np.full(21, 0.02, np.float32), np.full(21, 0.0, np.float32)
    unheard[0] = 0.6        # applause: nothing of speech is heard, and silence is not sure either
    spoken[:2] = 0.6, 0.4
    scores = contact_scores(np.log(np.stack([unheard, spoken]) + 1e-9), names)[:, 2]
    assert scores == pytest.approx([0.6 / 0.62, 0.6], abs=1e-4)


def test_a_seal_leaves_other_frames_alone():
    motion = face(2, jawOpen=0.5)
    sealed, closed = seal(motion, np.array([True, False]))
    assert closed.tolist() == touching(sealed).tolist() == [True, False]
    assert sealed.weights[1].tolist() == motion.weights[1].tolist()


def test_what_a_step_brings_to_touch_is_a_contact_from_then_on():
    _, closed = seal(face(2, jawOpen=np.array([0.5, 0.02])), np.array([True, False]))
    assert closed.tolist() == [True, True]


def test_motion_without_lip_channels_passes_through():
    motion = Motion(np.ones((4, 2), np.float32), ("a", "b"), 30.0)
    assert smooth(motion, 0.5).weights == pytest.approx(1.0)
    assert not closed_frames(motion).any()


def test_face_rests_in_a_pause_but_not_in_a_stop():
    silence = np.zeros(100, np.float32)
    silence[20:24] = silence[50:80] = 1.0       # the closure of a k, and a pause of 0.6 s
    contact = np.stack([np.zeros(100), np.zeros(100), silence], axis=1).astype(np.float32)
    jaw = close_lips(face(100, jawOpen=0.1), contact)["jawOpen"]
    assert jaw[:50] == pytest.approx(0.1) and not jaw[55:75].any() and jaw[80:] == pytest.approx(0.1)


def test_clip_cut_in_mid_word_starts_and_ends_at_rest():
    jaw = ease_ends(face(100, jawOpen=0.5))["jawOpen"]
    assert jaw[0] == jaw[-1] == 0 and jaw[10:90] == pytest.approx(0.5)
