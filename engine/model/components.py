"""How many PCA components a clip of a vertex head needs, and how the head's neutral face lies on an animator's mesh."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..values.types import FloatArray

CHUNK_FRAMES = 64           # frames whose vertices are in memory at a time: 18 MB for 23,370 vertices
TRIED_FRAMES = 64           # frames with the most motion, on which the number of components is looked for


@dataclass(frozen=True)
class Placement:
    """How displacements of the head become displacements of a mesh.

    Attributes:
        scale, rotation: factor, and matrix (3, 3).
        misfit: mean distance of the two neutral faces once they lie on each other, as a share of the mesh's size.
    """

    scale: float
    rotation: FloatArray
    misfit: float

    def place(self, displacements: FloatArray) -> FloatArray:
        """(..., n) flat -> (..., n / 3, 3) in the mesh's units and axes."""
        points = displacements.reshape(*displacements.shape[:-1], -1, 3)
        return np.asarray(points @ (self.scale * self.rotation.T), np.float32)


def fit_placement(neutral: FloatArray, mesh: FloatArray) -> Placement:
    """The similarity transform that lays the head's neutral face on a mesh, by least squares.

    Args:
        neutral, mesh: (n, 3) vertices in the same order.
    Source: Umeyama 1991, without mirror images.
    """
    from_centre, to_centre = neutral - neutral.mean(0), mesh - mesh.mean(0)
    size = float(np.linalg.norm(np.ptp(mesh, axis=0)))
    spread = float((from_centre.astype(np.float64) ** 2).sum())
    if spread == 0 or size == 0:
        return Placement(1.0, np.eye(3, dtype=np.float32), 0.0)
    left, stretch, right = np.linalg.svd(to_centre.T.astype(np.float64) @ from_centre)
    signs = np.array([1.0, 1.0, np.sign(np.linalg.det(left @ right))])
    rotation = left * signs @ right
    scale = float((stretch * signs).sum() / spread)
    misfit = float(np.linalg.norm(to_centre - scale * from_centre @ rotation.T, axis=1).mean() / size)
    return Placement(scale, rotation.astype(np.float32), misfit)


def components_needed(
    coefficients: FloatArray, components: FloatArray, tolerance: float, at_least: int = 1,
) -> tuple[int, float]:
    """The first components that reach a tolerance.

    Args:
        coefficients: (n_frames, k); components: (k, n) of flat vertices.
        tolerance: the largest distance that any vertex may be off on any frame, in the head's units.
        at_least: so many are taken anyway, 1 or more.
    Returns:
        How many components, and the largest distance that is left.
    """
    motion = np.linalg.norm(coefficients * np.linalg.norm(components, axis=1), axis=1)
    tried = coefficients[np.argsort(motion)[-TRIED_FRAMES:]]
    low, high = min(at_least, len(components)), len(components)
    while low < high:
        middle = (low + high) // 2
        if _left_out(tried, components, middle) <= tolerance:
            high = middle
        else:
            low = middle + 1
    number = low
    while (error := _left_out(coefficients, components, number)) > tolerance and number < len(components):
        number = min(len(components), number + max(1, number // 8))
    return number, error


def _left_out(coefficients: FloatArray, components: FloatArray, number: int) -> float:
    """The largest distance of a vertex that the components after the first `number` make."""
    worst = 0.0
    for first in range(0, len(coefficients), CHUNK_FRAMES):
        rest = coefficients[first:first + CHUNK_FRAMES, number:] @ components[number:]
        worst = max(worst, float((rest.reshape(-1, 3) ** 2).sum(1).max(initial=0.0)))
    return float(np.sqrt(worst))
