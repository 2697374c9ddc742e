"""How hard a voice tries: what of its sound says so however loud the recording is.

A raised voice is higher and its upper partials grow; a whisper has no pitch. Level counts only against the rest of the
clip, since nobody knows how far away the microphone was.
Source: spectral balance and pitch rise with vocal effort (Traunmueller and Eriksson 2000). The amounts are ours, from
recordings and their versions that were made shouts and whispers by signal processing.
"""

from __future__ import annotations

import hashlib

import numpy as np

from ..values.cache import Cache
from ..values.types import SAMPLE_RATE_HZ, BoolArray, FloatArray, Waveform
from .level import BLOCK, block_power
from .pitch import RATE_HZ, pitch_hz

LOW_HZ, HIGH_HZ = (80.0, 700.0), (1000.0, 4000.0)   # whose balance is the tilt
CALM_TILT_DB = -11.5        # of the voiced frames of calm speech, from -17 to -6
CALM_SEMITONES = 6.0        # above 100 Hz: between men and women
PITCH_DB = 0.4              # what a semitone counts beside a decibel of tilt
LOUD_DB = 20.0              # below the loudest frame: what is quieter says nothing
AROUND_S = 0.8              # standard deviation of what counts as the same effort
PRIOR_FRAMES = 25.0         # of voice that count for the whole clip where little is voiced around
LEAST_VOICED, MOST_VOICED = 0.35, 0.65      # share of the loud frames: a whisper, and a voice
WHISPER_DB = -8.0
SILENT_DB = -70.0           # of the loudest frame: nobody is heard
CHUNK_FRAMES = 3000         # a minute at a time: memory does not grow with the clip
CACHE_BYTES = 4 * 2**20

_clips: Cache[FloatArray] = Cache(CACHE_BYTES)


def effort_db(wave: Waveform) -> FloatArray:
    """How much harder than calmly the voice is used (n,) at RATE_HZ, in decibels of spectral tilt; 0 where nobody is
    heard.

    A shout has 7 or more, a calm voice -5 to 5, a whisper counts as WHISPER_DB or less. Recent clips are cached.
    """
    key = hashlib.blake2b(np.ascontiguousarray(wave.samples).data, digest_size=16).hexdigest()
    found = _clips.get(key)
    if found is None:
        found = _effort_db(wave)
        _clips.put(key, found, found.nbytes)
    return found


def _effort_db(wave: Waveform) -> FloatArray:
    power = block_power(wave)
    level = 10 * np.log10(np.maximum(power, 1e-12))
    loud = level > level.max(initial=-120.0) - LOUD_DB
    pitch = pitch_hz(wave, len(power))
    voiced = loud & (pitch > 0)
    if not voiced.any():
        return np.full(len(power), 0.0 if not loud.any() or level.max() < SILENT_DB else WHISPER_DB, np.float32)
    semitones = 12 * np.log2(np.maximum(pitch, 1.0) / 100) - CALM_SEMITONES
    own = tilt_db(wave, len(power)) - CALM_TILT_DB + PITCH_DB * semitones
    tried = _mean_around(own, voiced, float(own[voiced].mean()))
    share = _mean_around(voiced.astype(np.float64), loud, float(voiced.sum() / loud.sum()))
    whispered = np.clip((MOST_VOICED - share) / (MOST_VOICED - LEAST_VOICED), 0, 1)
    return np.asarray((1 - whispered) * tried + whispered * WHISPER_DB, np.float32)


def tilt_db(wave: Waveform, n_frames: int) -> FloatArray:
    """How much stronger the upper partials are than the lower ones (n_frames,), frames of 40 ms at RATE_HZ."""
    levels = np.zeros(n_frames)
    window = np.hanning(2 * BLOCK)
    hz = np.fft.rfftfreq(2 * BLOCK, 1 / SAMPLE_RATE_HZ)
    bands = [(hz > low) & (hz < high) for low, high in (LOW_HZ, HIGH_HZ)]
    for first in range(0, n_frames, CHUNK_FRAMES):
        last = min(first + CHUNK_FRAMES, n_frames)
        start, stop = first * BLOCK - BLOCK // 2, last * BLOCK + BLOCK // 2
        part = np.pad(wave.samples[max(start, 0):stop], (max(-start, 0), max(stop - len(wave.samples), 0)))
        frames = np.lib.stride_tricks.sliding_window_view(part, 2 * BLOCK)[::BLOCK]
        power = np.abs(np.fft.rfft(frames * window, axis=1)) ** 2 + 1e-9
        low, high = (10 * np.log10(power[:, band].sum(axis=1)) for band in bands)
        levels[first:last] = high - low
    return levels


def _mean_around(values: FloatArray, counted: BoolArray, clip_mean: float) -> FloatArray:
    """Mean (n,) of the counted values near each frame, the clip's own where few count."""
    sums, counts = (_sum_around(track) for track in (np.where(counted, values, 0.0), counted.astype(np.float64)))
    return np.asarray((sums + PRIOR_FRAMES * clip_mean) / (counts + PRIOR_FRAMES))


def _sum_around(values: FloatArray) -> FloatArray:
    """Sum (n,) over a soft window of AROUND_S, 1 at its middle."""
    reach = round(3 * AROUND_S * RATE_HZ)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / (AROUND_S * RATE_HZ)) ** 2)
    return np.convolve(np.pad(values, reach), kernel, "valid")
