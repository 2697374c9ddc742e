"""Speech at another pace: what sounds when, and at which pitch."""

from __future__ import annotations

import numpy as np
import pytest

from engine.audio.time_stretch import stretch

RATE_HZ = 16_000
STEP_S = 0.01


def clock(*pieces):
    """Seconds of the sound at each step: pieces of (seconds of the result, pace)."""
    pace = np.concatenate([np.full(round(seconds / STEP_S), speed) for seconds, speed in pieces])
    return np.concatenate([[0.0], np.cumsum(pace)[:-1] * STEP_S])


def voice(seconds, pitch_hz=120.0):
    """Periods of a vowel that gets louder and softer four times a second."""
    times = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    wave = sum(np.sin(2 * np.pi * pitch_hz * number * times) / number for number in range(1, 20))
    return (0.1 * wave * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * times))).astype(np.float32)[:, None]


def pitch_hz(samples):
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 2**19))
    low = int(60 * 2**19 / RATE_HZ)
    return (np.argmax(spectrum[low:]) + low) * RATE_HZ / 2**19


@pytest.mark.parametrize("pace", [0.4, 0.7, 1.0, 1.5, 2.5])
def test_the_pitch_stays(pace):
    out = stretch(voice(4.0), RATE_HZ, clock((4.0 / pace, pace)), STEP_S)[:, 0]
    assert len(out) == pytest.approx(4.0 / pace * RATE_HZ, abs=RATE_HZ * STEP_S)
    assert pitch_hz(out) == pytest.approx(120, abs=1.0)
    assert np.sqrt(np.mean(out**2)) == pytest.approx(np.sqrt(np.mean(voice(4.0) ** 2)), rel=0.1)


def test_the_natural_pace_changes_nothing():
    sound = voice(2.0)
    out = stretch(sound, RATE_HZ, clock((2.0, 1.0)), STEP_S)
    np.testing.assert_allclose(out[500:-500], sound[500:-500], atol=1e-4)


@pytest.mark.parametrize(("pieces", "expected"), [
    (((2.0, 0.5), (1.5, 2.0)), [1.0, 2.25, 2.75]),
    (((1.0, 1.0), (1.0, 0.0), (3.0, 1.0)), [0.5, 2.5, 3.5]),
])
def test_sounds_are_heard_when_the_clock_says_so(pieces, expected):
    sound = np.zeros((4 * RATE_HZ, 1), np.float32)
    for second in (0.5, 1.5, 2.5):
        middle = int(second * RATE_HZ)
        sound[middle - 160:middle + 160] = voice(0.02)
    out = np.abs(stretch(sound, RATE_HZ, clock(*pieces), STEP_S)[:, 0])
    loud = np.flatnonzero(out > 0.02) / RATE_HZ
    groups = np.split(loud, np.flatnonzero(np.diff(loud) > 0.2) + 1)
    assert [float(group.mean()) for group in groups] == pytest.approx(expected, abs=0.03)


def test_a_freeze_is_silent():
    out = stretch(voice(3.0), RATE_HZ, clock((1.0, 1.0), (1.0, 0.0), (2.0, 1.0)), STEP_S)[:, 0]
    assert np.abs(out[int(1.05 * RATE_HZ):int(1.95 * RATE_HZ)]).max() == 0
    assert np.abs(out[int(2.1 * RATE_HZ):int(2.9 * RATE_HZ)]).max() > 0.1


def test_channels_stay_together():
    sound = np.concatenate([voice(2.0), -0.5 * voice(2.0)], axis=1)
    out = stretch(sound, RATE_HZ, clock((3.0, 2 / 3)), STEP_S)
    np.testing.assert_allclose(out[:, 1], -0.5 * out[:, 0], atol=1e-6)
