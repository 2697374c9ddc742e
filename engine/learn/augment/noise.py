"""Noise, hum, and sounds laid under speech at a level."""

from __future__ import annotations

import numpy as np

from ...values.types import FloatArray
from . import RATE_HZ, Seed

LOWEST_HZ = 40.0            # slopes and tilts are flat below
SLOPE_DB = (-9, 2)          # per octave
SWELL_DB = 9.0


def with_noise(samples: FloatArray, snr_db: float, seed: Seed) -> FloatArray:
    """Pink noise so far below the mean level of the whole clip."""
    return mixed(samples, pink(samples.size, seed), snr_db)


def mixed(samples: FloatArray, other: FloatArray, snr_db: float) -> FloatArray:
    """Another sound so far below the mean level of the clip; the sum is made quieter where it would pass full scale."""
    ratio = np.sqrt((samples**2).mean() / max(float((other**2).mean()), 1e-12))
    both = samples + other * (ratio * 10 ** (-snr_db / 20))
    return np.asarray(both / max(1.0, float(np.abs(both).max())))


def pink(n: int, seed: Seed) -> FloatArray:
    """Noise (n,) whose power falls by 3 dB per octave."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(n))
    return np.asarray(np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(spectrum.size), 1)), n))


def around(n: int, centre_hz: float, width_hz: float, seed: Seed) -> FloatArray:
    """Noise (n,) around a frequency."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(n))
    hz = np.fft.rfftfreq(n, 1 / RATE_HZ)
    return np.asarray(np.fft.irfft(spectrum / (1 + ((hz - centre_hz) / width_hz) ** 2), n))


def sloped(n: int, seed: Seed) -> FloatArray:
    """Noise (n,) of a random slope, half of the time with slow swells."""
    rng = np.random.default_rng(seed)
    spectrum = np.fft.rfft(rng.standard_normal(n))
    hz = np.maximum(np.fft.rfftfreq(n, 1 / RATE_HZ), LOWEST_HZ)
    values = np.fft.irfft(spectrum * (hz / 1000) ** (rng.uniform(*SLOPE_DB) / 6.02), n)
    if rng.random() < 0.5:
        knots = rng.uniform(-SWELL_DB, SWELL_DB, max(3, n // RATE_HZ * 2))
        values *= 10 ** (np.interp(np.linspace(0, len(knots) - 1, n), np.arange(len(knots)), knots) / 20)
    return np.asarray(values, np.float32)


def random_hum(n: int, seed: Seed) -> FloatArray:
    """A machine: nine harmonics (n,) of a random pitch, fall and phase."""
    rng = np.random.default_rng(seed)
    base_hz, fall, seconds = rng.uniform(45, 260), rng.uniform(0.3, 0.8), np.arange(n) / RATE_HZ
    partials = (fall**k * np.sin(2 * np.pi * base_hz * k * seconds + rng.uniform(0, 6)) for k in range(1, 10))
    return np.asarray(sum(partials), np.float32)
