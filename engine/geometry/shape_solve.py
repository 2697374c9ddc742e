"""From moving vertices to slider values: the keys of a mesh whose vertices a head or a capture of its topology moves.

For FLAME, VOCASET and other heads that give vertices, where the mesh has shape keys that an animator would rather edit.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..values.errors import RigError, SettingError
from ..values.messages import number_of
from ..values.types import FloatArray
from .shape_align import Array

Moves = NDArray[np.floating[Any]]

ROUNDS = 400                    # of coordinate descent, at most
SETTLED = 1e-5                  # of a slider; smaller changes end it
CHUNK_FRAMES = 256              # frames whose vertices are compared at a time


def solve_weights(
    displacements: Moves, keys: Moves, smooth: float = 0.0, highest: float = 1.0,
) -> tuple[FloatArray, FloatArray]:
    """Slider values from 0 to highest that move the keys' vertices nearest to the given ones, by least squares.

    Args:
        displacements: (n_frames, n, 3) from the neutral face, in the units and axes of the keys.
        keys: (n_keys, n, 3) displacements of each key at 1.
        smooth: 0 takes each frame alone; 1 weighs a change from frame to frame as much as a key of common size.
    Returns:
        Values (n_frames, n_keys) float32, and the share of each frame's movement that they leave out (n_frames,).
    Raises:
        RigError: no key moves a vertex, or the numbers of vertices differ. SettingError: smooth or highest below 0.
    """
    if smooth < 0 or highest <= 0:
        raise SettingError(f"Smoothing must be 0 or more and the highest value above 0, got {smooth} and {highest}.")
    if displacements.shape[1:] != keys.shape[1:]:
        raise RigError(
            f"The motion has {displacements.shape[1]} vertices, the shape keys have {keys.shape[1]}. "
            "Pick the mesh that the motion was made for."
        )
    flat = keys.reshape(len(keys), -1).astype(np.float64)
    gram = flat @ flat.T
    sizes = np.diag(gram)
    if not sizes.any():
        raise RigError(
            f"Of {number_of(len(keys), 'shape key')} none moves a vertex, so nothing can be solved for. "
            "Pick a mesh whose keys are modelled."
        )
    wanted, energy = np.empty((len(keys), len(displacements))), np.empty(len(displacements))
    for first in range(0, len(displacements), CHUNK_FRAMES):
        part = displacements[first:first + CHUNK_FRAMES].reshape(-1, flat.shape[1]).astype(np.float64)
        wanted[:, first:first + CHUNK_FRAMES], energy[first:first + CHUNK_FRAMES] = flat @ part.T, (part**2).sum(1)
    values = _descend(gram, wanted, smooth * float(np.median(sizes[sizes > 0])), highest)
    left = energy - 2 * (values * wanted).sum(0) + (values * (gram @ values)).sum(0)
    share = np.sqrt(np.maximum(left, 0.0) / np.where(energy > 0, energy, np.inf))
    return np.asarray(values.T, np.float32), np.asarray(share, np.float32)


def _descend(gram: Array, wanted: Array, tie: float, highest: float) -> Array:
    """Coordinate descent in bounds over (n_keys, n_frames), even and odd frames in turn so that neighbours settle."""
    values = np.zeros_like(wanted)
    n_frames = wanted.shape[1]
    neighbours = np.full(n_frames, 2.0)
    neighbours[[0, -1]] = 1.0 if n_frames > 1 else 0.0
    for _ in range(ROUNDS):
        change = 0.0
        for key in np.flatnonzero(np.diag(gram) > 0):
            for start in (0, 1) if tie else (None,):
                frames = slice(start, None, 2 if tie else 1)
                beside = _beside(values[key])[frames]
                others = gram[key] @ values[:, frames] - gram[key, key] * values[key, frames]
                pull = wanted[key, frames] - others + tie * beside
                better = np.clip(pull / (gram[key, key] + tie * neighbours[frames]), 0.0, highest)
                change = max(change, float(np.abs(better - values[key, frames]).max(initial=0.0)))
                values[key, frames] = better
        if change < SETTLED:
            break
    return values


def _beside(row: Array) -> Array:
    """Sum of the values before and after each frame."""
    total = np.zeros_like(row)
    total[1:] += row[:-1]
    total[:-1] += row[1:]
    return total
