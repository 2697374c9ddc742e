"""How loud a sound is, measured once for all steps that need it."""

from __future__ import annotations

import numpy as np

from ..values.types import SAMPLE_RATE_HZ, Level, Waveform

BLOCK = 320                 # samples, 20 ms: resolution of the level
REACH = 2                   # blocks to each side that a loud block counts: 40 ms of attack and release


def level_of(wave: Waveform) -> Level:
    """Loudest level within REACH blocks of each block, as the RMS of 20 ms in dBFS, at least -120."""
    n_whole = len(wave.samples) // BLOCK
    blocks = wave.samples[:n_whole * BLOCK].reshape(n_whole, BLOCK)      # a view: an hour of sound is not copied
    rest = wave.samples[n_whole * BLOCK:]
    power = np.append(np.einsum("ij,ij->i", blocks, blocks), np.dot(rest, rest)) / BLOCK
    loudest = np.lib.stride_tricks.sliding_window_view(np.pad(power, REACH), 2 * REACH + 1).max(axis=1)
    decibels = np.asarray(10 * np.log10(np.maximum(loudest, 1e-12)), np.float32)
    return Level(decibels, BLOCK / SAMPLE_RATE_HZ, not wave.samples.any())
