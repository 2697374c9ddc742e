"""Numbers that tell manners of speaking apart: calm or hurried, shouted, whispered, sung, laughing.

They are of the sound alone, whatever its level: the long-term spectrum and how it changes, pitch and how steady it is,
how much is voiced and for how long, and how fast the level goes up and down. Encoders are taught to hear the same
phones in all manners, so their features say less (docs/MODEL.md has the figures). Source: spectral balance, pitch and
voicing as marks of vocal effort (Traunmueller and Eriksson 2000); syllables are 3 to 6 of a second in the level.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ..values.types import SAMPLE_RATE_HZ, BoolArray, FloatArray, Waveform
from .level import BLOCK
from .pitch import RATE_HZ, pitch_hz

WINDOW, FFT = 2 * BLOCK, 1024       # samples
BANDS, LOW_HZ, HIGH_HZ = 24, 80.0, 7600.0
LOUD_DB = 30.0                      # below the loudest frame: what is quieter is a pause
LEAST_SPEECH_S = 0.6
LONGEST_S = 30.0                    # of a clip: a manner shows within it
RATES_HZ = (0.3, 1, 2, 3, 4.5, 6, 9, 14, 25)    # edges of the rates at which the level goes up and down
RATE_FFT = 2048                     # frames: holds LONGEST_S
FAINT = 1e-4                        # share of all changes of the level that counts as none
UNVOICED_STEPS = 3.0                # semitones from frame to frame where no pitch is
REFERENCE_HZ = 100.0

Array = NDArray[np.float64]


def manner_statistics(wave: Waveform) -> FloatArray | None:
    """The numbers (n,) of a sound; None where it holds too little speech.

    Returns:
        Per mel band the mean, deviation and change of its share of the level, and its mean where there is voice; the
        level's changes by rate; then share of voice, pitch, its spread and steps, lengths of voiced stretches, pauses.
    """
    samples = wave.samples[:round(LONGEST_S * SAMPLE_RATE_HZ)].astype(np.float64)
    n_frames = len(samples) // BLOCK
    peak = float(np.abs(samples).max(initial=0.0))
    if n_frames < LEAST_SPEECH_S * RATE_HZ or peak == 0:
        return None
    power = _power(samples / peak, n_frames)
    level = 10 * np.log10(power.sum(axis=1) + 1e-6)
    loud = level > level.max() - LOUD_DB
    if loud.sum() < LEAST_SPEECH_S * RATE_HZ:
        return None
    bands = 10 * np.log10(power @ _mel().T + 1e-6)
    pitch = pitch_hz(wave, n_frames)
    voiced = loud & (pitch > 0)
    return np.concatenate([
        _spectrum(bands, loud, voiced), _rates(level, loud), _voice(pitch, voiced, loud), [level[loud].std()],
    ]).astype(np.float32)


def _power(samples: Array, n_frames: int) -> Array:
    """Power spectra (n_frames, FFT / 2 + 1) of windows around each 20 ms."""
    padded = np.pad(samples, (WINDOW // 2, WINDOW))
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::BLOCK][:n_frames]
    return np.asarray(np.abs(np.fft.rfft(frames * np.hanning(WINDOW), FFT, axis=1)) ** 2)


def _mel() -> Array:
    """Triangles (BANDS, FFT / 2 + 1), evenly spaced on the mel scale."""
    low, high = (2595 * np.log10(1 + hz / 700) for hz in (LOW_HZ, HIGH_HZ))
    edges = 700 * (10 ** (np.linspace(low, high, BANDS + 2) / 2595) - 1)
    hz = np.linspace(0, SAMPLE_RATE_HZ / 2, FFT // 2 + 1)
    rising = (hz - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - hz) / np.diff(edges)[1:, None]
    return np.clip(np.minimum(rising, falling), 0, None)


def _spectrum(bands: Array, loud: BoolArray, voiced: BoolArray) -> Array:
    shares = bands - bands.mean(axis=1, keepdims=True)
    changes = np.abs(np.diff(bands, axis=0))[loud[1:]]
    spoken = shares[loud]
    of_voice = shares[voiced] if voiced.any() else spoken
    return np.concatenate([spoken.mean(axis=0), spoken.std(axis=0), changes.mean(axis=0), of_voice.mean(axis=0)])


def _rates(level: Array, loud: BoolArray) -> Array:
    """Logarithm of the share that each of RATES_HZ has in the level's changes."""
    first, last = np.flatnonzero(loud)[[0, -1]]
    spoken = np.maximum(level[first:last + 1], level.max() - LOUD_DB)
    spectrum = np.abs(np.fft.rfft((spoken - spoken.mean()) * np.hanning(len(spoken)), RATE_FFT)) ** 2
    hz = np.arange(len(spectrum)) * RATE_HZ / RATE_FFT
    share = spectrum / max(float(spectrum[hz > RATES_HZ[0]].sum()), 1e-12)
    edges = pairwise(RATES_HZ)
    return np.log([share[(hz >= low) & (hz < high)].sum() + FAINT for low, high in edges])


def _voice(pitch: Array, voiced: BoolArray, loud: BoolArray) -> Array:
    """Share of voice, pitch in semitones, its deviation and range, its steps, lengths of voice, share of speech."""
    semitones = 12 * np.log2(np.maximum(pitch, 1.0) / REFERENCE_HZ)
    own = semitones[voiced] if voiced.any() else np.zeros(1)
    together = voiced[1:] & voiced[:-1]
    steps = np.abs(np.diff(semitones))[together] if together.any() else np.array([UNVOICED_STEPS])
    edges = np.flatnonzero(np.diff(voiced.astype(np.int8), prepend=0, append=0)).reshape(-1, 2)
    lengths_s = np.diff(edges, axis=1) / RATE_HZ if len(edges) else np.zeros(1)
    return np.array([
        voiced.sum() / loud.sum(), np.median(own), own.std(), np.ptp(np.percentile(own, [10, 90])), np.median(steps),
        steps.mean(), lengths_s.mean(), lengths_s.max(), loud.mean(),
    ])
