"""What is seen of lips: their distance on a real head, when they meet, when they move.

`opening` of the engine's lip contact is a formula; what a viewer sees is a mesh. On the ICT head, for example,
mouthFunnel alone parts the lips by .31 of what jawOpen does, which the formula leaves out. The table beside this file
holds what each shape does to five pairs of inner-lip vertices.
Sources: derivative dynamic time warping, Keogh and Pazzani (2001); its use for lips as in the mean temporal
misalignment of talking heads.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...values.types import FloatArray
from ..synth.phones import BILABIALS, VOWELS, Phone

TABLE = Path(__file__).parent / "lip_table.json"
PRESSED = -0.02  # a pair that overlaps further than this counts as so much: lips cannot pass through each other
SEARCH_S = 0.04  # beyond the phone's ends, where the lips may be shut instead
REACH_S = 0.2  # extrema further apart are not the same movement
LEAST_SWING = 0.15  # of the curve's range, from the extremum before: smaller ones are noise


def lip_gap(weights: FloatArray, channels: Sequence[str]) -> FloatArray:
    """Distance of the inner lips (n_frames,), 1 for jawOpen alone, 0 at rest: the mean of five pairs across the mouth.

    Args:
        weights: (n_frames, n_channels) of ARKit channels.
    """
    pairs = weights.astype(np.float64) @ _columns("gap", tuple(channels))
    return np.asarray(np.maximum(pairs, PRESSED).mean(axis=1))


def mouth_width(weights: FloatArray, channels: Sequence[str]) -> FloatArray:
    """Change of the distance of the mouth's corners (n_frames,), as a share of its width at rest."""
    return np.asarray(weights.astype(np.float64) @ _columns("width", tuple(channels))[:, 0])


@lru_cache(maxsize=8)
def _columns(kind: str, channels: tuple[str, ...]) -> FloatArray:
    """What each channel does, (n_channels, 5) or (n_channels, 1); channels that do not reach the lips do nothing."""
    table = json.loads(TABLE.read_text(encoding="utf-8"))[kind]
    nothing = np.zeros(np.size(table["jawOpen"]))
    return np.array([np.atleast_1d(table.get(name, nothing)) for name in channels], np.float64)


def closure_edges(
    opening: FloatArray, phones: Sequence[Phone], fps: float, shut_below: float
) -> Iterator[tuple[str, float, float]]:
    """Of every p, b and m between vowels on which the lips meet: the phone, and by how many ms they meet and part
    after its ends say.

    Negative is early. Times between frames are read off the straight line between them.

    Args:
        opening: (n_frames,) of the lips at fps.
    """
    last = len(opening) - 1
    for before, phone, after in zip(phones, phones[1:], phones[2:], strict=False):
        if phone.label not in BILABIALS or before.label not in VOWELS or after.label not in VOWELS:
            continue
        first = max(int(np.floor((phone.start_s - SEARCH_S) * fps)), 0)
        near = opening[first : int(np.ceil((phone.end_s + SEARCH_S) * fps)) + 1]
        if not near.size or near.min() >= shut_below:
            continue
        left = right = first + int(near.argmin())
        while left > 0 and opening[left - 1] < shut_below:
            left -= 1
        while right < last and opening[right + 1] < shut_below:
            right += 1
        meet = left - (_crossing(opening[left], opening[left - 1], shut_below) if left > 0 else 0.0)
        part = right + (_crossing(opening[right], opening[right + 1], shut_below) if right < last else 0.0)
        yield phone.label, 1000 * (meet / fps - phone.start_s), 1000 * (part / fps - phone.end_s)


def _crossing(inside: float, outside: float, level: float) -> float:
    """Part of a frame from the one below the level to where the line to the next reaches it."""
    return float((level - inside) / (outside - inside))


def matched_shifts_ms(ours: FloatArray, theirs: FloatArray, fps: float) -> FloatArray:
    """For each extremum of theirs the shift of ours in ms, positive where ours is late.

    Args:
        ours, theirs: (n,) at fps.
    """
    peaks = extrema(theirs)
    if not len(peaks):
        return np.zeros(0)
    path = _warped(_slope(ours), _slope(theirs), max(1, round(REACH_S * fps)))
    return np.array([1000 * (path[peak] - peak) / fps for peak in peaks])


def extrema(curve: FloatArray) -> NDArray[np.intp]:
    """Frames of the alternating highest and lowest points that are a real swing apart."""
    least = LEAST_SWING * (curve.max() - curve.min())
    turning = np.flatnonzero(np.diff(np.sign(np.diff(curve))) != 0) + 1
    kept: list[int] = []
    for frame in turning.tolist():
        if not kept or abs(curve[frame] - curve[kept[-1]]) >= least:
            kept.append(frame)
    return np.array(kept, np.intp)


def _slope(curve: FloatArray) -> FloatArray:
    """Keogh's derivative, scaled to the same size for every curve."""
    slope = np.gradient(curve)
    return np.asarray(slope / max(float(slope.std()), 1e-9))


def _warped(ours: FloatArray, theirs: FloatArray, reach: int) -> FloatArray:
    """For each frame of theirs the mean frame of ours that the cheapest monotonous path gives it."""
    n = len(theirs)
    total = np.full((n + 1, n + 1), np.inf)
    total[0, 0] = 0.0
    for i in range(1, n + 1):
        for j in range(max(1, i - reach), min(n, i + reach) + 1):
            cost = (theirs[i - 1] - ours[j - 1]) ** 2
            total[i, j] = cost + min(total[i - 1, j], total[i, j - 1], total[i - 1, j - 1])
    matched: list[list[int]] = [[] for _ in range(n)]
    i = j = n
    while i > 0 and j > 0:
        matched[i - 1].append(j - 1)
        step = int(np.argmin((total[i - 1, j - 1], total[i - 1, j], total[i, j - 1])))
        i, j = (i - 1, j - 1) if step == 0 else (i - 1, j) if step == 1 else (i, j - 1)
    return np.array([np.mean(frames) for frames in matched])
