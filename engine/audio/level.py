"""How loud a sound is, measured once for all steps that need it."""

from __future__ import annotations

import numpy as np

from ..values.types import SAMPLE_RATE_HZ, FloatArray, Level, Waveform

BLOCK = 320                 # samples, 20 ms: resolution of the level
REACH = 2                   # blocks to each side that a loud block counts: 40 ms of attack and release


def block_power(wave: Waveform) -> FloatArray:
    """Mean square of each whole block (n,)."""
    n_whole = len(wave.samples) // BLOCK
    blocks = wave.samples[:n_whole * BLOCK].reshape(n_whole, BLOCK)      # a view: an hour of sound is not copied
    return np.asarray(np.einsum("ij,ij->i", blocks, blocks) / BLOCK)


def level_of(wave: Waveform) -> Level:
    """Loudest level within REACH blocks of each block, as the RMS of 20 ms in dBFS, at least -120."""
    rest = wave.samples[len(wave.samples) // BLOCK * BLOCK:]
    power = np.append(block_power(wave), np.dot(rest, rest) / BLOCK)
    loudest = np.lib.stride_tricks.sliding_window_view(np.pad(power, REACH), 2 * REACH + 1).max(axis=1)
    decibels = np.asarray(10 * np.log10(np.maximum(loudest, 1e-12)), np.float32)
    return Level(decibels, BLOCK / SAMPLE_RATE_HZ, not wave.samples.any())
