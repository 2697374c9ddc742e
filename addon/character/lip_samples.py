"""Pose a character for a moment and measure its meshes: what a mouth of bones, properties or drivers does to the lips.

Every value is given back exactly before this returns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import bpy
import numpy as np

from ... import engine
from ...engine import Curve, HeadMesh, Rig, RigChannel
from ..host.translations import translate
from . import controls
from .character import Character, KeyTarget
from .mesh_arrays import triangles_of, vertex_coordinates

MAX_BYTES = 512 * 2**20     # of all vertices in all poses; larger characters are not measured

_Value = tuple[KeyTarget, str, int]


@dataclass(frozen=True)
class Sampled:
    """What was found.

    Attributes:
        mesh: for Rig.sampled; None where nothing was sampled. reason: why not, for the user; empty where the mesh's
            own keys tell all.
    """

    mesh: HeadMesh | None
    reason: str = ""


# Of the last character alone, by its name and preset: Live reads it at each step of a drag.
_last: dict[tuple[str, str], Sampled] = {}


def sample(
    view_layer: bpy.types.ViewLayer, character: Character, members: Sequence[bpy.types.Object], rig: Rig,
    may_move: bool = True,
) -> Sampled:
    """What the channels of the mouth do to the meshes of a character.

    Args:
        members: its objects. may_move: whether the character may be posed; else what was found the last time counts.
    """
    key = character.name, rig.preset
    if may_move or key not in _last:
        _last.clear()
        _last[key] = _sample(view_layer, character, members, rig)
    return _last[key]


def _sample(
    view_layer: bpy.types.ViewLayer, character: Character, members: Sequence[bpy.types.Object], rig: Rig,
) -> Sampled:
    poses = engine.lip_poses(rig)
    if not poses:
        return Sampled(None)
    meshes = [obj for obj in members if obj.type == 'MESH' and obj.visible_get(view_layer=view_layer)]
    if any(obj.mode == 'EDIT' for obj in meshes):
        return Sampled(None, translate("Lips are not fitted: a mesh is in Edit Mode"))
    points = _measured(view_layer, character, meshes, poses)
    if not points:
        return Sampled(None, translate("Lips are not fitted: no mesh of a fitting size is seen that the rig moves"))
    if len({len(vertices) for vertices in points}) > 1:
        return Sampled(None, translate("Lips are not fitted: the mesh has other vertices in other poses"))
    return Sampled(engine.sampled_mesh(rig, points, _triangles(view_layer, meshes)))


def _measured(
    view_layer: bpy.types.ViewLayer, character: Character, meshes: Sequence[bpy.types.Object],
    poses: Sequence[Mapping[RigChannel, Curve]],
) -> list[np.ndarray]:
    """Vertices (n, 3) of all meshes in each pose, in the world's axes; none where there are none, or too many."""
    wanted = [[value for part in character.targets for value in controls.on_part(part, pose)] for pose in poses]
    measured: list[np.ndarray] = []
    with _given_back(view_layer, {(value.part, value.path, value.index) for pose in wanted for value in pose}):
        for pose in wanted:
            for value in pose:
                controls.write(value.part.find(), value.path, value.index, value.value)
            view_layer.update()
            vertices = _vertices(view_layer, meshes)
            if not len(vertices) or vertices.nbytes * len(poses) > MAX_BYTES:
                return []
            measured.append(vertices)
    return measured


@contextmanager
def _given_back(view_layer: bpy.types.ViewLayer, values: set[_Value]) -> Iterator[None]:
    """Set these values again as they were, whatever happens."""
    before = [(part.find(), path, index, controls.read(part.find(), path, index)) for part, path, index in values]
    try:
        yield
    finally:
        for owner, path, index, value in before:
            if value is not None:
                controls.write(owner, path, index, value)
        view_layer.update()


def _vertices(view_layer: bpy.types.ViewLayer, meshes: Sequence[bpy.types.Object]) -> np.ndarray:
    """(n, 3) of the meshes as they are seen, after their modifiers."""
    found = [np.zeros((0, 3))]
    for obj in meshes:
        seen = obj.evaluated_get(view_layer.depsgraph)
        matrix = np.array(seen.matrix_world, np.float64)
        found.append(vertex_coordinates(seen.data) @ matrix[:3, :3].T + matrix[:3, 3])
    return np.concatenate(found)


def _triangles(view_layer: bpy.types.ViewLayer, meshes: Sequence[bpy.types.Object]) -> np.ndarray:
    found, first = [np.zeros((0, 3), np.intp)], 0
    for obj in meshes:
        mesh = obj.evaluated_get(view_layer.depsgraph).data
        found.append(triangles_of(mesh) + first)
        first += len(mesh.vertices)
    return np.concatenate(found)
