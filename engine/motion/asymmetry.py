"""Let one side of a face move further than the other: a constant side of the person, and a little of each phrase.

What one side gains the other loses, so that lips which meet still meet. Knows ARKit channels.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..values.types import FloatArray, Motion
from .smooth import gaussian

# The weaker side of a smile moves by .88 to .91 of the stronger one (Darby 2020); the left one is the larger on average
# (Coulson 2002); a person's side is the same in all emotions (Schmidt 2006). How much it varies is our choice.
LEFT_CHANCE = 0.7
PERSON = (0.07, 0.14)       # difference of the sides, as a share of their mean
PHRASE = 0.04               # standard deviation of what each phrase adds
BROWS_MORE = 1.6            # brows differ more than the mouth does
CHANGE_S = 0.15             # standard deviation with which one phrase turns into the next
_MOVED = ("mouth", "brow", "cheek", "nose", "eyeSquint")


def two_sides(motion: Motion, amount: float, seed: int, pauses: Sequence[tuple[float, float]]) -> Motion:
    """Motion whose sides differ.

    Args:
        amount: 0 (as it is) over 1 (as people's faces) to 2. seed: of the person and its phrases.
        pauses: first and last second of each pause of the voice, between which the phrases lie.
    """
    if not amount:
        return motion
    weights = motion.weights.copy()
    difference = amount * side_difference(seed, pauses, len(weights), motion.fps)
    for column, name in enumerate(motion.channels):
        other = name.removesuffix("Left") + "Right"
        if not name.startswith(_MOVED) or not name.endswith("Left") or other not in motion.channels:
            continue
        pair = column, motion.channels.index(other)
        mean = weights[:, pair].mean(axis=1)
        more = mean * difference * (BROWS_MORE if name.startswith("brow") else 1) / 2
        # neither side may leave 0..1, or the mean would change
        left, right = (weights[:, side] for side in pair)
        room_up = np.minimum(1 - left, right).clip(0)
        room_down = np.minimum(left, 1 - right).clip(0)
        moved = np.clip(more, -room_down, room_up)
        weights[:, pair[0]] += moved
        weights[:, pair[1]] -= moved
    return replace(motion, weights=weights)


def side_difference(seed: int, pauses: Sequence[tuple[float, float]], n_frames: int, fps: float) -> FloatArray:
    """How much further the left side moves (n_frames,), as a share of the mean of both; below 0 the right one does."""
    random = np.random.default_rng([seed & 0xFFFFFFFF, zlib.crc32(b"sides")])
    side = 1 if random.random() < LEFT_CHANCE else -1
    own = side * random.uniform(*PERSON)
    difference = np.full(n_frames, own + random.normal() * PHRASE, np.float32)
    for start, stop in pauses:
        middle = int((start + stop) / 2 * fps)
        difference[middle:] = own + random.normal() * PHRASE
    return gaussian(difference[:, None], max(CHANGE_S * fps, 0.3))[:, 0]
