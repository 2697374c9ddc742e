"""Rooms: echoes as tails of noise that die away."""

from __future__ import annotations

import numpy as np
from scipy.signal import lfilter, oaconvolve

from ...values.types import FloatArray
from . import RATE_HZ, Seed

TREBLE_KEPT = 0.4           # pole of the low-pass of real walls
FIRST_ECHO_SAMPLES = 32     # 2 ms


def in_room(samples: FloatArray, rt60_s: float, direct_db: float, seed: Seed) -> FloatArray:
    """A room whose tail falls by 60 dB in rt60_s and is direct_db weaker than the direct sound."""
    tail = _tail(rt60_s, seed)
    return samples + convolved(samples, _at_direct_db(tail, direct_db))


def in_soft_room(samples: FloatArray, rt60_s: float, direct_db: float, seed: Seed) -> FloatArray:
    """As in_room(), with walls that swallow the treble, and echoes from 2 ms on."""
    tail = lfilter([1 - TREBLE_KEPT], [1, -TREBLE_KEPT], _tail(rt60_s, seed))
    tail[:FIRST_ECHO_SAMPLES] = 0
    tail = _at_direct_db(tail, direct_db)
    tail[0] = 1
    return np.asarray(oaconvolve(samples, tail)[:len(samples)], np.float32)


def convolved(samples: FloatArray, tail: FloatArray) -> FloatArray:
    """The echoes alone, cut to the length of the samples."""
    n_fft = 1 << int(np.ceil(np.log2(samples.size + tail.size)))
    return np.asarray(np.fft.irfft(np.fft.rfft(samples, n_fft) * np.fft.rfft(tail, n_fft), n_fft)[:samples.size])


def _tail(rt60_s: float, seed: Seed) -> FloatArray:
    n = round(rt60_s * RATE_HZ)
    return np.asarray(np.random.default_rng(seed).standard_normal(n) * 10 ** (-3 * np.arange(n) / n))


def _at_direct_db(tail: FloatArray, direct_db: float) -> FloatArray:
    return np.asarray(tail * (10 ** (-direct_db / 20) / np.sqrt((tail**2).sum())))
