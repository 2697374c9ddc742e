"""Where the face of a character is and which way it looks: for a camera on it, and for pictures cut to it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import bpy
import numpy as np
from bpy_extras.object_utils import world_to_camera_view
from mathutils import Vector

from ...engine import RigError
from . import picture

MOVING_SHARE = 0.1          # of the largest motion of any vertex: what moves less is no part of the face
FEWEST_VERTICES = 4         # of which a face is made; else it is all of the mesh
TALLER = 1.25               # a face reaches further than what speech moves
MOUTH_SHARE = 0.4           # the same for the mouth, whose keys move cheeks and chin a little
MOUTH_WORDS = ("mouth", "lip", "viseme")        # in names of shape keys and bones
FACE_WORDS = ("head", "jaw", "lip", "mouth", "chin", "brow", "cheek", "eye")
CLOSE_UP = 1.15             # of the face's size that a close-up shows
SMALLEST_PART = 0.01        # of the camera's picture: what is drawn of a face that is far away
FRONT = (0.0, -1.0, 0.0)    # which way Blender's characters look


@dataclass(frozen=True)
class Face:
    """The part of a character that speech moves.

    Attributes:
        object_name: whose vertices or bones these are.
        vertices: their indices, empty for an armature. bones: their names, empty for a mesh.
        front: (3,) which way it looks, in the world, without tilt.
    """

    object_name: str
    vertices: np.ndarray
    bones: tuple[str, ...]
    front: np.ndarray


def find_face(members: list[bpy.types.Object], mouth: bool = False) -> Face:
    """The face among the objects of a character: the mesh with most shape keys, else bones. Raises RigError.

    mouth: only what keys or bones of the mouth move; all of the face where no name speaks of one.
    """
    keyed = [obj for obj in members if obj.type == 'MESH' and obj.data.shape_keys is not None]
    meshes = [obj for obj in keyed if len(obj.data.shape_keys.key_blocks) > 1]
    if meshes:
        mesh = max(meshes, key=lambda obj: (len(obj.data.shape_keys.key_blocks), len(obj.data.vertices)))
        moving = _moving(mesh, mouth)
        if len(moving) < FEWEST_VERTICES:
            moving = np.arange(len(mesh.data.vertices))
        if len(moving):
            return Face(mesh.name, moving, (), _front_of(mesh, moving))
    armature = next((obj for obj in members if obj.type == 'ARMATURE' and obj.pose.bones), None)
    if armature is None:
        raise RigError(
            f"{members[0].name!r} has no shape keys or bones that move, so its face is not known. "
            "Pick the face mesh as the character."
        )
    bones = _named_bones(armature, MOUTH_WORDS) if mouth else ()
    bones = bones or _named_bones(armature, FACE_WORDS) or tuple(bone.name for bone in armature.pose.bones)
    return Face(armature.name, np.zeros(0, np.intp), bones, np.array(FRONT))


def box_of(context: bpy.types.Context, face: Face) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest corner (3,) of the face on the current frame, in the world. Raises RigError: it is gone."""
    obj = bpy.data.objects.get(face.object_name)
    if obj is None:
        raise RigError(f"{face.object_name!r} was removed or renamed meanwhile. Start again.")
    seen = obj.evaluated_get(context.evaluated_depsgraph_get())
    matrix = np.array(seen.matrix_world)
    if face.bones:
        bones = [seen.pose.bones.get(name) for name in face.bones]
        points = np.array([place for bone in bones if bone for place in (bone.head, bone.tail)])
    else:
        points = _positions(seen.data, face.vertices)
        if points is None:                          # a modifier changed the vertices: where they rest
            points = _positions(obj.data, face.vertices)
    if points is None or not len(points):
        raise RigError(f"The face of {face.object_name!r} has changed meanwhile. Start again.")
    world = points @ matrix[:3, :3].T + matrix[:3, 3]
    low, high = world.min(0), world.max(0)
    middle, half = (low + high) / 2, (high - low) / 2 * TALLER
    return middle - half, middle + half


def close_up(context: bpy.types.Context, face: Face) -> picture.Crop:
    """A square about the face that goes with it, so that mouths can be compared.

    Its size is that of the first call, and the chin does not pull it down. The first call raises RigError when the face
    is not in the camera's picture.
    """
    side_px: list[float] = []
    below_px: list[float] = []          # from the face's top to the middle of the picture

    def part() -> picture.Part:
        scene = context.scene
        corners = product(*zip(*box_of(context, face), strict=True))
        seen = np.array([world_to_camera_view(scene, scene.camera, Vector(corner)) for corner in corners])
        low, high = seen[:, :2].min(0), seen[:, :2].max(0)
        size = np.array((scene.render.resolution_x, scene.render.resolution_y), np.float64)
        if not side_px:
            if (seen[:, 2] <= 0).any() or (high < 0).any() or (low > 1).any():
                raise RigError(
                    f"{face.object_name!r} is not in the picture of {scene.camera.name!r} "
                    f"on frame {scene.frame_current}. Turn the camera, press Camera on Face, or switch Close-Up off."
                )
            below_px.append(float((high[1] - low[1]) / 2 * size[1]))
            wanted = max(CLOSE_UP * ((high - low) * size).max(), SMALLEST_PART * size.max())
            side_px.append(float(min(size.min(), wanted)))
        half = side_px[0] / 2 / size
        middle = np.array(((low[0] + high[0]) / 2, high[1] - below_px[0] / size[1])).clip(half, 1 - half)
        return (*map(float, middle - half), *map(float, middle + half))

    return part


def _moving(mesh: bpy.types.Object, mouth: bool) -> np.ndarray:
    """Indices of the vertices that shape keys, or those of the mouth, move well."""
    blocks = mesh.data.shape_keys.key_blocks[1:]
    named = [block for block in blocks if any(word in block.name.lower() for word in MOUTH_WORDS)] if mouth else []
    blocks, share = (named, MOUTH_SHARE) if named else (blocks, MOVING_SHARE)
    count = len(mesh.data.vertices)
    rest, moved = np.empty(count * 3, np.float32), np.empty(count * 3, np.float32)
    furthest = np.zeros(count, np.float32)
    for block in blocks:
        block.relative_key.data.foreach_get("co", rest)
        block.data.foreach_get("co", moved)
        np.maximum(furthest, np.linalg.norm((moved - rest).reshape(-1, 3), axis=1), out=furthest)
    return np.flatnonzero(furthest > share * furthest.max()) if furthest.any() else np.zeros(0, np.intp)


def _front_of(mesh: bpy.types.Object, vertices: np.ndarray) -> np.ndarray:
    """The way most of the face's surface looks, made level."""
    normals = np.empty(len(mesh.data.vertices) * 3, np.float32)
    mesh.data.vertices.foreach_get("normal", normals)
    turned = normals.reshape(-1, 3)[vertices].sum(0) @ np.array(mesh.matrix_world.to_3x3().normalized()).T
    level = turned * (1, 1, 0)
    length = float(np.linalg.norm(level))
    return level / length if length > 0.2 * np.linalg.norm(turned) and length > 0 else np.array(FRONT)


def _positions(mesh: bpy.types.Mesh, vertices: np.ndarray) -> np.ndarray | None:
    """Positions (n, 3) of these vertices, None when there are fewer now. Subdivision keeps the first ones."""
    count = len(mesh.vertices)
    if not len(vertices) or count <= vertices.max():
        return None
    positions = np.empty(count * 3, np.float32)
    mesh.vertices.foreach_get("co", positions)
    return positions.reshape(-1, 3)[vertices].astype(np.float64)


def _named_bones(armature: bpy.types.Object, words: tuple[str, ...]) -> tuple[str, ...]:
    """The bones whose names have one of these words."""
    return tuple(bone.name for bone in armature.pose.bones if any(word in bone.name.lower() for word in words))
