"""When a curve's extrema come against another curve's: mean shift of matched extrema by derivative dynamic time warping.

Source: derivative dynamic time warping, Keogh and Pazzani (2001); its use for lip motion as in the mean temporal misalignment of talking heads.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[Any]

REACH_S = 0.2  # extrema further apart are not the same movement
LEAST_SWING = 0.15  # of the curve's range, from the extremum before: smaller ones are noise


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
