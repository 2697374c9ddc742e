"""Small pictures of a face in one pose, from arrays, for a person who compares the shapes of two heads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..values.types import FloatArray
from .shape_align import Array, Index

SIZE_PX = 112
MIDDLE_MM = (0.0, 162.0)        # x and z of the picture's middle, on the lip sync test head
HALF_MM = 88.0                  # from the middle to an edge: brows to chin
SAMPLES = 90_000                # points that are drawn; some eight for each pixel
LIGHT = (-0.35, -0.85, 0.4)     # where it comes from
SKIN, MOVED = (0.80, 0.72, 0.66), (1.0, 0.45, 0.1)
FULL_MM = 4.0                   # a vertex that moves so far has the colour of what moved


@dataclass(frozen=True)
class SampledFace:
    """A face as points on its surface: rows (n,) of triangles (m, 3), and the shares (n, 3) of their corners."""

    points: Array
    triangles: Index
    rows: Index
    shares: Array

    @classmethod
    def of(cls, points: Array, triangles: Index) -> SampledFace:
        """Spread the samples evenly over the picture; points (n, 3) in millimetres as on the test head."""
        corners = points[triangles]
        facing = -np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])[:, 1]
        seen = (np.abs(corners.mean(axis=1)[:, [0, 2]] - MIDDLE_MM) < 1.2 * HALF_MM).all(axis=1)
        # Triangles that face away keep a tenth: a pose may turn some of them to the front.
        weights = np.where(seen, np.maximum(facing, 0.1 * np.abs(facing)), 0.0)
        random = np.random.default_rng(0)
        if not weights.sum():
            return cls(points, triangles, np.zeros(0, np.intp), np.zeros((0, 3)))
        rows = random.choice(len(triangles), SAMPLES, p=weights / weights.sum())
        return cls(points, triangles, rows, random.dirichlet((1.0, 1.0, 1.0), SAMPLES))

    def picture(self, moves: NDArray[np.floating]) -> FloatArray:
        """The face from the front with displacements (n, 3); what moved is tinted.

        Returns:
            (SIZE_PX, SIZE_PX, 4) float32, 0 to 1, the lowest row first.
        """
        moved = self.points + moves
        corners = moved[self.triangles[self.rows]]
        normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
        light = np.asarray(LIGHT) / np.linalg.norm(LIGHT)
        shade = 0.25 + 0.75 * np.maximum(normals @ light, 0)
        far = np.linalg.norm(np.asarray(moves, np.float64), axis=1)[self.triangles[self.rows]]
        tint = np.minimum((far * self.shares).sum(axis=1) / FULL_MM, 1)[:, None]
        colours = shade[:, None] * ((1 - tint) * SKIN + tint * np.asarray(MOVED))
        places = (corners * self.shares[:, :, None]).sum(axis=1)
        pixels = np.floor((places[:, [0, 2]] - MIDDLE_MM + HALF_MM) / (2 * HALF_MM) * SIZE_PX).astype(np.intp)
        inside = ((pixels >= 0) & (pixels < SIZE_PX)).all(axis=1) & (normals[:, 1] < 0)
        order = np.flatnonzero(inside)[np.argsort(-places[inside, 1], kind="stable")]      # the nearest last: it stays
        image = np.zeros((SIZE_PX, SIZE_PX, 4), np.float32)
        image[pixels[order, 1], pixels[order, 0]] = np.column_stack([colours[order], np.ones(len(order))])
        return _filled(image)


def _filled(image: FloatArray) -> FloatArray:
    """Holes of a pixel, which no sample met, take the mean of what is around them."""
    padded = np.pad(image, ((1, 1), (1, 1), (0, 0)))
    shifted = [padded[y:y + SIZE_PX, x:x + SIZE_PX] for y in range(3) for x in range(3)]
    around = np.stack(shifted).sum(axis=0)
    hole = (image[..., 3] == 0) & (around[..., 3] >= 5)
    return np.where(hole[..., None], around / np.maximum(around[..., 3:], 1), image).astype(np.float32)
