"""Meshes with shape keys as arrays: which of a character's meshes count, their vertices, and what each key moves."""

from __future__ import annotations

import bpy
import numpy as np

from ...engine import HeadMesh, RigError
from ..character import character


def panel_character(context: bpy.types.Context) -> character.Character:
    """The panel's character. Raises RigError."""
    settings = context.scene.unitalker
    return character.gather(context, settings.character.name if settings.character else "", settings.with_related)


def key_parts(found: character.Character) -> list[character.KeyTarget]:
    """The parts of a character that are shape keys."""
    return [part for part in found.targets if part.kind == 'KEY']


def meshes_of(found: character.Character) -> list[bpy.types.Object]:
    """The meshes with shape keys, the mesh with the most keys first. Raises RigError."""
    parts = sorted(key_parts(found), key=lambda part: -len(part.names))
    objects = [bpy.data.objects.get((part.object_name, part.library or None)) for part in parts]
    meshes = [obj for obj in objects if obj is not None and obj.type == 'MESH']
    if not meshes:
        raise RigError(
            f"{found.name!r} has no mesh with shape keys, so there are no shapes to compare. Pick the face mesh."
        )
    editing = next((obj for obj in meshes if obj.mode == 'EDIT'), None)
    if editing is not None:
        raise RigError(
            f"{editing.name!r} is in Edit Mode, where its shape keys cannot be read. Leave it (Tab), then match again."
        )
    return meshes


def head_mesh(objects: list[bpy.types.Object], names: tuple[str, ...]) -> HeadMesh:
    """All meshes as one, in the world's axes: a key of several meshes counts once."""
    sizes = [len(obj.data.shape_keys.reference_key.data) for obj in objects]
    moves = np.zeros((len(names), sum(sizes), 3), np.float32)
    points, triangles, first = [], [], 0
    for obj, size in zip(objects, sizes, strict=True):
        matrix = np.array(obj.matrix_world, np.float64)
        keys = obj.data.shape_keys
        points.append(coordinates(keys.reference_key) @ matrix[:3, :3].T + matrix[:3, 3])
        faces = _triangles(obj.data) + first
        triangles.append(faces if np.linalg.det(matrix[:3, :3]) > 0 else faces[:, ::-1])
        for row, name in enumerate(names):
            block = keys.key_blocks.get(name)
            if block is not None:
                moves[row, first:first + size] = displacement(obj, block) @ matrix[:3, :3].T
        first += size
    return HeadMesh(np.concatenate(points), np.concatenate(triangles), moves, names)


def coordinates(block: bpy.types.ShapeKey) -> np.ndarray:
    """(n, 3) vertices of a shape key in the mesh's axes."""
    return _read(block.data, "co").astype(np.float64)


def rest_coordinates(obj: bpy.types.Object) -> np.ndarray:
    """(n, 3) vertices of a mesh without keys and modifiers, in its own axes."""
    keys = obj.data.shape_keys
    return vertex_coordinates(obj.data) if keys is None else coordinates(keys.reference_key)


def vertex_coordinates(mesh: bpy.types.Mesh) -> np.ndarray:
    """(n, 3) vertices of a mesh in its own axes."""
    return _read(mesh.vertices, "co").astype(np.float64)


def displacement(obj: bpy.types.Object, block: bpy.types.ShapeKey) -> np.ndarray:
    """(n, 3) in the mesh's axes, what its vertex group masks left out."""
    moved = coordinates(block) - coordinates(block.relative_key)
    group = obj.vertex_groups.get(block.vertex_group) if block.vertex_group else None
    if group is None:
        return moved
    mask = np.zeros(len(moved))
    for vertex in obj.data.vertices:
        for membership in vertex.groups:
            if membership.group == group.index:
                mask[vertex.index] = membership.weight
    return moved * mask[:, None]


def _triangles(mesh: bpy.types.Mesh) -> np.ndarray:
    mesh.calc_loop_triangles()
    return _read(mesh.loop_triangles, "vertices", np.int32).astype(np.intp)


def _read(items: bpy.types.bpy_prop_collection, attribute: str, dtype: type = np.float32) -> np.ndarray:
    """(n, 3) of an attribute with three values."""
    values = np.empty(3 * len(items), dtype)
    items.foreach_get(attribute, values)
    return values.reshape(-1, 3)
