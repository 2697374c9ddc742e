"""A head with ARKit shapes from a glTF file, as plain arrays."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...values.types import FloatArray, IntArray

MILLIMETRES = 1000.0
GLTF_NUMBERS = {5121: np.uint8, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}


@dataclass(frozen=True)
class ShapedHead:
    """A head at rest and its shapes, in millimetres, up is +Z, the face looks towards -Y.

    Attributes:
        positions: (n, 3). triangles: (m, 3), counter-clockwise from outside.
        materials: name of the material of each triangle (m,).
        shapes: ARKit name -> displacement (n, 3).
    """

    positions: FloatArray
    triangles: IntArray
    materials: tuple[str, ...]
    shapes: Mapping[str, FloatArray]


def read_gltf_head(path: Path) -> ShapedHead:
    """A head of a .glb file in metres that looks towards +Z with Y up; `_L` and `_R` names become ARKit's."""
    data = path.read_bytes()
    json_length = struct.unpack("<I", data[12:16])[0]
    scene = json.loads(data[20:20 + json_length])
    binary = memoryview(data)[28 + json_length:]
    positions, triangles, first = [], [], 0
    materials: list[str] = []
    primitives = [(mesh, primitive) for mesh in scene["meshes"] for primitive in mesh["primitives"]]
    total = sum(scene["accessors"][primitive["attributes"]["POSITION"]]["count"] for _, primitive in primitives)
    shapes: dict[str, FloatArray] = {}
    for mesh, primitive in primitives:
        points = _accessor(scene, binary, primitive["attributes"]["POSITION"])
        faces = _accessor(scene, binary, primitive["indices"]).reshape(-1, 3).astype(np.intp)
        for name, target in zip(mesh["extras"]["targetNames"], primitive["targets"], strict=True):
            whole = shapes.setdefault(_arkit_name(name), np.zeros((total, 3)))
            whole[first:first + len(points)] = _upright(_accessor(scene, binary, target["POSITION"]))
        positions.append(_upright(points))
        triangles.append(faces + first)
        materials += [scene["materials"][primitive["material"]]["name"]] * len(faces)
        first += len(points)
    for name in ("cheekPuff", "browInnerUp"):
        shapes[name] = shapes[name + "Left"] + shapes[name + "Right"]
    return ShapedHead(np.concatenate(positions), np.concatenate(triangles), tuple(materials), shapes)


def _arkit_name(name: str) -> str:
    return name[:-2] + {"_L": "Left", "_R": "Right"}[name[-2:]] if name[-2:] in ("_L", "_R") else name


def _upright(points: FloatArray) -> FloatArray:
    """glTF's metres, Y up and face towards +Z, to millimetres, Z up and face towards -Y."""
    turned = np.column_stack([points[:, 0], -points[:, 2], points[:, 1]])
    return np.asarray(turned, np.float64) * MILLIMETRES


def _accessor(scene: Mapping[str, Any], binary: memoryview, index: int) -> FloatArray:
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
    return np.asarray(values)


def _view(scene: Mapping[str, Any], binary: memoryview, part: Mapping[str, Any], count: int) -> NDArray[Any]:
    view = scene["bufferViews"][part["bufferView"]]
    start = view.get("byteOffset", 0) + part.get("byteOffset", 0)
    return np.frombuffer(binary, GLTF_NUMBERS[part["componentType"]], count, start)
