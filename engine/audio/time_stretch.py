"""Speech at another pace with its own pitch: what the model hears of a strip whose speed was changed.

Blender changes the pitch together with the speed by default, and a voice an octave too low is none that a model knows.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..values.types import FloatArray

HOP_S = 0.010           # between two pieces of the result
PIECE_S = 0.030         # a piece holds some periods of the deepest voice, and less than a short sound
SEARCH_S = 0.008        # a piece may come from so much earlier or later, to fit the last one: one period at 60 Hz
STANDS_BELOW = 0.05     # of the natural pace: slower is a freeze, which is silent
CORRELATE_AT = 4        # every so many samples are enough to find where a piece fits


def stretch(samples: FloatArray, rate_hz: int, clock_s: NDArray[np.float64], step_s: float) -> FloatArray:
    """Play sound along a clock of its own.

    Args:
        samples: (n, channels).
        clock_s: (m,) which second of the sound is played at 0, step_s, 2 step_s ... of the result; rising, or holding.
    Returns:
        (k, channels) float32, k = m * step_s * rate_hz. Holds are silent.
    Source: Verhelst and Roelands, WSOLA, 1993: pieces overlap, each taken from where it fits best to the one before.
    """
    n_out = round(len(clock_s) * step_s * rate_hz)
    hop, piece, search = (round(seconds * rate_hz) for seconds in (HOP_S, PIECE_S, SEARCH_S))
    starts = np.arange(0, n_out + piece, hop)
    times_s = np.minimum((starts + piece / 2) / rate_hz, len(clock_s) * step_s)
    sources = np.interp(times_s, np.arange(len(clock_s)) * step_s, clock_s) * rate_hz - piece / 2
    moves = np.gradient(sources) >= STANDS_BELOW * hop
    pad = piece + search
    padded = np.pad(samples.astype(np.float32, copy=False), ((pad, pad + piece + hop), (0, 0)))
    mono = padded.mean(axis=1)
    window = np.hanning(piece + 1)[:piece].astype(np.float32)[:, None]
    result = np.zeros((len(starts) * hop + piece, samples.shape[1]), np.float32)
    weight = np.zeros((len(result), 1), np.float32)
    expected = -1
    for start, source, is_moving in zip(starts, sources, moves, strict=True):
        weight[start:start + piece] += window
        place = int(np.clip(round(float(source)), -pad, len(samples))) + pad
        if not is_moving:
            expected = -1
            continue
        if expected >= 0 and expected != place:
            place = _best(mono, place, expected, piece, search)
        result[start:start + piece] += window * padded[place:place + piece]
        expected = min(place + hop, len(padded) - piece)
    return np.asarray(result[:n_out] / np.maximum(weight[:n_out], 1e-3), np.float32)


def _best(mono: FloatArray, place: int, expected: int, piece: int, search: int) -> int:
    """The start near `place` from which the sound is most alike what would follow the last piece."""
    low = max(place - search, 0)
    high = min(place + search, len(mono) - piece)
    if high <= low:
        return max(0, min(place, len(mono) - piece))
    target = mono[expected:expected + piece:CORRELATE_AT]
    around = mono[low:high + piece]
    views = np.lib.stride_tricks.sliding_window_view(around, piece)[:, ::CORRELATE_AT]
    alike = views @ target / np.sqrt(np.einsum("ij,ij->i", views, views) + 1e-6)
    return low + int(np.argmax(alike))
