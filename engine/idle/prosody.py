"""How something is said: when the voice speaks and pauses, how high it is, which syllables it stresses.

Knows sound alone. Each moment is judged by what lies within PAST_S before and FUTURE_S after it, so that a part of a
clip does not depend on what comes much later.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..audio.level import block_power
from ..audio.pitch import RATE_HZ, pitch_hz
from ..motion.smooth import SILENCE_DBFS, gaussian, runs
from ..values.cache import Cache
from ..values.types import BoolArray, FloatArray, Waveform

PAST_S, FUTURE_S = 8.0, 2.0     # by which a moment is judged loud or high
SPEECH_BELOW_PEAK_DB = 25.0     # what is quieter than the loudest speech around by more is a pause ...
SPEECH_ABOVE_FLOOR_DB = 6.0     # ... and so is what barely rises above the noise around
LEAST_RANGE_DB = 6.0            # sound that never falls so far is speech all along
LEAST_PAUSE_S = 0.16            # shorter gaps are closures of stops
LEAST_SPEECH_S = 0.06           # shorter bursts are clicks
SYLLABLE_S = 0.04               # standard deviation of the loudness envelope whose tops are syllables
STRESS_REACH_S = 0.4            # a stressed syllable stands out among those so near
STRESS_DB, STRESS_SEMITONES = 8.0, 5.0      # above what is usual around, that make a full stress each
STRESSED_FROM = 0.2             # strength at which a syllable counts as stressed
ONSET_DB = 6.0                  # a syllable begins where it is so much quieter than at its top ...
ONSET_REACH_S = 0.25            # ... within so long before it
CACHE_BYTES = 16 * 2**20


@dataclass(frozen=True)
class Stress:
    """A stressed syllable: its loudest or highest moment in seconds, how strong it is, 0 to 1, and when it begins."""

    second: float
    strength: float
    start_s: float


@dataclass(frozen=True)
class Prosody:
    """What a clip says besides its words.

    Attributes:
        speaking: (n,) at RATE_HZ.
        pauses: first and last second of each stretch without speech, in order, those at the ends of the clip too.
        semitones: (n,) how much higher the voice is than usual around; 0 where it has no pitch.
        stresses: in order.
    """

    speaking: BoolArray
    pauses: tuple[tuple[float, float], ...]
    semitones: FloatArray
    stresses: tuple[Stress, ...]


_clips: Cache[Prosody] = Cache(CACHE_BYTES)


def prosody(wave: Waveform) -> Prosody:
    """The prosody of a clip; that of recent clips is cached."""
    key = hashlib.blake2b(np.ascontiguousarray(wave.samples).data, digest_size=16).hexdigest()
    cached = _clips.get(key)
    if cached is not None:
        return cached
    level = np.asarray(10 * np.log10(np.maximum(block_power(wave), 1e-12)), np.float32)
    speaking = _speaking(level)
    semitones = _semitones(wave, speaking)
    measured = Prosody(speaking, _pauses(speaking), semitones, _stresses(level, speaking, semitones))
    _clips.put(key, measured, 8 * len(level))
    return measured


def _speaking(level: FloatArray) -> BoolArray:
    """Frames (n,) with speech: near the loudest level around, and above the quietest; without short gaps and bursts."""
    calm = gaussian(level[:, None], 2.0)[:, 0]
    peak, floor = _around(calm, np.max), _around(calm, np.min)
    threshold = np.maximum(peak - SPEECH_BELOW_PEAK_DB, floor + SPEECH_ABOVE_FLOOR_DB)
    threshold = np.minimum(threshold, peak - LEAST_RANGE_DB)
    speaking = np.asarray((level > threshold) & (level > SILENCE_DBFS))
    speaking = ~_without_short(~speaking, LEAST_PAUSE_S)
    return _without_short(speaking, LEAST_SPEECH_S)


def _around(values: FloatArray, pick: object) -> FloatArray:
    """The largest or smallest value (n,) from PAST_S before to FUTURE_S after each frame."""
    past, future = round(PAST_S * RATE_HZ), round(FUTURE_S * RATE_HZ)
    padded = np.pad(values, (past, future), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, past + future + 1)
    return np.asarray(windows.max(axis=1) if pick is np.max else windows.min(axis=1), np.float32)


def _without_short(mask: BoolArray, least_s: float) -> BoolArray:
    """The mask without its runs shorter than least_s; runs at the ends stay."""
    left = mask.copy()
    for start, stop in runs(mask):
        if stop - start < least_s * RATE_HZ and start > 0 and stop < len(mask):
            left[start:stop] = False
    return left


def _pauses(speaking: BoolArray) -> tuple[tuple[float, float], ...]:
    return tuple((start / RATE_HZ, stop / RATE_HZ) for start, stop in runs(~speaking))


def _semitones(wave: Waveform, speaking: BoolArray) -> FloatArray:
    """Pitch (n,) in semitones above the mean of the voiced frames around; 0 where the voice has none."""
    pitch = pitch_hz(wave, len(speaking))
    voiced = (pitch > 0) & speaking
    tones = np.where(voiced, 12 * np.log2(np.maximum(pitch, 1.0)), 0)
    padded = np.pad(np.where(voiced, tones, np.nan), 2, constant_values=np.nan)
    near = np.lib.stride_tricks.sliding_window_view(padded, 5)
    tones[voiced] = np.nanmedian(near[voiced], axis=1)        # single frames may be an octave off
    return np.where(voiced, tones - _mean_around(tones, voiced), 0).astype(np.float32)


def _mean_around(values: NDArray[np.floating], counted: BoolArray) -> NDArray[np.float64]:
    """Mean (n,) of the counted values around each frame; 0 where there are none."""
    past, future = round(PAST_S * RATE_HZ), round(FUTURE_S * RATE_HZ)
    sums = np.concatenate([[0.0], np.cumsum(np.where(counted, values, 0), dtype=np.float64)])
    counts = np.concatenate([[0], np.cumsum(counted)])
    frames = np.arange(len(values))
    low, high = np.maximum(frames - past, 0), np.minimum(frames + future + 1, len(values))
    return np.asarray((sums[high] - sums[low]) / np.maximum(counts[high] - counts[low], 1))


def _stresses(level: FloatArray, speaking: BoolArray, semitones: FloatArray) -> tuple[Stress, ...]:
    """Syllables that are louder or higher than those around."""
    envelope = gaussian(level[:, None], SYLLABLE_S * RATE_HZ)[:, 0]
    tone = gaussian(semitones[:, None], SYLLABLE_S * RATE_HZ)[:, 0]
    louder = (envelope - _mean_around(envelope, speaking)) / STRESS_DB
    strength = np.where(speaking, (0.6 * louder + 0.6 * tone / STRESS_SEMITONES).clip(0, 1), 0)
    reach = round(STRESS_REACH_S * RATE_HZ)
    best = np.lib.stride_tricks.sliding_window_view(np.pad(strength, reach), 2 * reach + 1).max(axis=1)
    tops = np.flatnonzero((strength == best) & (strength > STRESSED_FROM))
    tops = tops[np.diff(tops, prepend=-reach) > 1]       # of a flat top the first frame
    starts = [_start(envelope, int(top)) for top in tops]
    return tuple(
        Stress(float(top) / RATE_HZ, float(strength[top]), start / RATE_HZ)
        for top, start in zip(tops, starts, strict=True)
    )


def _start(envelope: FloatArray, top: int) -> int:
    """The frame on which a syllable begins; the reach before its top where its loudness does not tell."""
    first = max(0, top - round(ONSET_REACH_S * RATE_HZ))
    quiet = np.flatnonzero(envelope[first:top] < envelope[top] - ONSET_DB)
    return first + int(quiet[-1]) if len(quiet) else first
