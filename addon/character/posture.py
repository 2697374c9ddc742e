"""How an artist posed a character's bones by hand: idle motion starts from there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import bpy
from mathutils import Euler, Quaternion

from ...engine.rig.idle_bones import known_names
from ..actions import actions
from ..actions.ledger import Channel, Ledger

PATHS = {'QUATERNION': "rotation_quaternion", 'AXIS_ANGLE': "rotation_axis_angle"}      # else rotation_euler
LEAST_RAD = 1e-4


def posed(obj: bpy.types.Object) -> Iterator[tuple[str, tuple[float, float, float, float]]]:
    """Each bone of head, eyes and chest that is turned, and its rotation (w, x, y, z) in its own axes.

    Of what our keys move, the rotation before them.
    """
    before: dict[Channel, float] = {}
    for use in actions.uses(obj):
        if actions.owns(use):
            before.update(Ledger.of(use.action).binding(actions.binding_key(use)).rest)
    names = known_names()
    for bone in [bone for bone in obj.pose.bones if bone.name.casefold() in names] if obj.pose else ():
        rotation = _rotation(bone, before)
        if rotation.angle > LEAST_RAD:
            yield bone.name, tuple(rotation)


def _rotation(bone: bpy.types.PoseBone, before: Mapping[Channel, float]) -> Quaternion:
    path = PATHS.get(bone.rotation_mode, "rotation_euler")
    start = f'pose.bones["{bpy.utils.escape_identifier(bone.name)}"].{path}'
    values = [before.get((start, index), value) for index, value in enumerate(getattr(bone, path))]
    if bone.rotation_mode == 'AXIS_ANGLE':
        return Quaternion(values[1:], values[0])
    if bone.rotation_mode == 'QUATERNION':
        return Quaternion(values).normalized()
    return Euler(values, bone.rotation_mode).to_quaternion()
