"""Load the test head: its parts for Blender, and all of it as one cloud of vertices to compare other heads with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

DATA = Path(__file__).with_name("head.npz")
MM_PER_METRE = 1000.0

# Features that anybody finds on a face: (x, y, z) in mm; left is the head's own left.
LANDMARKS = {
    "Mouth Corner Left": (25.5, -94.2, 131.0), "Mouth Corner Right": (-25.5, -94.2, 131.0),
    "Upper Lip": (0.0, -104.8, 133.6), "Lower Lip": (0.0, -102.4, 127.7),
    "Nose Tip": (0.0, -119.2, 169.0), "Chin": (0.0, -97.3, 98.0),
    "Eye Outer Left": (48.9, -77.7, 201.8), "Eye Outer Right": (-48.9, -77.7, 201.8),
}


@dataclass(frozen=True)
class HeadPart:
    """One mesh of the head.

    Attributes:
        name: object name behind "LipSync ".
        points: (n, 3) float32 metres at rest.
        faces: vertex tuples, counter-clockwise from outside.
        materials: material name -> linear base colour; face_materials: (faces,) index into them.
        keys: ARKit name -> (n, 3) float32 metres with that shape key at 1, in the order of their names.
    """

    name: str
    points: NDArray[np.float32]
    faces: list[tuple[int, ...]]
    materials: dict[str, tuple[float, float, float]]
    face_materials: NDArray[np.integer]
    keys: dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class WholeHead:
    """All parts that move, together.

    Attributes:
        points: (n, 3) mm. triangles: (m, 3). names: ARKit's, sorted. moves: (52, n, 3) float32 mm.
    """

    points: NDArray[np.floating]
    triangles: NDArray[np.integer]
    names: tuple[str, ...]
    moves: NDArray[np.float32]


def load_head() -> tuple[HeadPart, ...]:
    """The face, which carries every shape, then teeth, tongue, eyes and brows with those they need, and hair."""
    with np.load(DATA) as data:
        return tuple(_part(data, str(name)) for name in data["parts"])


def _part(data: np.lib.npyio.NpzFile, name: str) -> HeadPart:
    points = data[f"{name} points"]
    ends = np.cumsum(data[f"{name} corners of face"])[:-1]
    faces = [tuple(corners) for corners in map(np.ndarray.tolist, np.split(data[f"{name} corners"], ends))]
    colours = map(tuple, data[f"{name} colours"].tolist())
    materials = dict(zip(data[f"{name} materials"].tolist(), colours, strict=True))
    names = data[f"{name} keys"].tolist()
    keys = dict(zip(names, _keys(points, data[f"{name} changes"]), strict=True)) if names else {}
    return HeadPart(name, points, faces, materials, data[f"{name} material of face"], keys)


def _keys(points: NDArray[np.float32], planes: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(keys, n, 3) coordinates; planes (12, keys, n): byte by byte, how their bits differ from those at rest."""
    changes = np.ascontiguousarray(np.moveaxis(planes, 0, -1)).view(np.int32)
    return (points.view(np.int32) + changes).view(np.float32)


@lru_cache(maxsize=1)
def whole_head() -> WholeHead:
    """The parts that move: face, teeth, tongue, eyes, brows."""
    parts = [part for part in load_head() if part.keys]
    firsts = np.cumsum([0, *(len(part.points) for part in parts)])
    names = tuple(parts[0].keys)
    moves = np.zeros((len(names), firsts[-1], 3), np.float32)
    triangles = []
    for part, first in zip(parts, firsts, strict=False):
        for name, key in part.keys.items():
            moves[names.index(name), first:first + len(key)] = (key - part.points) * MM_PER_METRE
        for a, *others in part.faces:
            triangles += [(first + a, first + b, first + c) for b, c in pairwise(others)]
    points = np.concatenate([part.points for part in parts]).astype(np.float64) * MM_PER_METRE
    return WholeHead(points, np.array(triangles), names, moves)
