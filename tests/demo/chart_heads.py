"""Heads for the charts: the project's test head, and a head in a glTF file with ARKit shapes, as plain arrays."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .head.model import COLOURS, build_head
from .raster import Mesh

Array = NDArray[np.floating]

MILLIMETRES = 1000.0
GLTF_NUMBERS = {5121: np.uint8, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}
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
    """A head of a .glb file in metres that looks towards +Z with Y up; `_L` and `_R` names become ARKit's."""
    data = path.read_bytes()
    json_length = struct.unpack("<I", data[12:16])[0]
    scene = json.loads(data[20:20 + json_length])
    binary = memoryview(data)[28 + json_length:]
    positions, triangles, colours, first = [], [], [], 0
    primitives = [(mesh, primitive) for mesh in scene["meshes"] for primitive in mesh["primitives"]]
    total = sum(scene["accessors"][primitive["attributes"]["POSITION"]]["count"] for _, primitive in primitives)
    shapes: dict[str, Array] = {}
    for mesh, primitive in primitives:
        points = _accessor(scene, binary, primitive["attributes"]["POSITION"])
        faces = _accessor(scene, binary, primitive["indices"]).reshape(-1, 3).astype(np.intp)
        for name, target in zip(mesh["extras"]["targetNames"], primitive["targets"], strict=True):
            whole = shapes.setdefault(_arkit_name(name), np.zeros((total, 3)))
            whole[first:first + len(points)] = _upright(_accessor(scene, binary, target["POSITION"]))
        positions.append(_upright(points))
        triangles.append(faces + first)
        colours.append(np.tile(GLTF_COLOURS[scene["materials"][primitive["material"]]["name"]], (len(faces), 1)))
        first += len(points)
    for name in ("cheekPuff", "browInnerUp"):
        shapes[name] = shapes[name + "Left"] + shapes[name + "Right"]
    return _head(np.concatenate(positions), np.concatenate(triangles), np.concatenate(colours), shapes)


def _head(positions: Array, triangles: NDArray[np.intp], colours: Array, shapes: Mapping[str, Array]) -> Head:
    moved = np.linalg.norm(shapes["mouthPucker"], axis=1)
    mouth = (positions * moved[:, None]).sum(axis=0) / moved.sum()
    return Head(Mesh(positions, triangles, colours), shapes, mouth * (0, 1, 1))


def _arkit_name(name: str) -> str:
    return name[:-2] + {"_L": "Left", "_R": "Right"}[name[-2:]] if name[-2:] in ("_L", "_R") else name


def _upright(points: Array) -> Array:
    """glTF's metres, Y up and face towards +Z, to millimetres, Z up and face towards -Y."""
    return np.column_stack([points[:, 0], -points[:, 2], points[:, 1]]).astype(np.float64) * MILLIMETRES


def _accessor(scene: Mapping[str, Any], binary: memoryview, index: int) -> Array:
    """The values of a glTF accessor (glTF 2.0, section 5.1), sparse ones filled with zeros."""
    accessor = scene["accessors"][index]
    width = {"SCALAR": 1, "VEC3": 3}[accessor["type"]]
    if "bufferView" in accessor:
        values = _view(scene, binary, accessor, accessor["count"] * width).copy()
    else:
        values = np.zeros(accessor["count"] * width, GLTF_NUMBERS[accessor["componentType"]])
    values = values.reshape(-1, width)
    if "sparse" in accessor:
        sparse = accessor["sparse"]
        rows = _view(scene, binary, sparse["indices"], sparse["count"])
        of_values = {**sparse["values"], "componentType": accessor["componentType"]}
        values[rows] = _view(scene, binary, of_values, sparse["count"] * width).reshape(-1, width)
    return values


def _view(scene: Mapping[str, Any], binary: memoryview, part: Mapping[str, Any], count: int) -> Array:
    view = scene["bufferViews"][part["bufferView"]]
    start = view.get("byteOffset", 0) + part.get("byteOffset", 0)
    return np.frombuffer(binary, GLTF_NUMBERS[part["componentType"]], count, start)
