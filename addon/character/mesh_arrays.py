"""Meshes with shape keys as arrays: their vertices, what each key moves, and which keys move nothing."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterable, Iterator

import bpy
import numpy as np

from ...engine import HeadMesh, is_still
from . import channels_of

CACHED_FACES = 2            # characters whose shapes stay in memory
MAX_BYTES = 512 * 2**20     # of the shapes of one character; a larger one is not measured

_faces: OrderedDict[bytes, HeadMesh] = OrderedDict()


def face_mesh(objects: Iterable[bpy.types.Object]) -> HeadMesh | None:
    """All shape keys of a character as arrays, in the world's axes; read again only when their content changes.

    None where nothing can be measured: no mesh, a mesh in Edit Mode, or shapes beyond MAX_BYTES.
    """
    meshes = [obj for obj in objects if obj.type == 'MESH' and len(obj.data.vertices)]
    names = tuple(sorted(frozenset().union(*map(channels_of.shape_keys, meshes))))
    n_bytes = 12 * len(names) * sum(len(obj.data.vertices) for obj in meshes)
    if not names or n_bytes > MAX_BYTES or any(obj.mode == 'EDIT' for obj in meshes):
        return None
    content = _content(meshes)
    if content not in _faces:
        _faces[content] = head_mesh(meshes, names)
        while len(_faces) > CACHED_FACES:
            _faces.popitem(last=False)
    _faces.move_to_end(content)
    return _faces[content]


def _content(meshes: list[bpy.types.Object]) -> bytes:
    """What changes when a vertex, a key or the position of a mesh changes."""
    digest = hashlib.blake2b(digest_size=16)
    for obj in meshes:
        digest.update(repr((obj.name, [list(row) for row in obj.matrix_world], len(obj.data.polygons))).encode())
        for block in obj.data.shape_keys.key_blocks:
            digest.update(repr((block.name, block.relative_key.name, block.vertex_group)).encode())
            digest.update(_read(block.data, "co").tobytes())
    return digest.digest()


def still_keys(objects: Iterable[bpy.types.Object]) -> frozenset[str]:
    """Shape keys that move nothing on any mesh that has them, and that no driver reads: they may drive what moves."""
    moving: set[str] = set()
    still: set[str] = set()
    for obj in objects:
        names = channels_of.shape_keys(obj)
        empty = set(_empty_keys(obj, names)) if obj.type == 'MESH' and obj.mode != 'EDIT' else set()
        still |= empty
        moving |= names - empty
    found = still - moving
    return frozenset(found - set(_read_by_drivers())) if found else frozenset()


def _empty_keys(obj: bpy.types.Object, names: frozenset[str]) -> Iterator[str]:
    blocks = obj.data.shape_keys.key_blocks if names else {}
    rest = {block.name: _read(block.data, "co") for block in blocks if block.name not in names}
    rest |= {block.relative_key.name: _read(block.relative_key.data, "co") for block in blocks}
    size = max((float(np.ptp(points, axis=0).max()) for points in rest.values() if len(points)), default=0.0)
    for name in names:
        block = blocks[name]
        if is_still(_read(block.data, "co") - rest[block.relative_key.name], size):
            yield name


def _read_by_drivers() -> Iterator[str]:
    """Names of shape keys whose values drivers of this file read."""
    for owner in (*bpy.data.objects, *bpy.data.shape_keys, *bpy.data.armatures, *bpy.data.materials):
        for curve in owner.animation_data.drivers if owner.animation_data else ():
            for target in (target for variable in curve.driver.variables for target in variable.targets):
                if isinstance(target.id, bpy.types.Key) and target.data_path.startswith("key_blocks["):
                    found = target.id.path_resolve(target.data_path.rpartition(".")[0])
                    yield found.name


def head_mesh(objects: list[bpy.types.Object], names: tuple[str, ...]) -> HeadMesh:
    """All meshes as one, in the world's axes: a key of several meshes counts once."""
    sizes = [len(obj.data.shape_keys.reference_key.data) for obj in objects]
    moves = np.zeros((len(names), sum(sizes), 3), np.float32)
    points, triangles, first = [], [], 0
    for obj, size in zip(objects, sizes, strict=True):
        matrix = np.array(obj.matrix_world, np.float64)
        keys = obj.data.shape_keys
        points.append(coordinates(keys.reference_key) @ matrix[:3, :3].T + matrix[:3, 3])
        faces = triangles_of(obj.data) + first
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


def triangles_of(mesh: bpy.types.Mesh) -> np.ndarray:
    """(m, 3) vertices of a mesh's triangles."""
    mesh.calc_loop_triangles()
    return _read(mesh.loop_triangles, "vertices", np.int32).astype(np.intp)


def _read(items: bpy.types.bpy_prop_collection, attribute: str, dtype: type = np.float32) -> np.ndarray:
    """(n, 3) of an attribute with three values."""
    values = np.empty(3 * len(items), dtype)
    items.foreach_get(attribute, values)
    return values.reshape(-1, 3)
