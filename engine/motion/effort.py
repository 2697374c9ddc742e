"""Let a mouth open further for a voice that tries harder, and less for a whisper.

Scales the jaw and what parts the lips, and mouthClose with the jaw; pucker and funnel stay. Knows ARKit motion.
Source: measured lips open 1.2 to 1.5 times as far in anger and joy, .8 to .95 times in sadness and indifference.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..values.types import FloatArray, Motion

CALM_FROM_DB, SHOUT_DB = 4.0, 13.0      # effort from which a voice counts as raised, and as shouting
SHOUT_FACTOR = 1.35                     # of a shout's opening
PER_DB = 0.012                          # of the opening, below and above calm
LEAST_DB, MOST_DB = -8.0, 8.0           # within which PER_DB counts
_SCALED = (
    "jawOpen", "mouthClose", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthUpperUpLeft", "mouthUpperUpRight",
    "mouthStretchLeft", "mouthStretchRight",
)


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
    columns = [column for column, name in enumerate(motion.channels) if name in _SCALED]
    if not columns or (factor == 1).all():
        return motion
    weights = motion.weights.copy()
    still = np.zeros(len(columns), np.float32) if rest is None else rest[columns]
    weights[:, columns] = still + (weights[:, columns] - still) * factor[:, None]
    return replace(motion, weights=weights)
