"""Heads for the charts: the project's test head, and a head in a glTF file with ARKit shapes, as plain arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.learn.visemes.gltf_head import read_gltf_head

from .head.model import COLOURS, build_head
from .raster import Mesh

Array = NDArray[np.floating]

MILLIMETRES = 1000.0
GLTF_COLOURS = {"skin": (0.62, 0.40, 0.31), "teeth_eyes": (0.80, 0.77, 0.70), "tongue_gums": (0.52, 0.17, 0.17)}


@dataclass(frozen=True)
class Head:
    """A head at rest and its shapes.

    Attributes:
        rest: positions, triangles and colours in mm. shapes: ARKit name -> displacement (n, 3) mm. mouth: (3,) its
            middle.
    """

    rest: Mesh
    shapes: Mapping[str, Array]
    mouth: Array

    def posed(self, weights: Array, channels: Sequence[str]) -> Mesh:
        """The head with these weights (n_channels,); a channel without a shape does nothing."""
        moved = self.rest.positions.copy()
        for name, weight in zip(channels, weights, strict=True):
            if weight and name in self.shapes:
                moved += weight * self.shapes[name]
        return Mesh(moved, self.rest.triangles, self.rest.colours)


def test_head() -> Head:
    """The head of `Add > Mesh > Lip Sync Test Head`, built without Blender."""
    parts = build_head()
    positions, triangles, colours, shapes, first = [], [], [], {}, 0
    total = sum(len(part.positions) for part in parts)
    for part in parts:
        for face, material in zip(part.faces, part.face_materials, strict=True):
            for i in range(1, len(face) - 1):
                triangles.append([first + face[0], first + face[i], first + face[i + 1]])
                colours.append(COLOURS[part.materials[int(material)]])
        for name, moved in part.shapes.items():
            whole = shapes.setdefault(name, np.zeros((total, 3)))
            whole[first:first + len(part.positions)] = moved * MILLIMETRES
        positions.append(part.positions * MILLIMETRES)
        first += len(part.positions)
    return _head(np.concatenate(positions), np.array(triangles), np.array(colours), shapes)


def gltf_head(path: Path) -> Head:
    """A head of a .glb file with ARKit shapes."""
    head = read_gltf_head(path)
    colours = np.array([GLTF_COLOURS[material] for material in head.materials])
    return _head(head.positions, head.triangles, colours, head.shapes)


def _head(positions: Array, triangles: NDArray[np.intp], colours: Array, shapes: Mapping[str, Array]) -> Head:
    moved = np.linalg.norm(shapes["mouthPucker"], axis=1)
    mouth = (positions * moved[:, None]).sum(axis=0) / moved.sum()
    return Head(Mesh(positions, triangles, colours), shapes, mouth * (0, 1, 1))
