"""Read and set controls of a character by data path: shape keys, bone components, custom properties. Makes no keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import bpy
import mathutils

from ...engine import Curve, RigChannel
from ...engine.values.messages import split_property
from .character import Character, KeyTarget
from .posture import PATHS
from .rotation import to_bone_modes

COMPONENTS = {"location": 3, "rotation_euler": 3, "scale": 3}       # of a bone, as poses are read


@dataclass(frozen=True)
class ControlValue:
    """One value to set: the data path within a part of the character."""

    part: KeyTarget
    path: str
    index: int
    value: float


def on_part(part: KeyTarget, moved: Mapping[RigChannel, Curve]) -> Iterator[ControlValue]:
    """The first values of curves that a part of the character has and no driver holds, rotations as each bone takes
    them."""
    owner = part.find()
    modes = {bone.name: bone.rotation_mode for bone in owner.pose.bones} if part.kind == 'OBJECT' and owner.pose else {}
    for control, curve in to_bone_modes(moved, modes).items():
        found = part.path_of(control)
        if found is not None and found not in part.driven:
            yield ControlValue(part, *found, float(curve.values[0]))


def read(owner: bpy.types.ID, path: str, index: int) -> float | int | bool | None:
    """The value as Blender holds it; None when the path leads nowhere."""
    try:
        value = owner.path_resolve(path)
        if split_property(path)[1]:
            value = _holder(owner, path)[_key(path)]        # path_resolve would round it to single precision
    except (ValueError, KeyError):
        return None
    return value[index] if hasattr(value, "__len__") else value


def write(owner: bpy.types.ID, path: str, index: int, value: float) -> None:
    """Set a value; a custom property keeps its type. A path that leads nowhere is left alone."""
    try:
        current = owner.path_resolve(path)
    except ValueError:
        return
    if hasattr(current, "__len__"):
        current[index] = value
    elif split_property(path)[1]:
        _holder(owner, path)[_key(path)] = type(current)(value)
    else:
        holder, _, attribute = path.rpartition(".")
        setattr(owner.path_resolve(holder), attribute, value)
    owner.update_tag()


def _holder(owner: bpy.types.ID, path: str) -> bpy.types.bpy_struct:
    """What has a custom property: the object or one of its bones."""
    holder = split_property(path)[0]
    return owner.path_resolve(holder) if holder else owner


def _key(path: str) -> str:
    return bpy.utils.unescape_identifier(split_property(path)[1])


def pose(character: Character) -> dict[RigChannel, float]:
    """The value of every control that is not driven; rotations as XYZ angles in radians, whatever the bone's mode.

    Of a shape key that several meshes have, the value that is furthest from 0.
    """
    values: dict[RigChannel, float] = {}
    for target in character.targets:
        owner = target.find()
        if target.kind == 'KEY':
            for name in target.names:
                channel = RigChannel("shape_key", name)
                value = float(owner.key_blocks[name].value)
                if target.path_of(channel) not in target.driven and abs(value) >= abs(values.get(channel, 0.0)):
                    values[channel] = value
            continue
        for name in target.properties:
            if (name, 0) not in target.driven:
                values[RigChannel("property", name)] = float(read(owner, name, 0))
        for bone in owner.pose.bones if owner.pose else ():
            values.update(_of_bone(bone, {path for path, _ in target.driven}))
    return values


def _of_bone(bone: bpy.types.PoseBone, driven: set[str]) -> Iterator[tuple[RigChannel, float]]:
    """All components of one bone."""
    prefix = f'pose.bones["{bpy.utils.escape_identifier(bone.name)}"].'
    rotation = PATHS.get(bone.rotation_mode, "rotation_euler")
    for path, size in COMPONENTS.items():
        if prefix + (rotation if path == "rotation_euler" else path) in driven:
            continue
        values = _angles(bone) if path == "rotation_euler" else getattr(bone, path)
        for index in range(size):
            yield RigChannel("bone", bone.name, path, index), float(values[index])


def _angles(bone: bpy.types.PoseBone) -> mathutils.Euler:
    """Angles about X, then Y, then Z."""
    if bone.rotation_mode == 'QUATERNION':
        return bone.rotation_quaternion.to_euler('XYZ')
    if bone.rotation_mode == 'AXIS_ANGLE':
        angle, *axis = bone.rotation_axis_angle
        return mathutils.Quaternion(axis, angle).to_euler('XYZ')
    if bone.rotation_mode == 'XYZ':
        return bone.rotation_euler
    return bone.rotation_euler.to_quaternion().to_euler('XYZ')
