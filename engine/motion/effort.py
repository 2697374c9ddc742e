"""Let a mouth open further for a voice that tries harder, less for a whisper, and further and longer on stressed words.

Scales the jaw and what parts the lips, and mouthClose with the jaw; pucker and funnel stay. Knows ARKit motion.
Source: measured lips open 1.2 to 1.5 times as far in anger and joy, .8 to .95 times in sadness and indifference;
measured jaws open 1.2 to 1.4 times as far on words with contrastive stress, for longer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ..values.types import BoolArray, FloatArray, Motion
from .smooth import smooth_step

CALM_FROM_DB, SHOUT_DB = 4.0, 13.0      # effort from which a voice counts as raised, and as shouting
SHOUT_FACTOR = 1.35                     # of a shout's opening
PER_DB = 0.012                          # of the opening, below and above calm
LEAST_DB, MOST_DB = -8.0, 8.0           # within which PER_DB counts
STRESS_WIDER = 0.35     # of the opening at an emphasis of 1
STRESS_HOLD_S = 0.05    # to each side, over which the widest opening holds at an emphasis of 1 or more
STRESS_EASE_S = 0.08    # before and after a word, within which its emphasis comes and goes
OPENING = (
    "jawOpen", "mouthClose", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthUpperUpLeft", "mouthUpperUpRight",
    "mouthStretchLeft", "mouthStretchRight",
)

Span = tuple[float, float, float]       # first and last second, emphasis


def opening_factor(effort_db: FloatArray) -> FloatArray:
    """By how much the mouth opens further, for efforts (n,) of audio/effort.py."""
    raised = np.clip((effort_db - CALM_FROM_DB) / (SHOUT_DB - CALM_FROM_DB), 0, 1)
    slope = 1 + PER_DB * np.clip(effort_db, LEAST_DB, MOST_DB)
    return np.asarray(slope * (1 + (SHOUT_FACTOR - 1) * raised * raised * (3 - 2 * raised)), np.float32)


def follow_effort(motion: Motion, factor: FloatArray, rest: FloatArray | None = None) -> Motion:
    """ARKit motion with an opening scaled by a factor on each frame (n_frames,).

    Args:
        rest: (n_channels,) of a head that does not rest at 0, from which the scaling counts.
    """
    columns = [column for column, name in enumerate(motion.channels) if name in OPENING]
    if not columns or (factor == 1).all():
        return motion
    weights = motion.weights.copy()
    still = np.zeros(len(columns), np.float32) if rest is None else rest[columns]
    weights[:, columns] = still + (weights[:, columns] - still) * factor[:, None]
    return replace(motion, weights=weights)


def emphasise(motion: Motion, spans: Sequence[Span], closed: BoolArray) -> Motion:
    """Motion with stressed spans; the motion itself where there are none.

    Args:
        closed: (n_frames,) where the lips touch: no opening is held across.
    """
    columns = [column for column, name in enumerate(motion.channels) if name in OPENING]
    amounts = _amounts(spans, np.arange(len(motion.weights)) / motion.fps)
    if not columns or not amounts.any():
        return motion
    weights = motion.weights.copy()
    opening = weights[:, columns]
    held = _held(np.where(closed[:, None], 0, opening), round(STRESS_HOLD_S * motion.fps))
    held = np.where(closed[:, None], opening, held)
    opening += np.minimum(amounts, 1)[:, None] * (held - opening)
    weights[:, columns] = opening * (1 + STRESS_WIDER * amounts)[:, None]
    return replace(motion, weights=weights)


def _amounts(spans: Sequence[Span], seconds: NDArray[np.float64]) -> FloatArray:
    amounts = np.zeros(len(seconds), np.float32)
    for start_s, end_s, amount in spans:
        outside_s = np.maximum(np.maximum(start_s - seconds, seconds - end_s), 0)
        amounts = np.maximum(amounts, amount * smooth_step(np.clip(1 - outside_s / STRESS_EASE_S, 0, 1)))
    return np.asarray(amounts, np.float32)


def _held(opening: FloatArray, reach: int) -> FloatArray:
    """The widest of each channel within some frames to both sides."""
    padded = np.pad(opening, ((reach, reach), (0, 0)), mode="edge")
    return np.asarray(sliding_window_view(padded, 2 * reach + 1, axis=0).max(axis=-1))
