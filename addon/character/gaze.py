"""Which way a character has to look to see an object: directions from its eyes, frame by frame."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import bpy
import numpy as np
from mathutils import Vector

from ...engine.rig.idle_bones import known_names
from . import channels_of

BLINK = "blink"             # in the names of keys that move the skin around the eyes
MOVED_SHARE = 0.2           # of the furthest vertex of such a key: skin of the lids
FRONT = Vector((0.0, -1.0, 0.0))    # which way Blender's characters look
UP = Vector((0.0, 0.0, 1.0))
LEAST_LEVEL = 0.2           # of the lids' normals together: a face that looks straight up or down tells no way
MOST_LOOKS = 300            # frames on which something that moves is looked at; between them a straight line

Look = tuple[float, float]  # yaw to the character's right and pitch downwards, in radians
_looked: dict[tuple[object, ...], tuple[Look, ...]] = {}        # of the last pair alone


@dataclass(frozen=True)
class Eyes:
    """Where eyes are and which way they look at rest, in the space of an object."""

    owner: bpy.types.Object
    place: Vector
    front: Vector


def directions(
    scene: bpy.types.Scene, members: Iterable[bpy.types.Object], target: bpy.types.Object, frames: Sequence[float],
    may_move: bool = True,
) -> tuple[Look, ...]:
    """Yaw and pitch to a target on each frame, one alone where nothing moves; none where the eyes are not known.

    Of a target with a face of its own, its eyes. Only the objects are looked at: a head that an armature turns counts
    as it lies at rest. may_move: whether the scene may go to other frames and back; else what was found the last time
    counts, or how all lies now.
    """
    eyes, aim = find_eyes(members), find_eyes([target])
    if eyes is None or not len(frames) or eyes.owner == target:
        return ()
    if not _moves(eyes.owner) and not _moves(target):
        return (_look(eyes, target, aim),)
    key = scene.name, eyes.owner.name, target.name, frames[0], len(frames)
    if not may_move:
        return _looked.get(key, (_look(eyes, target, aim),))
    _looked.clear()
    _looked[key] = _look_along(scene, frames, eyes, target, aim)
    return _looked[key]


def _look_along(
    scene: bpy.types.Scene, frames: Sequence[float], eyes: Eyes, target: bpy.types.Object, aim: Eyes | None,
) -> tuple[Look, ...]:
    step = max(1, math.ceil(len(frames) / MOST_LOOKS))
    looked = sorted({*range(0, len(frames), step), len(frames) - 1})
    now, part = scene.frame_current, scene.frame_subframe
    try:
        looks = np.array([_look_on(scene, frames[number], eyes, target, aim) for number in looked])
    finally:
        scene.frame_set(now, subframe=part)
    every = range(len(frames))
    yaw, pitch = (np.interp(every, looked, looks[:, axis]) for axis in (0, 1))
    return tuple(zip(yaw.tolist(), pitch.tolist(), strict=True))


def find_eyes(members: Iterable[bpy.types.Object]) -> Eyes | None:
    """The eyes of a character by its keys for blinks, else by bones of the eyes."""
    listed = list(members)
    for obj in listed:
        moved = _lids(obj) if obj.type == 'MESH' else np.zeros(0, np.intp)
        if len(moved):
            places, normals = (_of_vertices(obj.data, name)[moved] for name in ("co", "normal"))
            return Eyes(obj, Vector(places.mean(axis=0)), _front(obj, Vector(normals.sum(axis=0))))
    for obj in listed:
        bones = [bone for bone in obj.data.bones if _is_eye(bone.name)] if obj.type == 'ARMATURE' else []
        if bones:
            places = [bone.head_local for bone in bones]
            return Eyes(obj, sum(places, Vector()) / len(places), _front(obj, Vector()))
    return None


def _front(obj: bpy.types.Object, normals: Vector) -> Vector:
    """Where eyes look whose lids have these normals together; in the object's space, as it stands now."""
    turned = obj.matrix_world.to_3x3()
    ahead = turned @ normals
    ahead.z = 0.0
    level = ahead if ahead.length > LEAST_LEVEL * normals.length > 0 else FRONT
    return (turned.inverted_safe() @ level).normalized()


def _lids(mesh: bpy.types.Object) -> np.ndarray:
    """Vertices that keys for blinks move."""
    names = sorted(name for name in channels_of.shape_keys(mesh) if BLINK in name.casefold())
    found = []
    for block in (mesh.data.shape_keys.key_blocks[name] for name in names):
        moved = np.linalg.norm(_of_vertices(block, "co") - _of_vertices(block.relative_key, "co"), axis=1)
        if moved.any():
            found.append(np.flatnonzero(moved > MOVED_SHARE * moved.max()))
    return np.unique(np.concatenate(found)) if found else np.zeros(0, np.intp)


def _of_vertices(holder: bpy.types.ID | bpy.types.ShapeKey, name: str) -> np.ndarray:
    rows = holder.data if isinstance(holder, bpy.types.ShapeKey) else holder.vertices
    values = np.empty(3 * len(rows), np.float32)
    rows.foreach_get(name, values)
    return values.reshape(-1, 3)


def _is_eye(name: str) -> bool:
    return "eye" in name.casefold() and name.casefold() in known_names()


def _moves(obj: bpy.types.Object | None) -> bool:
    """Whether an object, or what it hangs on, may be elsewhere on another frame."""
    while obj is not None:
        if obj.animation_data is not None or len(obj.constraints) or obj.parent_type in ('BONE', 'VERTEX'):
            return True
        obj = obj.parent
    return False


def _look_on(
    scene: bpy.types.Scene, frame: float, eyes: Eyes, target: bpy.types.Object, aim: Eyes | None,
) -> Look:
    whole = math.floor(frame)
    scene.frame_set(whole, subframe=frame - whole)
    return _look(eyes, target, aim)


def _look(eyes: Eyes, target: bpy.types.Object, aim: Eyes | None) -> Look:
    """The direction now."""
    placed, aimed = eyes.owner.matrix_world, target.matrix_world
    ahead = placed.to_3x3() @ eyes.front
    front = Vector((ahead.x, ahead.y, 0.0)).normalized()
    there = aimed @ (aim.place if aim is not None else Vector()) - placed @ eyes.place
    right = front.cross(UP)
    level = math.hypot(there @ front, there @ right)
    return math.atan2(there @ right, there @ front), -math.atan2(there @ UP, level)
