"""The whole head as one cloud of vertices in millimetres, and where its features lie: what other heads are compared with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from .form import Array
from .model import MILLIMETRE, build_head

# Features that anybody finds on a face: (x, y, z) in mm; left is the head's own left.
LANDMARKS = {
    "Mouth Corner Left": (25.5, -94.2, 131.0), "Mouth Corner Right": (-25.5, -94.2, 131.0),
    "Upper Lip": (0.0, -104.8, 133.6), "Lower Lip": (0.0, -102.4, 127.7), "Nose Tip": (0.0, -119.2, 169.0), "Chin": (0.0, -97.3, 98.0),
    "Eye Outer Left": (48.9, -77.7, 201.8), "Eye Outer Right": (-48.9, -77.7, 201.8),
}


@dataclass(frozen=True)
class Whole:
    """All parts together.

    Attributes:
        points: (n, 3) mm. triangles: (m, 3). names: ARKit's, sorted. moves: (52, n, 3) float32 mm.
    """

    points: Array
    triangles: Array
    names: tuple[str, ...]
    moves: Array


@lru_cache(maxsize=1)
def whole_head() -> Whole:
    """The parts that move: face, teeth, tongue, eyes, brows. Made once: it takes a second."""
    parts = [part for part in build_head() if part.shapes]
    firsts = np.cumsum([0, *(len(part.positions) for part in parts)])
    names = tuple(sorted(parts[0].shapes))
    moves = np.zeros((len(names), firsts[-1], 3), np.float32)
    triangles = []
    for part, first in zip(parts, firsts, strict=False):
        for name, moved in part.shapes.items():
            moves[names.index(name), first:first + len(moved)] = moved / MILLIMETRE
        triangles += [(first + face[0], first + face[i], first + face[i + 1]) for face in part.faces for i in range(1, len(face) - 1)]
    points = np.concatenate([part.positions for part in parts]) / MILLIMETRE
    return Whole(points, np.array(triangles), names, moves)
