"""The outline of a sound at every zoom: lowest and highest sample per pixel, from blocks measured once. No Blender."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BLOCK = 40              # samples of the finest level: 2.5 ms at 16 kHz, a sixteenth of a frame at 24 frames a second
STEP = 4                # each level's blocks are so many of the finer one's

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Peaks:
    """levels[k] is (n, 2): lowest and highest sample of each block of BLOCK * STEP**k samples."""

    levels: tuple[Array, ...]
    rate_hz: int

    def columns(self, from_s: float, seconds_per_column: float, count: int) -> Array:
        """Lowest and highest sample (count, 2) of each of count columns; silence outside the sound.

        Args:
            from_s: second on which the first column begins. seconds_per_column: above 0.
        """
        samples_per_column = seconds_per_column * self.rate_hz
        level = 0
        while level + 1 < len(self.levels) and BLOCK * STEP ** (level + 1) <= samples_per_column:
            level += 1
        blocks, block = self.levels[level], BLOCK * STEP**level
        edges = np.floor((from_s * self.rate_hz + samples_per_column * np.arange(count + 1)) / block).astype(np.int64)
        found = np.zeros((count, 2), np.float32)
        inside = np.flatnonzero((edges[1:] > 0) & (edges[:-1] < len(blocks))) if len(blocks) else np.zeros(0, np.int64)
        if len(inside):
            first, last = inside[0], inside[-1]
            starts = edges[first:last + 1].clip(0, len(blocks) - 1)
            end = int(min(len(blocks), max(edges[last + 1], starts[-1] + 1)))
            found[first:last + 1, 0] = np.minimum.reduceat(blocks[:end, 0], starts)
            found[first:last + 1, 1] = np.maximum.reduceat(blocks[:end, 1], starts)
        return found


def measure(samples: Array, rate_hz: int) -> Peaks:
    """The peaks of a mono sound (n,)."""
    whole = np.pad(samples, (0, -len(samples) % BLOCK)).reshape(-1, BLOCK)
    levels = [np.zeros((0, 2), np.float32)]
    if len(whole):
        levels = [np.stack([whole.min(1), whole.max(1)], 1).astype(np.float32)]
    while len(levels[-1]) > 2 * STEP:
        finer = levels[-1]
        rows = np.pad(finer, ((0, -len(finer) % STEP), (0, 0)), mode="edge").reshape(-1, STEP, 2)
        levels.append(np.stack([rows[..., 0].min(1), rows[..., 1].max(1)], 1))
    return Peaks(tuple(levels), rate_hz)
