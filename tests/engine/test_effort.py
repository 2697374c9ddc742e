"""A voice that tries harder opens the mouth further, however loud the recording is."""

import numpy as np
import pytest

from engine.audio.effort import WHISPER_DB, effort_db, tilt_db
from engine.motion.effort import SHOUT_FACTOR, follow_effort, opening_factor
from engine.values.channels import ARKIT_52
from engine.values.types import Motion, Waveform


def voice(pitch_hz: float, fall_db: float, seconds: float = 2.0) -> np.ndarray:
    """Partials up to 4 kHz that fall by so many decibels an octave."""
    times = np.arange(round(16000 * seconds)) / 16000
    numbers = np.arange(1, int(4000 / pitch_hz) + 1)
    partials = [10 ** (-fall_db * np.log2(n) / 20) * np.sin(2 * np.pi * n * pitch_hz * times) for n in numbers]
    wave = np.sum(partials, axis=0)
    return (0.1 * wave / np.abs(wave).max()).astype(np.float32)


CALM, SHOUT = voice(120, 7.0), voice(240, 2.0)


def test_a_raised_voice_has_more_effort_than_a_calm_one():
    calm, shout = (effort_db(Waveform(wave)).mean() for wave in (CALM, SHOUT))
    assert shout > calm + 8


def test_gain_changes_nothing():
    assert np.allclose(effort_db(Waveform(SHOUT)), effort_db(Waveform(SHOUT * np.float32(0.05))), atol=0.05)


def test_noise_shaped_as_a_voice_is_a_whisper_and_silence_has_none():
    noise = np.random.default_rng(0).normal(scale=0.05, size=32000).astype(np.float32)
    assert effort_db(Waveform(noise)).mean() == pytest.approx(WHISPER_DB, abs=1.0)
    assert not effort_db(Waveform(np.zeros(32000, np.float32))).any()


def test_a_shout_within_a_calm_clip_stands_out_where_it_is():
    effort = effort_db(Waveform(np.concatenate([CALM, CALM, SHOUT, CALM, CALM])))
    assert effort[225:275].mean() > effort[:100].mean() + 6


def test_the_tilt_of_a_long_clip_is_that_of_its_parts():
    wave = np.concatenate([CALM] * 35)        # longer than a chunk
    assert tilt_db(Waveform(wave), 3500)[50:3400] == pytest.approx(tilt_db(Waveform(wave[:32000]), 100)[50], abs=0.5)


def test_a_shout_opens_the_jaw_further_and_rounds_as_before():
    weights = np.zeros((3, 52), np.float32)
    for name in ("jawOpen", "mouthPucker", "mouthClose"):
        weights[:, ARKIT_52.index(name)] = 0.4
    motion = Motion(weights, tuple(ARKIT_52), 50.0)
    factor = opening_factor(np.array([-8.0, 0.0, 13.0]))
    moved = follow_effort(motion, factor)
    assert factor[0] < 0.95 and factor[1] == 1 and factor[2] > SHOUT_FACTOR
    assert moved["jawOpen"] == pytest.approx(0.4 * factor) and moved["mouthClose"] == pytest.approx(0.4 * factor)
    assert (moved["mouthPucker"] == np.float32(0.4)).all()
