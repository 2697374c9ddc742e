"""Show one mouth shape at a time, each for a few frames, as in drawn animation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..values.types import FloatArray

SWITCH_COST = 0.15          # of a change of shape, in frames of a full shape: lower, and shapes that look alike flicker
MUST_SHOW = 10.0            # a closure counts so many full frames, so that no p, b or m is skipped


def hold(weights: FloatArray, frames: int, must_show: NDArray[np.intp]) -> FloatArray:
    """Weights (n_shapes, n_frames) as 0 or 1, one shape at a time, each run at least `frames` long.

    Args:
        weights: how well each shape shows each frame, 0 to 1.
        must_show: frames on which the best shape has to be seen: the moments when lips touch.
    Returns:
        The best such sequence: the largest sum of shown weights less SWITCH_COST a change. A clip shorter than `frames`
        is one run.
    Source: dynamic programming over the ends of runs.
    """
    n_shapes, n_frames = weights.shape
    if not n_frames:
        return weights.copy()
    least = max(min(frames, n_frames), 1)
    gain = weights.T.astype(np.float64).copy()
    gain[must_show, gain[must_show].argmax(axis=1)] += MUST_SHOW * least
    total = np.concatenate([np.zeros((1, n_shapes)), np.cumsum(gain, axis=0)])
    # best sum of the first t frames when a run of shape k, long enough, ends there; and the shape before that run: -2
    # where it goes on, -1 at the start
    best = np.full((n_frames + 1, n_shapes), -np.inf)
    before = np.full((n_frames + 1, n_shapes), -2, np.int64)
    best[least] = total[least]
    before[least] = -1
    for t in range(least + 1, n_frames + 1):
        best[t] = best[t - 1] + gain[t - 1]
        start = t - least
        if start >= least:
            source, value = _best_others(best[start])
            fresh = value - SWITCH_COST + total[t] - total[start]
            better = fresh > best[t]
            best[t, better], before[t, better] = fresh[better], source[better]
    return _shown(best, before, least, n_frames)


def _best_others(scores: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """For each shape the best of the other shapes, and its score."""
    first = int(scores.argmax())
    others = np.where(np.arange(len(scores)) == first, -np.inf, scores)
    source = np.full(len(scores), first)
    source[first] = int(others.argmax())
    return source, np.where(np.arange(len(scores)) == first, others.max(), scores[first])


def _shown(best: NDArray[np.float64], before: NDArray[np.int64], least: int, n_frames: int) -> FloatArray:
    shown = np.zeros((best.shape[1], n_frames), np.float32)
    end = n_frames
    shape = int(best[end].argmax())
    while end > 0:
        while before[end, shape] == -2:
            shown[shape, end - 1] = 1
            end -= 1
        previous = int(before[end, shape])
        start = end - least if previous >= 0 else 0
        shown[shape, start:end] = 1
        end, shape = start, previous
    return shown
